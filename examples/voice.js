// The page of a voice: its form is the adaptor's arguments, its player plays the answer as it comes.

/** How fast people speak, for a bar that has to know the end before it is there. */
const CHARACTERS_PER_SECOND = 15;

const $ = (id) => document.getElementById(id);

/** Asks for sound and hands on each piece as it comes; returns the response when all of it is there. */
async function getAudio(url, request, onChunk, signal) {
  const response = await call(url, request, signal);
  const reader = response.body.getReader();
  for (let part; !(part = await reader.read()).done; ) onChunk(part.value);
  return response;
}

/** One answer: from the click until its last sound has been heard. */
class Speech {
  #asked = performance.now();
  #abort = new AbortController();
  #reader = new WavReader();
  #chunks = [];
  #player = null;
  #first = 0;
  #expected;
  #isWhole = false;
  isOver = false;

  constructor(text) {
    this.#expected = text.length / CHARACTERS_PER_SECOND;
  }

  async run(url, request) {
    performance.mark("asked");
    say("Waiting for the first sentence …");
    const hear = (chunk) => this.#hear(chunk);
    const { headers } = await getAudio(url, request, hear, this.#abort.signal);
    this.#isWhole = true;
    this.#tell(headers.get("Owt-Cache") === "hit" ? "all of it from the cache." : "all of it is here.");
    return new Blob([withLengths(joined(this.#chunks))], { type: "audio/wav" });
  }

  /** How far it is, in seconds: heard, received, and how much it will be. */
  get state() {
    const { received = 0, played = 0, isPaused = false } = this.#player ?? {};
    // Until the end is there, it is always a little further on.
    const total = this.#isWhole ? received : Math.max(1.02 * received, this.#expected);
    if (this.#isWhole && played >= received) this.stop();
    return { received, played, total, isPaused, isWhole: this.#isWhole };
  }

  get canPause() {
    return this.#player !== null && !this.isOver;
  }

  toggle() {
    return this.#player.toggle();
  }

  /** Ends it, also on the server, where nobody waits for it any more. */
  stop() {
    if (this.isOver) return;
    this.isOver = true;
    this.#abort.abort();
    this.#player?.close();
  }

  #hear(chunk) {
    this.#chunks.push(chunk);
    const channels = this.#reader.push(chunk);
    if (!channels[0]?.length || this.isOver) return;
    const isFirst = this.#player === null;
    this.#player ??= new Player(this.#reader.format.rate);
    this.#player.push(channels);
    if (isFirst) this.#noteFirst();
  }

  #noteFirst() {
    performance.mark("first sound");
    this.#first = performance.now() - this.#asked;
    this.#tell("the rest is being made …");
  }

  #tell(rest) {
    say(`First sound after ${seconds(this.#first / 1000, 2)}, ${rest}`);
  }
}

/** What is being spoken. */
let current = null;

async function speak(form) {
  current?.stop();
  const kwargs = argumentsOf(form);
  const request = makeRequest($("code").value, kwargs, { use_cache: true, cache_kwargs: true });
  const speech = new Speech(kwargs.text);
  current = speech;
  $("file").hidden = true;
  $("player").hidden = false;
  draw();
  try {
    offer(await speech.run(form.action, request));
    performance.mark("whole");
  } catch (error) {
    if (!speech.isOver) say(error.message, "wrong");
    speech.stop();
  }
}

/** The arguments: each field of the form by its name. */
function argumentsOf(form) {
  const fields = [...form.elements].filter((field) => field.name);
  const value = (field) => (field.type === "range" ? field.valueAsNumber : field.value);
  return Object.fromEntries(fields.map((field) => [field.name, value(field)]));
}

/** Shows how far it is, in each frame until it is over. */
function draw() {
  const { received, played, total, isPaused, isWhole } = current.state;
  const percent = (part) => `${(100 * part) / (total || 1)}%`;
  $("received").style.width = percent(received);
  $("played").style.width = percent(played);
  $("track").ariaValueNow = Math.round((100 * received) / (total || 1));
  $("time").textContent = `${seconds(played)} of ${isWhole ? "" : "about "}${seconds(total)}`;
  $("pause").textContent = isPaused ? "Play" : "Pause";
  $("pause").disabled = !current.canPause;
  $("stop").disabled = current.isOver;
  if (!current.isOver) requestAnimationFrame(draw);
}

/** Puts the whole sound into the browser's own player, to hear it again or to keep it. */
function offer(file) {
  URL.revokeObjectURL($("audio").src);
  $("audio").src = $("save").href = URL.createObjectURL(file);
  $("file").hidden = false;
}

function seconds(count, digits = 1) {
  return `${count.toFixed(digits)} s`;
}

function say(words, kind = "faint") {
  $("status").textContent = words;
  $("status").className = kind;
}

$("code").value = `${$("adaptor").textContent.trim()}\n`;
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  speak(event.target);
});
$("pause").addEventListener("click", () => current.toggle());
$("stop").addEventListener("click", () => current.stop());
// Not two voices at once.
$("audio").addEventListener("play", () => current.stop());
