// Runs on the browser's audio thread: hands samples over in blocks of about a twentieth of a second.
const blockSamples = 2048;

class Collector extends AudioWorkletProcessor {
  #block = new Float32Array(blockSamples);
  #filled = 0;

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const samples = inputs[0]?.[0];
    if (samples === undefined) return true;
    this.#block.set(samples, this.#filled);
    this.#filled += samples.length;
    if (this.#filled === blockSamples) {
      this.port.postMessage(this.#block, [this.#block.buffer]);
      this.#block = new Float32Array(blockSamples);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('collector', Collector);
