import { basename } from 'node:path/posix';
import { ShardSet } from '../../bindings/index.ts';
import type { FeatureOptions } from '../../bindings/native.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recording } from '../domain.ts';
import { plain } from './axes.ts';
import { type Html, html, nothing } from './html.ts';
import { gallery, notice } from './page.ts';
import { pngDataUrl } from './png.ts';
import { listed } from './reportParts.ts';
import { spectrogramPng } from './spectrogram.ts';
import { spectrogramFigure } from './spectrogramFigure.ts';

const shownS = 5;
const frames = 400;
const stepS = 0.5;
/** Pictures in a report, so at most as many classes: more would make it slow to open. */
const maxPictures = 60;

/** Spectrograms of the liveliest five seconds of a few recordings of every class. */
export async function contactSheet(dataset: Dataset): Promise<Html> {
  const chosen = choose(dataset.recordings, dataset.manifest.labels);
  const { sampleRateHz } = dataset.manifest;
  const features = displayFeatures(sampleRateHz);
  using shards = await ShardSet.open(await dataset.shardEntries(chosen), features);
  const pictures: Html[] = [];
  for (const [i, recording] of chosen.entries()) {
    const startS = liveliest(await shards.activityProfile(i, stepS));
    const count = Math.min(Math.round(shownS * sampleRateHz), recording.sampleCount);
    const first = Math.max(0, Math.min(Math.round(startS * sampleRateHz), recording.sampleCount - count));
    const { data, mels } = await shards.logMel(i, first, count);
    const at = first / sampleRateHz;
    const stretch = `${at.toFixed(1)} to ${(at + count / sampleRateHz).toFixed(1)} s`;
    const caption = html`<b>${recording.label}</b><br>${stretch} of ${basename(recording.path)}`;
    const image = pngDataUrl(spectrogramPng(data, mels, frames));
    const about = { alt: recording.path, bands: features, startS: at, endS: at + count / sampleRateHz };
    pictures.push(spectrogramFigure({ ...about, image, caption }));
  }
  const [low, high] = [features.fMinHz / 1000, features.fMaxHz / 1000].map((khz) => plain(Number(khz.toFixed(2))));
  const note = `The liveliest ${shownS} seconds of a few recordings of each class, from ${low} to ${high} kHz on the mel scale; bright is loud.`;
  const { labels } = dataset.manifest;
  const left = labels.slice(maxPictures);
  const missing =
    left.length > 0
      ? notice('warning', `Not pictured: ${left.length} of ${labels.length} classes, ${listed(left)}.`)
      : nothing;
  return html`<p>${note}</p>${missing}${gallery(pictures)}`;
}

/** Up to three of each class, from different sessions where there are some. */
function choose(recordings: readonly Recording[], labels: readonly string[]): Recording[] {
  const each = Math.max(1, Math.min(3, Math.floor(maxPictures / labels.length)));
  return labels.slice(0, maxPictures).flatMap((label) => {
    const own = recordings.filter((recording) => recording.label === label);
    const seen = new Set<string>();
    const fresh = own.filter(({ session, path }) => {
      const key = session ?? path;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
    return [...fresh, ...own.filter((recording) => !fresh.includes(recording))].slice(0, each);
  });
}

/** Where the shown stretch should begin, in seconds. */
function liveliest(profile: Float32Array): number {
  const steps = Math.round(shownS / stepS);
  let [best, highest] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i + steps <= profile.length; i++) {
    const sum = profile.subarray(i, i + steps).reduce((a, b) => a + b, 0);
    if (sum > highest) [best, highest] = [i, sum];
  }
  return best * stepS;
}

function displayFeatures(sampleRateHz: number): FeatureOptions {
  return {
    sampleRateHz,
    nFft: sampleRateHz > 30000 ? 2048 : 1024,
    hopSamples: Math.max(1, Math.round((shownS * sampleRateHz) / frames)),
    nMels: 80,
    fMinHz: 50,
    fMaxHz: 0.49 * sampleRateHz,
    logOffset: 1e-7,
    background: 'none',
  };
}
