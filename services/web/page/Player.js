/** Plays a recording, or a stretch of it, and says where it is. */
export class Player extends EventTarget {
  /** @type {HTMLAudioElement} */
  #audio = new Audio();
  /** @type {string | null} */
  #url = null;
  #stopAtS = Number.POSITIVE_INFINITY;
  #frame = 0;
  /** @type {string | null} */
  #problem = null;

  constructor() {
    super();
    this.#audio.preload = 'auto';
    for (const type of ['play', 'pause', 'seeked', 'ended', 'loadedmetadata']) {
      this.#audio.addEventListener(type, () => this.#tell());
    }
    this.#audio.addEventListener('error', () => {
      if (this.#url === null) return;
      this.#problem = 'This browser cannot play this kind of file. Its prediction is shown all the same.';
      this.#tell();
    });
    this.#audio.addEventListener('play', () => this.#follow());
  }

  /** @param {Blob | null} recording null where it is not there any more */
  load(recording) {
    this.#audio.pause();
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#problem = null;
    this.#url = recording === null ? null : URL.createObjectURL(recording);
    if (this.#url === null) this.#audio.removeAttribute('src');
    else this.#audio.src = this.#url;
    this.#stopAtS = Number.POSITIVE_INFINITY;
    this.#tell();
  }

  get canPlay() {
    return this.#url !== null && this.#problem === null;
  }

  /** Why it cannot play, for people; null where it can or nothing is loaded. */
  get problem() {
    return this.#problem;
  }

  get isPlaying() {
    return !this.#audio.paused;
  }

  get timeS() {
    return this.#audio.currentTime;
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.#stopAtS = Number.POSITIVE_INFINITY;
    this.#audio.currentTime = seconds;
  }

  toggle() {
    this.#stopAtS = Number.POSITIVE_INFINITY;
    if (this.isPlaying) this.#audio.pause();
    else this.#play();
  }

  /** @param {number} startS @param {number} endS */
  playStretch(startS, endS) {
    this.#audio.currentTime = startS;
    this.#stopAtS = endS;
    this.#play();
  }

  pause() {
    this.#audio.pause();
  }

  #play() {
    this.#audio.play().catch((error) => {
      // Pausing before it began, and loading another file, are no problems.
      if (error.name === 'AbortError' || this.#problem !== null) return;
      this.#problem = `Playing failed: ${error.message}`;
      this.#tell();
    });
  }

  #follow() {
    cancelAnimationFrame(this.#frame);
    const step = () => {
      if (this.timeS >= this.#stopAtS) {
        this.#audio.pause();
        this.#stopAtS = Number.POSITIVE_INFINITY;
      }
      this.#tell();
      if (this.isPlaying) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
