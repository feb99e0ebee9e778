/** The answer of a call: nothing yet, on its way, there, or why there is none. */

import { OwtError, type Progress } from 'owt-client';
import { copyText } from '../clipboard.js';
import { button, make } from '../dom.js';
import { seconds } from '../size.js';
import { Bar } from './bar.js';
import { failure } from './failure.js';
import { releaseUrls, urlOfBlob } from './object-urls.js';
import { viewer } from './view.js';

/** How many bytes of an answer are kept for a download; an answer may have no end. */
const MAX_KEPT = 1_000_000_000;

export class Answer {
  readonly #panel: HTMLElement;
  readonly #says: HTMLElement;
  readonly #progress: HTMLElement;
  readonly #goTo: (line: number) => void;
  #begun = 0;
  /** How many calls there were: what is left of an earlier one shows nothing any more. */
  #count = 0;

  constructor(
    { panel, says, progress }: Record<'panel' | 'says' | 'progress', HTMLElement>,
    goTo: (line: number) => void,
  ) {
    this.#panel = panel;
    this.#says = says;
    this.#progress = progress;
    this.#goTo = goTo;
  }

  /** A call has been sent. */
  begin(): void {
    this.#begun = performance.now();
    this.#count += 1;
    releaseUrls();
    this.#panel.replaceChildren();
    this.#panel.setAttribute('aria-busy', 'true');
    this.#say('Running …');
  }

  /** How far the call has come. */
  progress({ done, total, text }: Progress): void {
    const bar = make('progress', { 'aria-label': 'Progress' });
    if (total !== null && total > 0) {
      bar.max = total;
      bar.value = done;
    }
    const count = total === null ? String(done) : `${done} of ${total}`;
    this.#progress.replaceChildren(bar, make('span', {}, text ?? count));
  }

  /** Shows an answer as it comes. */
  async show(response: Response, name: string): Promise<void> {
    const count = this.#count;
    const view = viewer(response);
    const bar = new Bar(response);
    this.#panel.replaceChildren(bar.element, view.element);
    const kept: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    const type = response.headers.get('content-type') ?? '';
    const whole = () => new Blob(kept, { type });
    try {
      for await (const chunk of chunks(response)) {
        view.feed?.(chunk);
        size += chunk.byteLength;
        if (size <= MAX_KEPT) kept.push(chunk);
        bar.show(size, this.#elapsed);
      }
    } finally {
      bar.show(size, this.#elapsed);
      await view.end(whole());
      const isShown = count === this.#count && size > 0;
      if (isShown && size <= MAX_KEPT) this.#panel.append(keeping(whole(), response, name));
    }
  }

  /** Shows why there is no answer, or no more of it. */
  fail(err: unknown): void {
    this.#panel.append(failure(err, this.#goTo));
  }

  /** It is over. */
  end(how: 'done' | 'failed' | 'stopped'): void {
    this.#panel.removeAttribute('aria-busy');
    this.#progress.replaceChildren();
    const words = { done: 'Done in', failed: 'Failed after', stopped: 'Stopped after' };
    this.#say(`${words[how]} ${seconds(this.#elapsed)}`);
  }

  get #elapsed(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  #say(text: string): void {
    this.#says.textContent = text;
  }
}

async function* chunks(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read().catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
      throw new OwtError('answer-broken', 'The answer broke off. The log of the server says why.', {
        cause,
      });
    });
    if (part === undefined || part.done) return;
    yield part.value;
  }
}

/** Copies or downloads an answer. */
function keeping(whole: Blob, response: Response, name: string): HTMLElement {
  const link = make('a', { class: 'button quiet', download: fileName(response, name) }, 'Download');
  // Opened in a tab of its own, it is no document of this origin.
  link.href = urlOfBlob(new Blob([whole], { type: 'application/octet-stream' }));
  const copy = button('Copy', { class: 'quiet' }, () => {
    void whole
      .text()
      .then(copyText)
      .then((says) => (copy.textContent = says));
  });
  const isText = /^text\/|json|xml|yaml/.test(whole.type);
  return make('div', { class: 'keeping' }, link, ...(isText ? [copy] : []));
}

const ENDINGS: Record<string, string> = {
  'application/json': 'json',
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'text/plain': 'txt',
};

/** As the adaptor names it, else after the code. */
function fileName(response: Response, name: string): string {
  const said = /filename="?([^";]+)"?/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const ending = ENDINGS[type] ?? /^\w+\/([\w]+)$/.exec(type)?.[1] ?? 'bin';
  return said ?? `${name.replace(/\.py$/, '')}.${ending}`;
}
