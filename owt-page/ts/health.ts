/** The dot in the header: whether the server answers, and with how many workers. */

import { urlOf } from './address.js';
import { find } from './dom.js';

const PAUSE = 5000;

interface Health {
  status: string;
  version: string;
  workers: { alive: number; total: number };
}

/** Keeps it up to date. */
export async function watchHealth(): Promise<void> {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function look(): Promise<void> {
  const element = find('health');
  try {
    const { status, workers, version } = (await (
      await fetch(urlOf('_owt/health'))
    ).json()) as Health;
    element.dataset.state = status;
    element.textContent = `${status}, ${workers.alive} of ${workers.total} workers`;
    element.title = `owt ${version}`;
  } catch {
    element.dataset.state = 'gone';
    element.textContent = 'no answer';
  }
}
