import { niceTicks, plain } from './axes.ts';
import { type Html, type HtmlValue, html, nothing } from './html.ts';

export interface SpectrogramFigure {
  /** Of `spectrogramPng`, as a `data:` address. */
  readonly image: string;
  /** What the picture shows, for screen readers. */
  readonly alt: string;
  readonly bands: MelBands;
  /** In the recording. */
  readonly startS: number;
  readonly endS: number;
  readonly caption: HtmlValue;
  /** Of `soundDataUrl`; none where it is null. */
  readonly sound?: string | null;
}

/** As of a log-mel: a row a band. */
export interface MelBands {
  readonly nMels: number;
  readonly fMinHz: number;
  readonly fMaxHz: number;
}

/** A spectrogram with kHz at its left, seconds of the recording below and, where there is one, its sound. */
export function spectrogramFigure({ image, alt, bands, startS, endS, caption, sound = null }: SpectrogramFigure): Html {
  const kHz = frequencyTicks(bands).map(
    (hz) =>
      html`<span class="khz" style="bottom:${(100 * heightOf(hz, bands)).toFixed(1)}%">${plain(hz / 1000)} kHz</span>`,
  );
  const seconds = niceTicks(startS, endS, 4)
    .filter((tick) => tick >= startS && tick <= endS)
    .map(
      (tick) =>
        html`<span class="s" style="left:${((100 * (tick - startS)) / (endS - startS)).toFixed(1)}%">${plain(tick)} s</span>`,
    );
  const player =
    sound === null
      ? nothing
      : html`<audio controls preload="none" aria-label="Sound of ${alt}" src="${sound}"></audio>`;
  return html`<figure><div class="plot"><img alt="Spectrogram of ${alt}" src="${image}">${kHz}${seconds}</div>${player}<figcaption>${caption}</figcaption></figure>`;
}

/** HTK's scale, which the features have. */
const mel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);

/** Height of a frequency, 0 at the bottom and 1 at the top: centres of bands are evenly spaced in mel between the ends, which belong to no band. */
function heightOf(hz: number, { nMels, fMinHz, fMaxHz }: MelBands): number {
  const step = (mel(fMaxHz) - mel(fMinHz)) / (nMels + 1);
  return ((mel(hz) - mel(fMinHz)) / step - 0.5) / nMels;
}

/** Round frequencies that lie well apart. */
function frequencyTicks(bands: MelBands): number[] {
  const ticks: number[] = [];
  for (const hz of [500, 1000, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 20000, 30000, 50000]) {
    const height = heightOf(hz, bands);
    const last = ticks.at(-1);
    if (height < 0.08 || height > 0.95) continue;
    if (last === undefined || height - heightOf(last, bands) >= 0.18) ticks.push(hz);
  }
  return ticks;
}
