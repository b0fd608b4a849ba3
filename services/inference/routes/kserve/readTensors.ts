/** The body of an inference request: JSON, and after it the bytes of tensors; compressed where the client wished so. */
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { AutobirdError } from '../../../../src/index.ts';
import { clientKey } from '../../../http/clientKey.ts';
import type { FairBudget } from '../../../http/FairBudget.ts';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import { collect, tooLarge } from '../../../http/receiveAudio.ts';

export interface TensorBody extends Disposable {
  readonly json: unknown;
  /** What follows the JSON; empty without `Inference-Header-Content-Length`. */
  readonly binary: Buffer;
  /** How long the body took to arrive. */
  readonly receiveMs: number;
}

/** Length of the JSON in a body that has tensors behind it. */
export const jsonLengthHeader = 'inference-header-content-length';

/** Parsing holds up every other request: samples in such numbers are sent as bytes. */
const maxJsonBytes = 2 * 2 ** 20;
/** No tensor is deeper; V8 takes half a second for a megabyte of brackets. */
const maxJsonDepth = 32;

/**
 * Reads the body of `request`, at most `maxBytes` of it, unpacked. Give it back (`using`) when the tensors are not needed any
 * more.
 *
 * @throws HttpProblem 400 for what is no such body, 413 for too much of it, 415 for an unknown compression, 503 where other
 * uploads fill the memory
 */
export async function readTensors(request: FastifyRequest, maxBytes: number, budget: FairBudget): Promise<TensorBody> {
  const begin = performance.now();
  const most = Math.min(maxBytes, budget.mostForOne);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge(most);
  const hold = budget.hold(clientKey(request));
  try {
    const reading = collect(unpacked(request), { maxFileBytes: most, most }, hold).catch((error: unknown) => {
      throw asBadBody(error);
    });
    const body = await hold.whileHeld(reading);
    const length = jsonLength(request, body.byteLength);
    if (length > maxJsonBytes) {
      throw new HttpProblem(
        413,
        'too_large',
        `The JSON has more than ${maxJsonBytes} bytes: send tensors as binary data (Inference-Header-Content-Length)`,
      );
    }
    return {
      json: parsed(body.subarray(0, length)),
      binary: body.subarray(length),
      receiveMs: performance.now() - begin,
      [Symbol.dispose]: () => hold.release(),
    };
  } catch (error) {
    hold.release();
    throw error;
  }
}

function unpacked({ headers, raw }: FastifyRequest): Readable {
  const encoding = headers['content-encoding'] ?? 'identity';
  switch (encoding) {
    case 'identity':
      return raw;
    case 'gzip':
      return throughInto(raw, createGunzip());
    case 'deflate':
      return throughInto(raw, createInflate());
    default:
      throw new HttpProblem(
        415,
        'unsupported_encoding',
        `Expected gzip, deflate or identity for Content-Encoding but received ${encoding}`,
      );
  }
}

/** `pipe`, with an end for the second when the first one breaks off. */
function throughInto<Through extends NodeJS.ReadWriteStream & Readable>(raw: Readable, through: Through): Through {
  raw.on('error', (error) => through.destroy(error));
  raw.on('aborted', () => through.destroy(new Error('the client has gone')));
  return raw.pipe(through);
}

/** The error of a body that cannot be read or unpacked. */
function asBadBody(error: unknown): unknown {
  if (error instanceof HttpProblem || error instanceof AutobirdError) return error;
  const { message } = error as Error;
  return new HttpProblem(400, 'bad_body', `The body cannot be read (${message}): was it cut short?`);
}

function jsonLength({ headers }: FastifyRequest, bodyBytes: number): number {
  const header = headers[jsonLengthHeader];
  if (header === undefined) return bodyBytes;
  if (!/^\d{1,15}$/.test(String(header)) || Number(header) > bodyBytes) {
    throw new HttpProblem(
      400,
      'bad_body',
      `Expected at most ${bodyBytes}, the bytes of the body, for Inference-Header-Content-Length but received ${header}`,
    );
  }
  return Number(header);
}

function parsed(bytes: Buffer): unknown {
  if (isDeep(bytes)) {
    throw new HttpProblem(400, 'bad_body', `The JSON is nested more than ${maxJsonDepth} deep: no tensor is`);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new HttpProblem(400, 'bad_body', `Expected a JSON object as the body: ${(error as Error).message}`);
  }
}

/** Without parsing it: brackets outside of texts are counted. */
function isDeep(json: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.byteLength; at++) {
    const byte = json[at];
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxJsonDepth) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}
