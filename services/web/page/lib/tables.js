// Results as files: what the service writes for `Accept: text/csv` and for Raven, byte for byte (a test compares them).

/** @import { PredictionResponse, Bands, Detection } from '../../pageTypes.d.ts' */
/** @typedef {{ recording: string, error: { code: string, message: string } }} Failed a recording without a prediction */
/** @typedef {{ answer: PredictionResponse, detections: readonly Detection[], best: { label: string, score: number } | undefined }} Result */

/**
 * A row a detection; a recording without one, or without a prediction, has a row too.
 *
 * @param {readonly (Result | Failed)[]} results
 */
export function toCsv(results) {
  const titles = 'recording,duration_s,top_label,top_score,start_s,end_s,label,score,at,model_version,error_code,error';
  const rows = results.flatMap((result) => {
    if ('error' in result) {
      const { code, message } = result.error;
      return [csvRow([result.recording, '', '', '', '', '', '', '', '', '', code, message])];
    }
    const { answer, detections, best } = result;
    const { recording, duration_s, top_label, model_version } = answer;
    const topScore = top_label === null || best === undefined ? '' : decimal(best.score, 6);
    const about = [recording, decimal(duration_s, 3), top_label ?? '', topScore];
    if (detections.length === 0) return [csvRow([...about, '', '', '', '', '', model_version, '', ''])];
    return detections.map(({ start_s, end_s, label, score, at }) => {
      const found = [decimal(start_s, 3), decimal(end_s, 3), label, decimal(score, 6), at ?? ''];
      return csvRow([...about, ...found, model_version, '', '']);
    });
  });
  return `${titles}\r\n${rows.join('')}`;
}

/**
 * A selection table for Raven: times of several recordings run on from file to file. Every box spans the frequencies of
 * its model.
 *
 * @param {readonly (Result & { bands: Pick<Bands, 'min_hz' | 'max_hz'> })[]} results
 */
export function toRaven(results) {
  const titles = ['Selection', 'View', 'Channel', 'Begin Time (s)', 'End Time (s)', 'Low Freq (Hz)', 'High Freq (Hz)'];
  const rows = [tabRow([...titles, 'Species', 'Score', 'Begin Path', 'File Offset (s)'])];
  let offsetS = 0;
  for (const { answer, detections, bands } of results) {
    for (const { start_s, end_s, label, score } of detections) {
      const times = [decimal(offsetS + start_s, 6), decimal(offsetS + end_s, 6)];
      const box = [
        String(rows.length),
        'Spectrogram 1',
        '1',
        ...times,
        decimal(bands.min_hz, 1),
        decimal(bands.max_hz, 1),
      ];
      rows.push(tabRow([...box, label, score.toFixed(4), answer.recording, decimal(start_s, 6)]));
    }
    offsetS += answer.duration_s;
  }
  return rows.join('');
}

/**
 * @param {number} value
 * @param {number} digits at most so many after the point
 */
function decimal(value, digits) {
  const fixed = value.toFixed(digits);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** @param {readonly string[]} fields RFC 4180 */
function csvRow(fields) {
  const quoted = fields.map((text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text));
  return `${quoted.join(',')}\r\n`;
}

/** @param {readonly string[]} fields Raven knows no quoting */
function tabRow(fields) {
  return `${fields.map((text) => text.replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;
}
