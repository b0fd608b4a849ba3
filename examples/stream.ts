/**
 * Predicts while sound arrives: `arecord -f S16_LE -r 48000 | npx tsx examples/stream.ts RUN 48000`. Every clip is
 * predicted as soon as its last sample is there.
 */
import { Classifier } from 'autobird';

const [run, rate] = process.argv.slice(2);
if (run === undefined || rate === undefined)
  throw new Error('Expected a run folder and the sample rate of standard input');

using classifier = await Classifier.open(run);
const pcm = { sampleRateHz: Number(rate), format: 's16le' } as const;
for await (const { startS, endS, scores } of classifier.predictStream(process.stdin, { pcm })) {
  const best = scores.indexOf(Math.max(...scores));
  const label = classifier.labels[best] ?? '';
  if (classifier.noEventLabels.includes(label)) continue;
  console.log(`${startS.toFixed(1)}-${endS.toFixed(1)} s  ${label}  ${(scores[best] ?? 0).toFixed(2)}`);
}
