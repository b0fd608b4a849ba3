import type { ClipPrediction } from '../../../../src/index.ts';
import { addAt, indexOfLargest, isEmptyClip } from '../../../../src/service.ts';
import type { LogEntry } from '../../../predictionLog/entry.ts';
import type { LoadedModel } from '../../LoadedModel.ts';
import type { Requester } from '../../requester.ts';

/** The length of a session and its mean scores so far, in bounded memory. */
export class SessionTotals {
  readonly model: LoadedModel;
  seconds = 0;
  clips = 0;
  #summed = 0;
  readonly #sums: Float64Array;

  constructor(model: LoadedModel) {
    this.model = model;
    this.#sums = new Float64Array(model.classifier.labels.length);
  }

  /** A clip with nothing in it counts, but its scores do not. */
  add(clip: ClipPrediction): void {
    const { scores } = clip;
    this.clips++;
    if (isEmptyClip(clip, this.seconds)) return;
    this.#summed++;
    for (const [index, score] of scores.entries()) addAt(this.#sums, index, score);
  }

  /** The row of the session. */
  logEntry({
    request,
    ...received
  }: { readonly request: Requester } & Pick<
    LogEntry,
    'fileSha256' | 'fileBytes' | 'receiveMs' | 'errorCode'
  >): LogEntry {
    const { model, clips, seconds } = this;
    const { labels, noEventLabels } = model.classifier;
    const summed = this.#summed;
    const scores = summed === 0 ? null : Float32Array.from(this.#sums, (sum) => sum / summed);
    const best = scores === null ? null : (labels[indexOfLargest(scores)] as string);
    return {
      ...received,
      requestId: request.id,
      part: 0,
      time: new Date(),
      route: request.routeOptions.url ?? request.url,
      fileName: 'live',
      durationS: seconds,
      place: null,
      model: model.name,
      modelVersion: model.version,
      shadow: false,
      label: best === null || noEventLabels.includes(best) ? null : best,
      score: scores === null ? null : Math.max(...scores),
      scores,
      labels: scores === null ? null : labels,
      clips,
      // Not known: time waiting for the network cannot be told from time waiting for the microphone.
      predictMs: 0,
      decodeMs: null,
      driftFeatures: null,
      audio: null,
    };
  }
}
