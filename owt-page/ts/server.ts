/** What runs and what is loaded, asked for while somebody looks. */

import { urlOf } from './address.js';
import { button, find, make } from './dom.js';
import { bytes, seconds } from './size.js';
import { table } from './answer/table.js';

const PAUSE = 1000;

interface RunningCall {
  id: string;
  method: string;
  path: string;
  state: string;
  age: number;
  pool: string;
  progress?: { done: number; total: number | null; text: string | null } | null;
}

interface LoadedAdaptor {
  digest: string;
  name: string | null;
  fn_names: string[];
  pool: string;
  worker: string;
  calls: number;
  memory: number;
  age: number;
}

interface Pool {
  name: string;
  workers: { name: string; is_up: boolean; calls: number; memory: number; age: number }[];
}

/** Shows it in the panel, from now on until the panel is hidden. */
export class ServerPanel {
  readonly #panel = find('server');
  #timer: ReturnType<typeof setTimeout> | undefined;
  #drawn = '';

  constructor() {
    document.addEventListener('visibilitychange', () => this.look());
  }

  /** Looks, and again every second. */
  look(): void {
    clearTimeout(this.#timer);
    if (this.#panel.hidden || document.hidden) return;
    void this.#draw().finally(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.look(), PAUSE);
    });
  }

  async #draw(): Promise<void> {
    try {
      const [calls, adaptors, pools] = await Promise.all([
        ask<RunningCall[]>('calls'),
        ask<LoadedAdaptor[]>('adaptors'),
        ask<Pool[]>('pools'),
      ]);
      const drawn = JSON.stringify([calls, adaptors, pools]);
      // A button that has the focus stays where it is.
      const focused = this.#panel.contains(document.activeElement)
        ? document.activeElement?.id
        : '';
      if (drawn === this.#drawn) return;
      this.#drawn = drawn;
      this.#panel.replaceChildren(
        ...section('Running calls', running(calls, this), 'Nothing is running.'),
        ...section(
          'Loaded adaptors',
          loaded(adaptors, this),
          'Nothing is loaded yet. An adaptor stays loaded after its first call.',
        ),
        ...section('Workers', poolRows(pools), 'No worker is up.'),
      );
      if (focused) document.getElementById(focused)?.focus();
    } catch {
      this.#drawn = '';
      this.#panel.replaceChildren(make('p', { class: 'empty' }, 'The server does not answer.'));
    }
  }
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(urlOf(`_owt/${path}`));
  if (!response.ok) throw new Error(path);
  return response.json() as Promise<T>;
}

function section(title: string, rows: HTMLElement | undefined, empty: string): HTMLElement[] {
  return [make('h3', {}, title), rows ?? make('p', { class: 'empty' }, empty)];
}

function running(calls: RunningCall[], panel: ServerPanel): HTMLElement | undefined {
  if (calls.length === 0) return undefined;
  const rows = calls.map((call) => {
    const { progress } = call;
    const far = progress
      ? (progress.text ?? `${progress.done} of ${progress.total ?? '?'}`)
      : call.state;
    return make(
      'li',
      {},
      make('span', { class: 'what' }, `${call.method} ${call.path}`),
      make('span', { class: 'type' }, `${far} · ${seconds(call.age)} · ${call.pool}`),
      action('Stop', `Stop ${call.method} ${call.path}`, `calls/${call.id}`, panel),
    );
  });
  return make('ul', { class: 'rows' }, ...rows);
}

function loaded(adaptors: LoadedAdaptor[], panel: ServerPanel): HTMLElement | undefined {
  if (adaptors.length === 0) return undefined;
  const rows = adaptors.map((adaptor) => {
    const { digest, memory, calls, age } = adaptor;
    const name = adaptor.name ?? `${adaptor.fn_names.join(', ')} ${digest.slice(0, 8)}`;
    const memorySaid = memory > 0 ? ` · ${bytes(memory)}` : '';
    const facts = `${adaptor.pool}/${adaptor.worker} · ${calls} ${calls === 1 ? 'call' : 'calls'}${memorySaid} · ${seconds(age)}`;
    return make(
      'li',
      {},
      make('span', { class: 'what', title: digest }, name),
      make('span', { class: 'type' }, facts),
      action('Unload', `Unload ${name}`, `adaptors/${digest}`, panel),
    );
  });
  return make('ul', { class: 'rows' }, ...rows);
}

function poolRows(pools: Pool[]): HTMLElement | undefined {
  const rows = pools.flatMap(({ name, workers }) =>
    workers.map((worker) => [
      `${name}/${worker.name}`,
      worker.is_up ? 'up' : 'starting',
      worker.calls,
      bytes(worker.memory),
      seconds(worker.age),
    ]),
  );
  if (rows.length === 0) return undefined;
  return table(['worker', 'state', 'calls', 'memory', 'age'], rows);
}

/** A button that has the server end something. */
function action(text: string, label: string, path: string, panel: ServerPanel): HTMLElement {
  const id = `action-${path}`;
  return button(text, { class: 'quiet', 'aria-label': label, id }, () => {
    void fetch(urlOf(`_owt/${path}`), { method: 'DELETE' }).finally(() => panel.look());
  });
}
