/** The microphone as blocks of mono samples, without what browsers do to make speech clearer. */
export class Microphone {
  /** @type {MediaStream} */
  #stream;
  /** @type {AudioContext} */
  #context;
  #isClosed = false;

  /** @param {MediaStream} stream @param {AudioContext} context */
  constructor(stream, context) {
    this.#stream = stream;
    this.#context = context;
  }

  /**
   * @param {(samples: Float32Array<ArrayBuffer>, sampleRateHz: number) => void} onBlock may be called before this
   *   resolves, and is not called any more once `close` was
   * @throws {Error} with a sentence that says what to do
   */
  static async open(onBlock) {
    if (navigator.mediaDevices === undefined) {
      throw new Error(
        'Browsers give the microphone only to pages that come over HTTPS, or from this computer itself (http://localhost).',
      );
    }
    const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: sound }).catch((error) => {
      throw new Error(reasonOf(error));
    });
    const context = new AudioContext();
    const microphone = new Microphone(stream, context);
    try {
      await context.audioWorklet.addModule(new URL('./collector.js', import.meta.url));
      const collector = new AudioWorkletNode(context, 'collector', { numberOfOutputs: 0, channelCount: 1 });
      // Blocks are still under way when the microphone is closed.
      collector.port.onmessage = ({ data }) => {
        if (!microphone.#isClosed) onBlock(data, context.sampleRate);
      };
      context.createMediaStreamSource(stream).connect(collector);
      await context.resume();
    } catch (error) {
      await microphone.close();
      throw error;
    }
    return microphone;
  }

  get sampleRateHz() {
    return this.#context.sampleRate;
  }

  /** Harmless the second time. */
  async close() {
    this.#isClosed = true;
    for (const track of this.#stream.getTracks()) track.stop();
    if (this.#context.state !== 'closed') await this.#context.close();
  }
}

/** @param {DOMException} error */
function reasonOf({ name, message }) {
  switch (name) {
    case 'NotAllowedError':
      return 'The microphone is not allowed for this page. Allow it in the address bar of the browser, then try again.';
    case 'NotFoundError':
      return 'There is no microphone. Plug one in, then try again.';
    case 'NotReadableError':
      return 'The microphone is in use by another program. Close it there, then try again.';
    default:
      return `The microphone cannot be used: ${message}`;
  }
}

/**
 * Makes a button start, and stop what it started. A click while it is still starting does nothing.
 *
 * @param {HTMLButtonElement} button
 * @param {{ isRunning: () => boolean, start: () => Promise<void>, stop: () => unknown, onProblem: (text: string) => void }} use
 */
export function startAndStop(button, { isRunning, start, stop, onProblem }) {
  let isStarting = false;
  button.addEventListener('click', async () => {
    if (isStarting) return;
    if (isRunning()) return stop();
    isStarting = true;
    onProblem('');
    try {
      await start();
    } catch (error) {
      onProblem(/** @type {Error} */ (error).message);
    } finally {
      isStarting = false;
    }
  });
}
