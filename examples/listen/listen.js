// The page of the recogniser: a recording goes out as a WAV file, and words come back as they are found.

/** What the recogniser was trained on, in samples a second. */
const RATE = 16000;

const $ = (id) => document.getElementById(id);

/** What is being recorded, if anything is. */
let recorder = null;

async function toggleRecording() {
  if (recorder) {
    recorder.stop();
    return;
  }
  const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
  recorder = new MediaRecorder(sound);
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.onstop = () => {
    sound.getTracks().forEach((track) => track.stop());
    recorder = null;
    $("record").textContent = "Record";
    recognise(new Blob(parts));
  };
  recorder.start();
  $("record").textContent = "Stop";
  say("Recording …");
}

/** Sends a recording of any kind that the browser can play, and shows what is heard in it. */
async function recognise(recording) {
  $("heard").replaceChildren();
  say("Listening …");
  try {
    const wav = wavOf(await samplesOf(recording), RATE);
    const response = await upload(urlOf($("form").action, $("code").value, {}), wav);
    for await (const line of linesOf(response.body)) show(JSON.parse(line));
    say($("heard").childElementCount ? "" : "No speech was heard.");
  } catch (error) {
    say(error.message, "wrong");
  }
}

/** The samples of a recording: one channel, at the recogniser's rate. */
async function samplesOf(recording) {
  const whole = await recording.arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(whole);
  const mixer = new OfflineAudioContext(1, decoded.length, RATE);
  const source = new AudioBufferSourceNode(mixer, { buffer: decoded });
  source.connect(mixer.destination);
  source.start();
  return (await mixer.startRendering()).getChannelData(0);
}

async function* linesOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part; !(part = await reader.read()).done; ) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    yield* lines;
  }
}

/** Shows a guess where the last one was; what is certain stays. */
function show({ partial, text, start, end }) {
  const last = $("heard").lastElementChild;
  const line = last?.className === "guess" ? last : document.createElement("p");
  line.className = text === undefined ? "guess" : "text";
  line.textContent = text ?? `${partial} …`;
  if (text !== undefined) line.title = `from ${start} s to ${end} s`;
  $("heard").append(line);
}

function say(words, kind = "faint") {
  $("status").textContent = words;
  $("status").className = kind;
}

$("code").value = `${$("adaptor").textContent.trim()}\n`;
$("file").addEventListener("change", ({ target }) => target.files[0] && recognise(target.files[0]));
$("record").addEventListener("click", () =>
  toggleRecording().catch((error) => say(`The microphone cannot be used: ${error.message}`, "wrong")),
);
