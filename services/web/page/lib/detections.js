// Detections above a least score: as src/scoring/detections.ts has them (a test compares them), here so that the slider works
// at once and nothing is uploaded again.

/** @import { PredictionResponse, Detection } from '../../pageTypes.d.ts' */

/** A clip with nothing in it: digital silence, or hardly any sound before the recording ends. */
const silentPeak = 0.00003;
const shortestS = 0.1;

/**
 * In order of time; neighbouring clips of one label are one detection with the best of their scores.
 *
 * @param {Pick<PredictionResponse, 'clips' | 'labels' | 'duration_s' | 'recorded_at'>} response
 * @param {{ minScore: number, topK: number, noEventLabels: readonly string[] }} options at most `topK` labels a clip
 * @returns {Detection[]}
 */
export function detectionsOf({ clips, labels, duration_s, recorded_at }, { minScore, topK, noEventLabels }) {
  /** @type {{ start_s: number, end_s: number, label: string, score: number }[]} */
  const found = [];
  const open = new Map();
  for (const { start_s, end_s, peak, scores } of clips) {
    if (peak < silentPeak || Math.min(end_s, duration_s) - start_s < shortestS) continue;
    const detected = labels
      .map((label, index) => ({ label, score: scores[index] ?? 0 }))
      .filter(({ label, score }) => score >= minScore && !noEventLabels.includes(label))
      .sort((a, b) => b.score - a.score)
      .slice(0, topK);
    for (const { label, score } of detected) {
      const last = open.get(label);
      // Grid positions are sums of floating-point hops: a microsecond is no gap.
      if (last !== undefined && start_s <= last.end_s + 1e-6) {
        last.end_s = end_s;
        last.score = Math.max(last.score, score);
      } else {
        const detection = { start_s, end_s, label, score };
        found.push(detection);
        open.set(label, detection);
      }
    }
  }
  return found
    .sort((a, b) => a.start_s - b.start_s || b.score - a.score)
    .map((detection) => ({
      ...detection,
      end_s: Math.max(detection.start_s, Math.min(detection.end_s, duration_s)),
      at: timeAt(recorded_at, detection.start_s),
    }));
}

/**
 * The best labels of a recording, no-event labels left out.
 *
 * @param {Pick<PredictionResponse, 'labels' | 'scores'>} response
 * @param {readonly string[]} noEventLabels
 * @param {number} topK
 */
export function bestLabels({ labels, scores }, noEventLabels, topK) {
  return labels
    .map((label) => ({ label, score: scores[label] ?? 0 }))
    .filter(({ label }) => !noEventLabels.includes(label))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK);
}

/**
 * The label that a recording is called by: a list of species decides which one can be; that there is none is the model's
 * decision.
 *
 * @param {Pick<PredictionResponse, 'labels' | 'scores' | 'top_label'>} response
 * @param {readonly string[]} hidden labels that are not shown
 */
export function topLabel(response, hidden) {
  const { top_label } = response;
  if (top_label === null || !hidden.includes(top_label)) return top_label;
  return bestLabels(response, hidden, 1)[0]?.label ?? null;
}

const iso = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * The instant `seconds` after a recording began, on the recorder's own clock; null where its time is unknown.
 *
 * @param {string | null} recordedAt
 * @param {number} seconds
 */
function timeAt(recordedAt, seconds) {
  const match = iso.exec(recordedAt ?? '');
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = ''] = match;
  const began = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const moment = new Date(began + Math.round(Number(fraction) * 1000 + seconds * 1000));
  return moment.toISOString().replace(/(\.000)?Z$/, '') + zone;
}
