/**
 * `Expect: 100-continue` is a client's question whether its body is welcome. Node says yes before anybody has looked at the
 * headers; here yes is said when somebody begins to read the body, so that what is refused is never sent.
 */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

export function answerExpectations(app: FastifyInstance): void {
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    request._read = function firstRead(size) {
      request._read = IncomingMessage.prototype._read;
      // After a refusal Node reads what is left to throw it away.
      if (!response.headersSent) response.writeContinue();
      request._read(size);
    };
    app.server.emit('request', request, response);
  });
}
