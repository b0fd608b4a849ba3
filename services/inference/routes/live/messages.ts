/** The JSON messages of `/v1/live`. */
import { type Static, Type } from 'typebox';
import type { ClipPrediction } from '../../../../src/index.ts';
import { isEmptyClip, rankLabels, timeAt } from '../../../../src/service.ts';
import type { LoadedModel } from '../../LoadedModel.ts';

/** The client's first message. */
export const startMessage = Type.Object(
  {
    sample_rate_hz: Type.Integer({ minimum: 100, description: 'Of the samples that follow.' }),
    format: Type.Union([Type.Literal('f32le'), Type.Literal('s16le')], { description: 'Little-endian samples.' }),
    channels: Type.Optional(Type.Integer({ minimum: 1, description: 'Interleaved; their mean is predicted (1).' })),
    model: Type.Optional(Type.String({ description: 'A model by its name; one drawn by the weights without it.' })),
    overlap_s: Type.Optional(Type.Number({ minimum: 0, description: 'Seconds by which clips overlap (as trained).' })),
    min_score: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'Least score of a detection (0.25).' }),
    ),
    top_k: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Labels shown, and detected in a clip (3).' }),
    ),
    started_at: Type.Optional(
      Type.String({ description: 'When the first sample was recorded, ISO 8601: clips then have `at`.' }),
    ),
  },
  { additionalProperties: false },
);
export type StartMessage = Static<typeof startMessage>;

/** The client's last message. */
export const endMessage = Type.Object({ type: Type.Literal('end') }, { additionalProperties: false });

const label = Type.Object({ label: Type.String(), score: Type.Number() });
const at = Type.Union([Type.String(), Type.Null()]);

/** Each message of the server is one of these. */
export const serverMessage = Type.Union([
  Type.Object({
    type: Type.Literal('ready'),
    request_id: Type.String(),
    model: Type.String(),
    model_version: Type.String(),
    clip: Type.Object({ length_s: Type.Number(), hop_s: Type.Number() }),
  }),
  Type.Object({
    type: Type.Literal('clip'),
    start_s: Type.Number(),
    end_s: Type.Number(),
    at,
    top: Type.Array(label),
    detections: Type.Array(
      Type.Object({ start_s: Type.Number(), end_s: Type.Number(), label: Type.String(), score: Type.Number(), at }),
    ),
  }),
  Type.Object({
    type: Type.Literal('done'),
    request_id: Type.String(),
    duration_s: Type.Number(),
    clips: Type.Integer(),
  }),
  Type.Object({ type: Type.Literal('error'), code: Type.String(), message: Type.String() }),
]);
export type ServerMessage = Static<typeof serverMessage>;

/** The prediction of one clip; `receivedS` is the length of the sound received so far. */
export function clipMessage(
  { classifier }: LoadedModel,
  clip: ClipPrediction,
  {
    min_score: minScore = 0.25,
    top_k: topK = 3,
    started_at: startedAt = null,
  }: Omit<StartMessage, 'started_at'> & {
    readonly started_at?: string | null;
  },
  receivedS: number,
): ServerMessage {
  const { startS, endS, scores } = clip;
  const best = rankLabels(classifier.labels, scores, classifier.noEventLabels)
    .slice(0, topK)
    .map(({ label, score }) => ({ label, score: Math.round(score * 1e6) / 1e6 }));
  const place = {
    start_s: startS,
    // The last clip may be filled up with silence.
    end_s: Math.min(endS, receivedS),
    at: timeAt(startedAt, startS),
  };
  return {
    type: 'clip',
    ...place,
    top: best,
    detections: isEmptyClip(clip, receivedS)
      ? []
      : best.filter(({ score }) => score >= minScore).map((each) => ({ ...place, ...each })),
  };
}
