/** The page: write Python, run it, see the answer. */

import { OwtError } from 'owt-client';
import { Answer } from './answer/answer.js';
import { markOf } from './answer/failure.js';
import { send } from './call.js';
import { CodeSide } from './code-side.js';
import { find } from './dom.js';
import { EndpointSide } from './endpoint-side.js';
import { endpoints } from './endpoints.js';
import { watchHealth } from './health.js';
import { Runner } from './runner.js';
import { ServerPanel } from './server.js';
import { curl } from './snippets/curl.js';
import { javascript } from './snippets/javascript.js';
import { type Snippets, SnippetPanel } from './snippets/panel.js';
import { planOf, urlOfCall } from './snippets/plan.js';
import { python } from './snippets/python.js';
import { rust } from './snippets/rust.js';
import { urllib } from './snippets/urllib.js';
import { TabList } from './tab-list.js';

const runButton = find<HTMLButtonElement>('run');
const stopButton = find<HTMLButtonElement>('stop');
const snippets = new SnippetPanel();
const server = new ServerPanel();
const answer = new Answer(
  { panel: find('result'), says: find('says'), progress: find('progress') },
  (line) => code.goTo(line),
);
const runner = new Runner((isRunning) => {
  stopButton.hidden = !isRunning;
  document.body.classList.toggle('running', isRunning);
});

/** The named endpoints, while one of them is what is called. */
let endpoint: EndpointSide | undefined;

const code = new CodeSide(draw, run);

/** Shows the call in other notations, if somebody looks. */
function draw(): void {
  if (!find('snippets').hidden) snippets.show(notations());
}

function notations(): Snippets {
  const chosen = endpoint;
  if (chosen !== undefined) {
    const { plan } = chosen;
    return {
      curl: () => curl(plan),
      'JavaScript, fetch': () => javascript(plan),
      Python: () => urllib(plan),
      URL: () => plan.url,
    };
  }
  const { call } = code;
  return {
    curl: () => curl(planOf(call)),
    'JavaScript, fetch': () => javascript(planOf(call)),
    'Python, owt.client': () => python(call),
    'Rust, owt-client': () => rust(call),
    URL: () => urlOfCall(call),
  };
}

function run(): void {
  panels.open(0);
  // On a narrow screen, the answer is below.
  if (find('panels').getBoundingClientRect().top > innerHeight - 100) {
    find('panels').scrollIntoView({ block: 'start' });
  }
  const chosen = endpoint;
  const { call } = code;
  code.mark(undefined);
  answer.begin();
  void runner.run({
    call: async (signal) => {
      const response = await (chosen === undefined
        ? send(
            call,
            signal,
            (progress) => !signal.aborted && runner.isRunning && answer.progress(progress),
          )
        : ownAnswer(chosen.send(signal)));
      await answer.show(response, chosen?.name ?? call.draft.name);
    },
    onFail: (err) => {
      answer.fail(err);
      if (chosen === undefined && err instanceof OwtError) code.mark(markOf(err.message));
    },
    onEnd: (how) => answer.end(how),
  });
}

/** An endpoint's own answer; owt's errors are thrown. */
async function ownAnswer(asked: Promise<Response>): Promise<Response> {
  const response = await asked;
  const error = response.headers.get('owt-error');
  if (error === null) return response;
  throw new OwtError(error, (await response.text()).trimEnd(), { response });
}

/** Shows one of some panels. */
class Panels {
  readonly #tabs: TabList;
  readonly #all: readonly [string, string][];
  readonly #onOpen: (id: string) => void;

  constructor(tabs: string, all: readonly [string, string][], onOpen: (id: string) => void) {
    this.#tabs = new TabList(find(tabs), (index) => this.open(index));
    this.#all = all;
    this.#onOpen = onOpen;
  }

  open(index: number): void {
    const tabs = this.#all.map(([panel, label]) => ({ panel, label }));
    this.#tabs.show(tabs, index);
    for (const [position, [id]] of this.#all.entries()) find(id).hidden = position !== index;
    this.#onOpen(this.#all[index]?.[0] ?? '');
  }
}

const panels = new Panels(
  'panels',
  [
    ['answer', 'Answer'],
    ['snippets', 'Use elsewhere'],
    ['server', 'Server'],
  ],
  () => {
    draw();
    server.look();
  },
);

async function showEndpoints(): Promise<void> {
  const all = await endpoints().catch(() => []);
  if (all.length === 0) return;
  const side = new EndpointSide(all, draw);
  const modes = new Panels(
    'modes',
    [
      ['code', 'Write code'],
      ['endpoints', `Endpoints (${all.length})`],
    ],
    (id) => {
      endpoint = id === 'endpoints' ? side : undefined;
      draw();
    },
  );
  find('modes').hidden = false;
  modes.open(0);
}

runButton.addEventListener('click', run);
stopButton.addEventListener('click', () => {
  runner.stop();
  runButton.focus();
});
document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented) return;
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
  if (event.key === 'Escape' && runner.isRunning) runner.stop();
});

// Over plain HTTP, browsers say nothing of a GET but the page that makes it, and `/` does not count as one.
if (!isSecureContext) history.replaceState(null, '', '/_owt/');
panels.open(0);
void showEndpoints();
void watchHealth();
