/** A `fetch` that counts what it sends. */

/** What was sent: the number of requests, and the bytes of URL and body of each. */
export class Wire {
  readonly sizes: number[] = [];

  readonly fetch: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    this.sizes.push(url.length + String(init?.body ?? '').length);
    return fetch(input, init);
  };
}
