/** The fields of an envelope that a caller may set, as `owt-core` declares them. */

/** How a call is made, besides its adaptor and arguments. */
export interface Fields {
  /** The function to call instead of `run`. */
  fnName?: string | undefined;
  /** Keep the result, and give it again for the same path, code and function. */
  useCache?: boolean | undefined;
  /** Keep a result for each set of arguments. */
  cacheKwargs?: boolean | undefined;
  /** The key under which the result is kept, whatever is called. */
  cacheKeyOverride?: string | undefined;
  /** How long the call may run, in seconds. */
  timeout?: number | undefined;
  /** Load the adaptor anew, and the modules of the start directory that it imports. */
  reload?: boolean | undefined;
  /** Make the call again if a member of its pool is lost that may have run it: running twice does no harm. */
  retry?: boolean | undefined;
  /** The pool of workers that the call is for; by default the one that the code names, else `default`. */
  pool?: string | undefined;
  /** How long the adaptor stays loaded after its last call: a number of seconds, `5m`, `1h`, or `-1` for ever. */
  keepAlive?: string | undefined;
}

/** The names by which they are sent. */
export const NAMES: Record<keyof Fields, string> = {
  fnName: 'fn_name',
  useCache: 'use_cache',
  cacheKwargs: 'cache_kwargs',
  cacheKeyOverride: 'cache_key_override',
  timeout: 'timeout',
  reload: 'reload',
  retry: 'retry',
  pool: 'pool',
  keepAlive: 'keep_alive',
};
