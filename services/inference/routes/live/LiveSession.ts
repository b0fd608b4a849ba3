/** One connection to `/v1/live`, from the first message to the row in the log. */
import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { timeAt } from '../../../../src/service.ts';
import { problemResponse } from '../../../http/errors.ts';
import type { InferenceContext } from '../../context.ts';
import { asEnding, closeCodes, Ending, shortened } from './Ending.ts';
import type { LiveMetrics } from './LiveMetrics.ts';
import { clipMessage, endMessage, type ServerMessage, type StartMessage, startMessage } from './messages.ts';
import { SessionTotals } from './SessionTotals.ts';
import { SocketAudio } from './SocketAudio.ts';

const maxFirstMessageBytes = 4096;
/** How long the service waits for a client to confirm the closing. */
const closeWaitMs = 1000;

export class LiveSession {
  readonly #context: InferenceContext;
  readonly #metrics: LiveMetrics;
  readonly #request: FastifyRequest;
  readonly #socket: WebSocket;
  readonly #audio: SocketAudio;
  readonly #stop = new AbortController();
  readonly #begun = new Date();
  readonly #watch: NodeJS.Timeout;
  /** Resolves when the connection has ended and the row is written. */
  readonly ended: Promise<void>;
  #start: StartMessage | null = null;
  /** Sent after the predictions of all sound that came before. */
  #endingAfterAudio: Ending | null = null;
  #lastAudioAt = performance.now();
  #sendingSince: number | null = null;
  #hasPonged = true;

  constructor(context: InferenceContext, metrics: LiveMetrics, socket: WebSocket, request: FastifyRequest) {
    this.#context = context;
    this.#metrics = metrics;
    this.#socket = socket;
    this.#request = request;
    this.#audio = new SocketAudio(socket);
    const { signal } = this.#stop;
    const started = new Promise<StartMessage>((resolve, reject) => {
      socket.on('message', (data: Buffer, isBinary) => this.#received(data, isBinary, resolve));
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    signal.addEventListener('abort', () => this.#audio.destroy());
    socket.on('pong', () => {
      this.#hasPonged = true;
    });
    socket.on('close', () => this.#stop.abort(new Ending(closeCodes.goingAway, 'client_gone', 'The client has gone')));
    this.#watch = setInterval(() => this.#checkClient(), (1000 * context.config.live.idleS) / 3);
    this.ended = this.#run(started);
  }

  /** Ends it from outside: the service stops. */
  async stop(): Promise<void> {
    this.#stop.abort(new Ending(closeCodes.goingAway, 'stopping', 'The service stops: connect again'));
    await this.ended;
  }

  async #run(started: Promise<StartMessage>): Promise<void> {
    let ending: Ending;
    try {
      await this.#predict(await started);
      ending = this.#endingAfterAudio ?? new Ending(closeCodes.done, 'done', '');
    } catch (error) {
      ending = this.#stop.signal.aborted ? (this.#stop.signal.reason as Ending) : asEnding(error);
      if (ending.closeCode === closeCodes.failed) this.#request.log.error({ err: error }, 'Live audio failed');
    }
    clearInterval(this.#watch);
    this.#audio.destroy();
    this.#metrics.sessions.inc({ code: String(ending.closeCode) });
    this.#request.log.info({ closeCode: ending.closeCode, reason: ending.code }, 'Live session ended');
    await this.#close(ending);
  }

  async #predict(start: StartMessage): Promise<void> {
    const { models, config } = this.#context;
    const { sample_rate_hz: sampleRateHz, format, channels = 1, overlap_s: overlapS } = start;
    using lease = models.lease(start.model, randomInt(2 ** 32) / 2 ** 32);
    const { model } = lease;
    const { lengthS, hopS } = model.classifier.clips;
    await this.#send({
      type: 'ready',
      request_id: this.#request.id,
      model: model.name,
      model_version: model.version,
      clip: { length_s: lengthS, hop_s: overlapS === undefined ? hopS : lengthS - overlapS },
    });
    const bytesPerS = sampleRateHz * channels * (format === 'f32le' ? 4 : 2);
    const totals = new SessionTotals(model);
    const source = Readable.from(this.#paced(bytesPerS, config.live, totals, model.name));
    const options = {
      pcm: { sampleRateHz, format, channels },
      signal: this.#stop.signal,
      waitForRoom: true,
      overlapS,
    };
    let errorCode: string | null = null;
    try {
      for await (const clip of model.classifier.predictStream(source, options)) {
        totals.add(clip);
        await this.#send(clipMessage(model, clip, start, totals.seconds));
      }
      await this.#send({
        type: 'done',
        request_id: this.#request.id,
        duration_s: totals.seconds,
        clips: totals.clips,
      });
    } catch (error) {
      errorCode = this.#stop.signal.aborted ? null : problemResponse(error).body.code;
      throw error;
    } finally {
      await this.#log(totals, errorCode);
    }
  }

  /** The sound, not faster than is allowed and not longer. */
  async *#paced(
    bytesPerS: number,
    { maxSpeed, maxDurationS }: InferenceContext['config']['live'],
    totals: SessionTotals,
    model: string,
  ): AsyncGenerator<Buffer, void> {
    const { signal } = this.#stop;
    const begin = performance.now();
    let bytes = 0;
    for await (const chunk of this.#audio as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      totals.seconds = bytes / bytesPerS;
      this.#metrics.seconds.inc({ model }, chunk.byteLength / bytesPerS);
      yield chunk;
      if (totals.seconds > maxDurationS) {
        const message = `Longer than ${maxDurationS} s (service.live.max_duration_s): connect again`;
        this.#endingAfterAudio = new Ending(closeCodes.policy, 'too_long', message);
        return;
      }
      const aheadMs = (1000 * totals.seconds) / maxSpeed - (performance.now() - begin);
      if (aheadMs > 0) await sleep(aheadMs, undefined, { signal });
    }
  }

  #received(data: Buffer, isBinary: boolean, started: (start: StartMessage) => void): void {
    if (this.#stop.signal.aborted) return;
    try {
      if (this.#start === null) {
        this.#start = this.#startOf(data, isBinary);
        started(this.#start);
      } else if (this.#audio.isEnded) {
        throw new Ending(closeCodes.policy, 'after_end', 'A message came after {"type": "end"}: it has to be the last');
      } else if (isBinary) {
        this.#lastAudioAt = performance.now();
        this.#audio.receive(data);
      } else {
        this.#checked(endMessage, parsed(data), 'a message after the first');
        this.#audio.end();
      }
    } catch (error) {
      this.#stop.abort(asEnding(error));
    }
  }

  #startOf(data: Buffer, isBinary: boolean): StartMessage {
    if (isBinary || data.byteLength > maxFirstMessageBytes) {
      throw new Ending(
        closeCodes.unsupported,
        'no_start',
        'Expected JSON first, {"sample_rate_hz": 48000, "format": "f32le"}, then samples',
      );
    }
    const start = this.#checked(startMessage, parsed(data), 'the first message') as StartMessage;
    const { maxSampleRateHz, maxChannels } = this.#context.config.limits;
    if (start.sample_rate_hz > maxSampleRateHz || (start.channels ?? 1) > maxChannels) {
      const message = `At most ${maxSampleRateHz} Hz and ${maxChannels} channels are taken (service.limits)`;
      throw new Ending(closeCodes.policy, 'over_limit', message);
    }
    if (start.started_at !== undefined && timeAt(start.started_at, 0) === null) {
      throw new Ending(closeCodes.policy, 'bad_message', 'Expected an ISO 8601 date with a time for started_at');
    }
    return start;
  }

  #checked(schema: object, value: unknown, what: string): unknown {
    const validate = this.#request.getValidationFunction(schema) ?? this.#request.compileValidationSchema(schema);
    if (validate(value)) return value;
    const issues = (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const extra = (params as { additionalProperty?: string }).additionalProperty;
      return `${instancePath.slice(1)} ${message}${extra === undefined ? '' : ` (${extra})`}`.trim();
    });
    throw new Ending(closeCodes.policy, 'bad_message', `Wrong values in ${what}: ${issues.join('; ')}`);
  }

  /** Ends a connection whose client has gone. A paused socket is left alone: it receives no pong either. */
  #checkClient(): void {
    const idleMs = 1000 * this.#context.config.live.idleS;
    const now = performance.now();
    if (this.#sendingSince !== null && now - this.#sendingSince > idleMs) {
      this.#socket.terminate();
    } else if (this.#socket.isPaused) {
      this.#lastAudioAt = now;
    } else if (!this.#hasPonged) {
      this.#socket.terminate();
    } else if (!this.#audio.isEnded && now - this.#lastAudioAt > idleMs) {
      const message = `Nothing came for ${this.#context.config.live.idleS} s (service.live.idle_s)`;
      this.#stop.abort(new Ending(closeCodes.policy, 'idle', message));
    } else {
      this.#hasPonged = false;
      this.#socket.ping();
    }
  }

  /** Resolves when the operating system has the message, so that no predictions pile up for a client that does not read. */
  async #send(message: ServerMessage): Promise<void> {
    this.#sendingSince = performance.now();
    await new Promise<void>((resolve) => this.#socket.send(JSON.stringify(message), () => resolve()));
    this.#sendingSince = null;
    this.#stop.signal.throwIfAborted();
  }

  async #close({ closeCode, code, message }: Ending): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === socket.CLOSED) return;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    // The reason of a close frame holds 123 bytes: the full message is sent before it.
    if (code !== 'done')
      socket.send(JSON.stringify({ type: 'error', code, message } satisfies ServerMessage), () => {});
    socket.resume();
    socket.close(closeCode, shortened(message));
    const waited = setTimeout(() => socket.terminate(), closeWaitMs);
    await closed;
    clearTimeout(waited);
  }

  /** Logs a row for the session, where a clip was predicted or predicting failed. */
  async #log(totals: SessionTotals, errorCode: string | null): Promise<void> {
    if (totals.clips === 0 && errorCode === null) return;
    const request = this.#request;
    const row = totals.logEntry({
      request,
      fileSha256: this.#audio.sha256(),
      fileBytes: this.#audio.bytes,
      receiveMs: Date.now() - this.#begun.getTime(),
      errorCode,
    });
    // The predictions have been sent already: the session does not fail for it.
    await this.#context.log
      ?.append(row)
      .catch((error) => request.log.error({ err: error }, 'A live session was not logged'));
  }
}

function parsed(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch (error) {
    throw new Ending(closeCodes.unsupported, 'no_json', `Text has to be JSON: ${(error as Error).message}`);
  }
}
