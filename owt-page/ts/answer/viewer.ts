/** What shows an answer, while it comes and once it is there. */

export interface Viewer {
  readonly element: HTMLElement;
  /** Shows the next bytes. What can only be shown whole leaves this out. */
  feed?(bytes: Uint8Array): void;
  /** Shows all of it, which has come to its end, or as much as there was when it broke off. */
  end(whole: Blob): void | Promise<void>;
}
