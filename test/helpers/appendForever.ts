/** Appends rows to the log named on the command line until it is killed, and prints the id of each once it is safe. */
import { writeSync } from 'node:fs';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';

const log = await PredictionLog.open({ path: process.argv[2] as string });

async function client(name: number): Promise<void> {
  for (let n = 0; ; n++) {
    const requestId = `c${name}-${n}`;
    await log.append({
      ...{ requestId, part: 0, time: new Date(), route: '/', fileName: 'a.wav', fileSha256: 'ab', fileBytes: 1 },
      ...{ durationS: 1, place: null, model: 'm', modelVersion: 'v', shadow: false, label: 'wren', score: 1, clips: 1 },
      ...{ scores: Float32Array.of(1), labels: ['wren'], receiveMs: 1, predictMs: 1, decodeMs: 1, driftFeatures: null },
      ...{ errorCode: null, audio: null },
    });
    writeSync(1, `${requestId}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, name) => client(name)));
