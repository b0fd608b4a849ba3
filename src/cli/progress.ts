/** What a long job is doing: a line that is redrawn on a terminal, plain lines with the time elsewhere. */

import type { Progress } from '../domain.ts';
import { cut, displayWidth, printable } from '../formats/displayWidth.ts';
import { clock } from '../formats/percentAndClock.ts';

export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const redrawMs = 100;
const plainMs = 5000;
const barColumns = 20;

export class ProgressReporter {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  #stage = '';
  #stageBeganAt = 0;
  #stageBeganDone = 0;
  #shownAt = Number.NEGATIVE_INFINITY;
  #latest: Progress | null = null;
  #shown: Progress | null = null;
  #drawn = false;
  #finished = false;

  constructor(stream: ProgressStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Hand this to `onProgress`. */
  readonly report = (progress: Progress): void => {
    const now = this.#now();
    if (progress.stage !== this.#stage || progress.done < (this.#latest?.done ?? 0)) {
      this.#finishStage();
      this.#stage = progress.stage;
      this.#stageBeganAt = now;
      this.#stageBeganDone = progress.done;
      this.#shownAt = Number.NEGATIVE_INFINITY;
      this.#finished = false;
    }
    this.#latest = progress;
    const complete = progress.total > 0 && progress.done >= progress.total;
    const due = now - this.#shownAt >= (this.#stream.isTTY ? redrawMs : plainMs);
    if ((due || complete) && !this.#finished) {
      this.#show(now);
      this.#finished = complete;
    }
  };

  /** A line that stays, above the moving one. */
  note(line: string): void {
    this.#clear();
    this.#stream.write(this.#stream.isTTY ? `${line}\n` : `${timestamp()} ${line}\n`);
    if (this.#stream.isTTY && this.#latest !== null && !this.#finished) this.#show(this.#now());
  }

  /** Leaves the last state of the line where it is; call it before anything else is printed. */
  end(): void {
    this.#finishStage();
    this.#stage = '';
    this.#latest = null;
  }

  #finishStage(): void {
    if (this.#latest !== null && this.#latest !== this.#shown) this.#show(this.#now());
    if (this.#drawn) this.#stream.write('\n');
    this.#drawn = false;
  }

  #clear(): void {
    if (this.#drawn) this.#stream.write('\r\u001b[2K');
    this.#drawn = false;
  }

  #show(now: number): void {
    this.#shownAt = now;
    const progress = this.#latest as Progress;
    this.#shown = progress;
    const { stage, done, total } = progress;
    const rest = [...this.#time(progress, now), ...(progress.message ? [printable(progress.message)] : [])];
    const count = total > 0 ? [`${shortNumber(done)}/${shortNumber(total)}`] : [];
    if (!this.#stream.isTTY) {
      this.#stream.write(`${timestamp()} ${[stage, ...count, ...rest].join('  ')}\n`);
      return;
    }
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const percent = total > 0 ? [`${String(Math.floor(share * 100)).padStart(3)} %`] : [];
    const drawn = total > 0 ? [bar(share)] : [];
    // What a narrow terminal has no room for goes in this order: the bar, the count, the end of the message.
    const lines = [
      [stage, ...drawn, ...percent, ...count, ...rest],
      [stage, ...percent, ...count, ...rest],
      [stage, ...percent, ...rest],
    ].map((parts) => parts.join('  '));
    // One column less than there is: a full line makes some terminals wrap.
    const columns = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const line = lines.find((text) => displayWidth(text) <= columns) ?? lines[2] ?? '';
    this.#stream.write(`\r\u001b[2K${cut(line, columns)}`);
    this.#drawn = true;
  }

  #time({ done, total }: Progress, now: number): string[] {
    const elapsed = (now - this.#stageBeganAt) / 1000;
    const gained = done - this.#stageBeganDone;
    if (total === 0 || elapsed < 1) return [];
    if (done >= total) return [`in ${clock(elapsed)}`];
    return gained > 0 ? [`${clock((elapsed / gained) * (total - done))} left`] : [];
  }
}

function bar(share: number): string {
  const filled = Math.floor(share * barColumns);
  return `[${'█'.repeat(filled)}${'░'.repeat(barColumns - filled)}]`;
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
