/** `/v1/live`: sound over a WebSocket; each clip is predicted as soon as its last sample is there. */
import { fastifyWebsocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { clientKey } from '../../../http/clientKey.ts';
import { FairBudget } from '../../../http/FairBudget.ts';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import { isOwnPage } from '../../../http/hosts.ts';
import { WebSocketUpgrade } from '../../../http/webSocketUpgrade.ts';
import type { InferenceContext } from '../../context.ts';
import { closeCodes } from './Ending.ts';
import { LiveMetrics } from './LiveMetrics.ts';
import { LiveSession } from './LiveSession.ts';
import { endMessage, serverMessage, startMessage } from './messages.ts';

/** What a client names beside its key where it has no other way to send one. */
const liveProtocol = 'autobird.live';
/** Of sound; seconds of it at any rate. Larger ones are refused with 1009. */
const maxMessageBytes = 2 ** 20;

export async function liveRoutes(app: FastifyInstance, context: InferenceContext): Promise<void> {
  const sessions = new Set<LiveSession>();
  const connections = new FairBudget(context.config.live.maxConnections, 'Too many live connections');
  const metrics = new LiveMetrics(context.metrics.registry);
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      // Only this protocol may be chosen: a key among the offered ones must not be sent back.
      handleProtocols: (offered) => offered.has(liveProtocol) && liveProtocol,
    },
    errorHandler: (error, socket, request) => {
      request.log.debug({ err: error }, 'A live connection broke');
      socket.terminate();
    },
    preClose: async () => {
      app.websocketServer.close();
      await Promise.all([...sessions].map((session) => session.stop()));
    },
  });
  // What is refused before the plugin's own hook has seen it (401, 429) would stay open: no time-out of HTTP is left on it.
  // A hook with a callback, since it runs for every response: a promise each would cost more than its work.
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (raw instanceof WebSocketUpgrade && raw.upgrade) raw.socket.destroy();
    done();
  });
  app.route({
    method: 'GET',
    url: '/v1/live',
    schema: {
      tags: ['predictions'],
      summary: 'Live audio over a WebSocket',
      description:
        'The first message is JSON (`x-messages.start`), then binary messages are samples; `{"type": "end"}` is the last. ' +
        'The server sends `ready`, a `clip` as soon as its last sample is there, then `done` (`x-messages.server`). ' +
        'Closed with 1003 for what is no such message, 1008 over a limit, 1009 for a message over 1 MiB, 1011 where the ' +
        'service failed, 1013 where it has too much to do, 1001 where it stops.',
      'x-messages': { start: startMessage, end: endMessage, server: serverMessage },
      response: { 101: { type: 'null', description: 'A WebSocket' } },
    } as object,
    onRequest: async (request) => checkOrigin(request, context),
    handler: async (_request, reply) => {
      reply.header('upgrade', 'websocket');
      throw new HttpProblem(426, 'upgrade_required', 'Live audio needs a WebSocket: connect with ws:// or wss://');
    },
    wsHandler: (socket, request) => {
      const hold = connections.hold(clientKey(request));
      try {
        hold.take(1);
      } catch {
        metrics.sessions.inc({ code: String(closeCodes.tryLater) });
        socket.close(closeCodes.tryLater, 'Too many live connections (service.live.max_connections): try again later');
        return;
      }
      const session = new LiveSession(context, metrics, socket, request);
      sessions.add(session);
      metrics.connections.set(sessions.size);
      session.ended
        .catch((error) => request.log.error({ err: error }, 'A live session broke'))
        .finally(() => {
          hold.release();
          sessions.delete(session);
          metrics.connections.set(sessions.size);
        });
    },
  });
}

/**
 * A browser sends the network position of its user along with any page's connection, and no rule of CORS applies to WebSockets.
 *
 * @throws HttpProblem 403
 */
function checkOrigin(request: FastifyRequest, { config }: InferenceContext): void {
  if (isOwnPage(request, config)) return;
  throw new HttpProblem(403, 'foreign_origin', `Pages of ${request.headers.origin} may not connect to this service`);
}
