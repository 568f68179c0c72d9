/** `millrace/api`: the HTTP service that takes jobs. */
export { type Api, type ApiOptions, createApi } from './app.ts';
export { type RunningApi, type StartApiOptions, startApi } from './start.ts';
