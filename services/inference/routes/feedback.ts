/** `POST /v1/feedback`: what a recording really was, for evaluation and the next training. */
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { HttpProblem } from '../../http/HttpProblem.ts';
import type { InferenceContext } from '../context.ts';
import { withoutNul } from '../predictionBody.ts';

const body = Type.Object(
  {
    request_id: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: withoutNul,
      description: '`x-request-id` of the prediction.',
    }),
    part: Type.Optional(Type.Integer({ minimum: 0, description: 'Which recording of the request, from 0 (0).' })),
    label: Type.Union([Type.String({ minLength: 1, maxLength: 200, pattern: withoutNul }), Type.Null()], {
      description: 'What it was; null for no bird.',
    }),
    note: Type.Optional(Type.String({ maxLength: 2000, pattern: withoutNul })),
  },
  { additionalProperties: false },
);

export function feedbackRoutes(app: FastifyInstance, { log, history }: InferenceContext): void {
  app.post<{ Body: Static<typeof body> }>(
    '/v1/feedback',
    {
      config: { role: 'feedback' },
      schema: {
        tags: ['feedback'],
        summary: 'Say what a recording really was',
        body,
        response: { 201: Type.Object({ ok: Type.Literal(true) }) },
      },
    },
    async (request, reply) => {
      if (log === null) throw new HttpProblem(409, 'no_log', 'This service keeps no log (service.log.path)');
      const { request_id: requestId, part = 0, label, note = null } = request.body;
      // Another replica may have served the request, or the row has gone to PostgreSQL.
      const elsewhere = !log.has(requestId, part) && history !== log && (await history?.has(requestId, part)) === true;
      await log.addFeedback({ requestId, part, label, note }, elsewhere);
      return reply.code(201).send({ ok: true });
    },
  );
}
