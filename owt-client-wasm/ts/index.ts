/** Call Python from JavaScript: send an adaptor and its arguments to an owt server. */

export type { Adaptor } from './adaptor.js';
export type { OwtEvent } from './answer.js';
export { type Auth, type CallOptions, Owt, type OwtOptions, type StreamOptions } from './client.js';
export { type ClientErrorCode, OwtError, type OwtErrorDetails } from './error.js';
export type { Fields } from './fields.js';
export type { Job, JobStatus, ResultOptions } from './job.js';
export { owtify } from './owtify.js';
export type { Progress } from './progress.js';
