const trap = (): never => {
  throw new Error('a trap');
};

/** An error of which nothing at all can be asked: each trap of the proxy throws. */
export const mined = (): Error =>
  new Proxy(new Error('mined'), {
    get: trap,
    has: trap,
    getPrototypeOf: trap,
    ownKeys: trap,
    getOwnPropertyDescriptor: trap,
  });
