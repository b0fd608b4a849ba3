/** `POST /v2/models/{name}/infer`: tensors in, tensors out; each row of the inputs is a recording like any other. */
import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemResponse } from '../../../http/errors.ts';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import { formBytes } from '../../../http/receiveAudio.ts';
import type { RowSink } from '../../../predictionLog/entry.ts';
import { withPendingRows } from '../../../predictionLog/PendingRows.ts';
import type { InferenceContext } from '../../context.ts';
import { type Predicted, predictAndLog } from '../../predictAndLog.ts';
import type { Upload } from '../../requester.ts';
import { responseOf, wantedOutputs } from './outputs.ts';
import { jsonLengthHeader, readTensors } from './readTensors.ts';
import { recordingsOf } from './recordings.ts';
import { type InferRequest, inferRequest } from './schemas.ts';

const compress = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;

/** What the protocol's clients send as parameters of a request, beside what is read here: hints that change no result. */
const hints = ['priority', 'timeout'];
const knownParameters = ['binary_data_output', 'overlap_s', 'sample_rate'];

export async function infer(
  context: InferenceContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { name, version }: { readonly name: string; readonly version?: string | undefined },
): Promise<FastifyReply> {
  const { limits } = context.config;
  using body = await readTensors(request, limits.maxFileBytes * limits.maxFiles + formBytes, context.uploads);
  const inferBody = checked(request, body.json);
  const wanted = wantedOutputs(inferBody);
  const upload = { files: recordingsOf(inferBody, body.binary, limits), receiveMs: body.receiveMs };
  const embeddings = wanted.some((output) => output.name === 'embedding');
  const overlapS = overlapOf(inferBody);
  const rows = await withPendingRows(context.log, (log) =>
    Promise.all(
      upload.files.map((_file, part) =>
        predictRow(context, { request, upload, part, name, overlapS, embeddings, log }),
      ),
    ),
  );
  // The file of a model may have been replaced since the version was looked up.
  const other = rows.find(({ model }) => version !== undefined && model.version !== version);
  if (other !== undefined) {
    throw new HttpProblem(404, 'unknown_version', `The model ${name} is now of version ${other.model.version}`);
  }
  const { json, binary } = responseOf(rows, wanted, inferBody.id);
  if (binary === null) reply.type('application/json');
  else reply.type('application/octet-stream').header(jsonLengthHeader, String(Buffer.byteLength(json)));
  return await send(request, reply, binary === null ? Buffer.from(json) : Buffer.concat([Buffer.from(json), binary]));
}

interface Row {
  readonly request: FastifyRequest;
  readonly upload: Upload;
  readonly part: number;
  readonly name: string;
  readonly overlapS: number | undefined;
  readonly embeddings: boolean;
  readonly log: RowSink | null;
}

async function predictRow(context: InferenceContext, row: Row): Promise<Predicted> {
  const { request, upload, part, name, overlapS, embeddings, log } = row;
  const file = upload.files[part] as Upload['files'][number];
  const options = { model: name, rows: log, embedding: embeddings, overlapS };
  try {
    return await predictAndLog(context, { request, upload, part, ...options }, async (predicted) => predicted);
  } catch (error) {
    // A response of the protocol cannot leave a row out: the message names the row that failed.
    const { status, body, retryAfterS } = problemResponse(error);
    if (status >= 500) throw error;
    throw new HttpProblem(status, body.code, `${file.name}: ${(error as Error).message}`, { retryAfterS });
  }
}

/** @throws HttpProblem 400 */
function checked(request: FastifyRequest, json: unknown): InferRequest {
  const validate = request.getValidationFunction(inferRequest) ?? request.compileValidationSchema(inferRequest);
  if (!validate(json)) {
    const [issue] = validate.errors ?? [];
    const place = issue?.instancePath.slice(1).replaceAll('/', '.') || 'the request';
    throw new HttpProblem(400, 'bad_request', `Wrong value for ${place}: it ${issue?.message ?? 'is not valid'}`);
  }
  const body = json as InferRequest;
  const unknown = Object.keys(body.parameters ?? {}).find((key) => ![...knownParameters, ...hints].includes(key));
  if (unknown !== undefined) {
    const known = knownParameters.join(', ');
    throw new HttpProblem(400, 'bad_request', `There is no parameter ${unknown} of a request: expected ${known}`);
  }
  return body;
}

function overlapOf({ parameters }: InferRequest): number | undefined {
  const overlapS = parameters?.['overlap_s'];
  if (overlapS === undefined || typeof overlapS === 'number') return overlapS;
  throw new HttpProblem(400, 'bad_request', `Expected a number for overlap_s but received ${overlapS}`);
}

async function send(request: FastifyRequest, reply: FastifyReply, body: Buffer): Promise<FastifyReply> {
  const encoding = request.accepts().encoding(['gzip', 'deflate', 'identity']);
  reply.header('vary', 'accept-encoding');
  if (encoding !== 'gzip' && encoding !== 'deflate') return reply.send(body);
  return reply.header('content-encoding', encoding).send(await compress[encoding](body));
}
