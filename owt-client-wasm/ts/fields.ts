/** The fields of an envelope that a caller may set. */

/** How a call is made, besides its adaptor and arguments. */
export interface Fields {
  /** The function to call, instead of `run`. */
  fnName?: string | undefined;
  /** Whether the result is kept, and given again for the same path, code and function. */
  useCache?: boolean | undefined;
  /** Whether a result is kept for each set of arguments. */
  cacheKwargs?: boolean | undefined;
  /** The key under which the result is kept, whatever is called. */
  cacheKeyOverride?: string | undefined;
  /** Seconds that the call may run. */
  timeout?: number | undefined;
  /** Whether to load the adaptor anew. */
  reload?: boolean | undefined;
}
