// WAV files of 16 bits a sample: read as Web Audio wants them while they come in, and written.

/** The format of samples that are plain numbers. */
const PCM = 1;

/** Takes a WAV file apart as its bytes arrive. */
class WavReader {
  /** `{ channels, rate, start }` once the header is there. */
  format = null;
  #rest = new Uint8Array(0);

  /** Takes the next bytes; returns the samples that are whole by now: an array for each channel. */
  push(bytes) {
    let data = joined([this.#rest, bytes]);
    if (!this.format) {
      this.format = headerOf(data);
      if (!this.format) {
        this.#rest = data;
        return [];
      }
      data = data.subarray(this.format.start);
    }
    const whole = data.length - (data.length % (2 * this.format.channels));
    this.#rest = data.slice(whole);
    return channelsOf(data.slice(0, whole), this.format.channels);
  }
}

/** Reads the header, up to where the samples begin; null if more bytes are needed. */
function headerOf(bytes) {
  if (bytes.length < 12) return null;
  if (nameAt(bytes, 0) !== "RIFF" || nameAt(bytes, 8) !== "WAVE") {
    throw new Error("The answer is not a WAV file.");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let format;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, size] = [nameAt(bytes, at), view.getUint32(at + 4, true)];
    if (name === "data") return { ...format, start: at + 8 };
    if (at + 8 + size > bytes.length) return null;
    if (name === "fmt ") format = formatAt(view, at + 8);
    // Chunks begin at even places.
    at += 8 + size + (size % 2);
  }
  return null;
}

function formatAt(view, at) {
  const [kind, bits] = [view.getUint16(at, true), view.getUint16(at + 14, true)];
  if (kind !== PCM || bits !== 16) throw new Error("The answer is no WAV file of 16 bits a sample.");
  return { channels: view.getUint16(at + 2, true), rate: view.getUint32(at + 4, true) };
}

function nameAt(bytes, at) {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function channelsOf(bytes, count) {
  const samples = new DataView(bytes.buffer);
  const length = bytes.length / 2 / count;
  return Array.from({ length: count }, (_, channel) =>
    Float32Array.from({ length }, (_, frame) =>
      samples.getInt16(2 * (frame * count + channel), true) / 0x8000,
    ),
  );
}

/** A file that was written as it came does not know its length; this one does. */
function withLengths(bytes) {
  const whole = bytes.slice();
  const view = new DataView(whole.buffer);
  const { start } = headerOf(whole);
  view.setUint32(4, whole.length - 8, true);
  view.setUint32(start - 4, whole.length - start, true);
  return whole;
}

/** A file of one channel, of samples from -1 to 1. */
function wavOf(samples, rate) {
  const bytes = 2 * samples.length;
  const view = new DataView(new ArrayBuffer(44 + bytes));
  const name = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, bytes, true);
  samples.forEach((sample, at) => view.setInt16(44 + 2 * at, toInt16(sample), true));
  return new Blob([view.buffer], { type: "audio/wav" });
}

function toInt16(sample) {
  return Math.round(0x7fff * Math.max(-1, Math.min(1, sample)));
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
