// The page's program: it calls write.py, shows the words as they come, and can stop.

import { Owt, OwtError } from 'owt-client';
import adaptor from './write.py?raw';

const element = (id) => document.getElementById(id);
const { form, text, length, server, write, stop, progress } = Object.fromEntries(
  ['form', 'text', 'length', 'server', 'write', 'stop', 'progress'].map((id) => [id, element(id)]),
);

/** What one kind of event does to the page. */
const show = {
  word: (word) => element('reply').append(`${word} `),
  progress: (share) => (progress.value = share),
};

async function run(signal) {
  const owt = new Owt(server.value);
  const kwargs = { text: text.value, length: length.valueAsNumber };
  for await (const { event, data } of owt.events(adaptor, kwargs, { signal })) {
    show[event](JSON.parse(data));
  }
}

async function start() {
  const controller = new AbortController();
  stop.onclick = () => controller.abort();
  begin();
  try {
    await run(controller.signal);
    end('Done.');
  } catch (err) {
    end(words(err), err);
  }
}

function begin() {
  element('reply').textContent = '';
  progress.value = 0;
  state('', true);
}

function end(status, err) {
  state(status, false);
  element('status').classList.toggle('wrong', err instanceof OwtError);
}

function state(status, isRunning) {
  element('status').textContent = status;
  write.disabled = isRunning;
  stop.disabled = !isRunning;
}

/** Owt's errors say themselves what to do; that somebody has stopped is none. */
function words(err) {
  if (err.name === 'AbortError') return 'Stopped.';
  if (err instanceof OwtError) return err.message;
  throw err;
}

length.oninput = () => (element('count').textContent = length.value);
form.onsubmit = (event) => {
  event.preventDefault();
  void start();
};
