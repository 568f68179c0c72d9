const { hostname, port } = new URL(process.env.REDIS_URL);

export const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
export const QUEUE = 'noop';
