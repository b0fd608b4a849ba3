/** Predicts recordings: `npx tsx examples/predict.ts RUN RECORDING…` */
import { Classifier } from 'autobird';

const [run, ...recordings] = process.argv.slice(2);
if (run === undefined || recordings.length === 0) throw new Error('Expected a run folder and recordings');

using classifier = await Classifier.open(run);
for await (const result of classifier.predictFiles(recordings, { minScore: 0.25 })) {
  if ('error' in result) {
    console.log(`${result.recording}: ${result.error.message}`);
    continue;
  }
  console.log(`${result.recording}: ${result.topLabel ?? 'no event'}`);
  for (const { startS, endS, label, score } of result.detections) {
    console.log(`  ${startS.toFixed(1)}-${endS.toFixed(1)} s  ${label}  ${score.toFixed(2)}`);
  }
}
