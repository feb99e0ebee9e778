// Plays sound that is still coming in, without a gap between its pieces.

/** Seconds of silence before what comes late, so that the piece after it is in time. */
const LEAD = 0.1;

class Player {
  #context;
  #next = 0;
  /** Seconds of sound that have come so far. */
  received = 0;

  constructor(rate) {
    // At the sound's own rate: converted piece by piece, it would crackle at the seams.
    this.#context = new AudioContext({ sampleRate: rate });
  }

  /** Plays a piece after all those before it: one array of samples for each channel. */
  push(channels) {
    const buffer = this.#context.createBuffer(
      channels.length, channels[0].length, this.#context.sampleRate,
    );
    channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    this.#next = Math.max(this.#next, this.#context.currentTime + LEAD);
    source.start(this.#next);
    this.#next += buffer.duration;
    this.received += buffer.duration;
  }

  /** Seconds of it that have been heard. */
  get played() {
    const ahead = Math.max(0, this.#next - this.#context.currentTime);
    return Math.max(0, this.received - ahead);
  }

  get isPaused() {
    return this.#context.state === "suspended";
  }

  /** Pauses, or goes on. */
  toggle() {
    return this.isPaused ? this.#context.resume() : this.#context.suspend();
  }

  close() {
    return this.#context.close();
  }
}
