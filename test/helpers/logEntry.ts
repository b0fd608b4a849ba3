import type { LogEntry } from '../../services/predictionLog/entry.ts';

/** A row of the prediction log as a prediction leaves it, with `values` of its own. */
export function logEntryOf(values: Partial<LogEntry> = {}): LogEntry {
  return {
    requestId: 'r1',
    part: 0,
    time: new Date('2026-01-23T14:02:11.123Z'),
    route: '/classify/',
    fileName: 'dawn.wav',
    fileSha256: 'ab'.repeat(32),
    fileBytes: 1234,
    durationS: 5,
    place: null,
    model: 'm',
    modelVersion: 'v1',
    shadow: false,
    label: 'wren',
    score: 0.75,
    scores: Float32Array.of(0.75, 0.25),
    labels: ['wren', 'robin'],
    clips: 2,
    receiveMs: 1.5,
    predictMs: 8,
    decodeMs: 3,
    driftFeatures: { melMean: -5, melStd: 2, energyMean: -1, energyStd: 0.5 },
    errorCode: null,
    audio: null,
    ...values,
  };
}
