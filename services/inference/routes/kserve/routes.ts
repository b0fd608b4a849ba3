/**
 * KServe's Open Inference Protocol, version 2, over HTTP, with its binary tensor data and classification extensions: clients
 * of Triton and KServe talk to autobird as it is.
 */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { packageVersion } from '../../../../src/service.ts';
import { handleErrors } from '../../../http/errors.ts';
import { HttpProblem } from '../../../http/HttpProblem.ts';
import { healthRoute } from '../../../http/health.ts';
import { documented } from '../../../http/openApi.ts';
import type { InferenceContext } from '../../context.ts';
import type { LoadedModel } from '../../LoadedModel.ts';
import type { ModelState, ModelStore } from '../../ModelStore.ts';
import { infer } from './infer.ts';
import { errorBody, inferRequest, inferResponse, modelMetadata, repositoryIndex, serverMetadata } from './schemas.ts';

const tags = ['kserve'];
const binary = { type: 'string', format: 'binary', description: 'JSON, then the bytes of tensors.' } as const;

interface ModelParams {
  readonly name: string;
  readonly version?: string;
}

export async function kserveRoutes(app: FastifyInstance, context: InferenceContext): Promise<void> {
  await app.register(
    async (scope) => {
      // Bodies are read by `infer`, which counts them; tritonclient names no content type.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      handleErrors(scope, ({ detail }) => ({
        error: typeof detail === 'string' ? detail : detail.map(({ msg }) => msg).join('; '),
      }));
      serverRoutes(scope, context);
      for (const prefix of ['/models/:name', '/models/:name/versions/:version']) modelRoutes(scope, context, prefix);
    },
    { prefix: '/v2' },
  );
}

/** Triton's bodies, where the rest of the service has FastAPI's. */
const refused = { '4xx': errorBody, '5xx': errorBody };

function serverRoutes(scope: FastifyInstance, { models, readiness }: InferenceContext): void {
  scope.get(
    '/',
    // biome-ignore format: one line a route reads as a table
    { prefixTrailingSlash: 'no-slash', schema: { tags, summary: 'Server metadata', response: { ...refused, 200: serverMetadata } } },
    async () => ({
      name: 'autobird',
      version: packageVersion(),
      extensions: ['binary_tensor_data', 'classification'],
    }),
  );
  const live = Type.Object({ live: Type.Boolean() });
  const ready = Type.Object({ ready: Type.Boolean() });
  scope.get(
    '/health/live',
    { ...healthRoute, schema: { tags, summary: 'The server lives', response: { ...refused, 200: live } } },
    async () => ({ live: true }),
  );
  scope.get(
    '/health/ready',
    {
      ...healthRoute,
      schema: { tags, summary: 'The server can predict', response: { ...refused, 200: ready, 503: ready } },
    },
    async (_request, reply) => {
      const { ready } = readiness();
      return reply.code(ready ? 200 : 503).send({ ready });
    },
  );
  scope.post(
    '/repository/index',
    { schema: { tags, summary: 'The models, loaded or not', response: { ...refused, 200: repositoryIndex } } },
    async () =>
      models.list().map(({ name, loaded, error }) => ({
        name,
        version: loaded?.version ?? '',
        state: loaded === null ? 'UNAVAILABLE' : 'READY',
        reason: error ?? '',
      })),
  );
}

function modelRoutes(scope: FastifyInstance, context: InferenceContext, prefix: string): void {
  const { models } = context;
  const versioned = prefix.endsWith('version');
  const of = versioned ? 'One version of a model' : 'A model';
  const params = Type.Object({ name: Type.String(), ...(versioned && { version: Type.String() }) });
  scope.get<{ Params: ModelParams }>(
    prefix,
    { schema: { tags, summary: `${of}: its tensors`, params, response: { ...refused, 200: modelMetadata } } },
    async ({ params }) => metadataOf(loadedModel(models, params)),
  );
  const ready = Type.Object({ name: Type.String(), ready: Type.Boolean() });
  scope.get<{ Params: ModelParams }>(
    `${prefix}/ready`,
    {
      ...healthRoute,
      schema: { tags, summary: `${of}: can it predict`, params, response: { ...refused, 200: ready, 503: ready } },
    },
    async ({ params }, reply) => {
      const { name, loaded } = stateOf(models, params);
      const ready = loaded !== null && !context.readiness().stopping;
      return reply.code(ready ? 200 : 503).send({ name, ready });
    },
  );
  scope.post<{ Params: ModelParams }>(
    `${prefix}/infer`,
    {
      config: { openApiBody: { 'application/json': inferRequest, 'application/octet-stream': binary } },
      schema: {
        tags,
        summary: `${of}: predict`,
        description:
          'Inputs: `audio`, BYTES [n], a file in each; `pcm`, FP32 [n, samples], with the parameter `sample_rate` in Hz. ' +
          'Outputs: `scores`, FP32 [n, classes]; `label`, BYTES [n]; on request `embedding`, FP32 [n, d].',
        params,
        response: {
          ...refused,
          200: documented('The outputs', inferResponse),
        },
      },
    },
    async (request, reply) => {
      loadedModel(models, request.params);
      return await infer(context, request, reply, request.params);
    },
  );
}

/** @throws HttpProblem 404 for a name that there is not, or a version that is not loaded */
function stateOf(models: ModelStore, { name, version }: ModelParams): ModelState {
  const state = models.list().find((each) => each.name === name);
  if (state === undefined) throw new HttpProblem(404, 'unknown_model', `There is no model ${name}`);
  const { loaded } = state;
  if (version !== undefined && loaded?.version !== version) {
    const known = loaded === null ? 'none is loaded' : `loaded is ${loaded.version}`;
    throw new HttpProblem(404, 'unknown_version', `There is no version ${version} of the model ${name}: ${known}`);
  }
  return state;
}

/** @throws HttpProblem 404 as {@link stateOf}, 503 where it could not be loaded */
function loadedModel(models: ModelStore, params: ModelParams): LoadedModel {
  const { loaded, error } = stateOf(models, params);
  if (loaded === null) throw new HttpProblem(503, 'no_model', error ?? models.unready, { retryAfterS: 5 });
  return loaded;
}

function metadataOf({ name, version, classifier }: LoadedModel) {
  const { labels, noEventLabels, features, metadata } = classifier;
  return {
    name,
    versions: [version],
    platform: 'autobird_libtorch',
    inputs: [
      { name: 'audio', datatype: 'BYTES', shape: [-1] },
      { name: 'pcm', datatype: 'FP32', shape: [-1, -1] },
    ],
    outputs: [
      { name: 'scores', datatype: 'FP32', shape: [-1, labels.length] },
      { name: 'label', datatype: 'BYTES', shape: [-1] },
      { name: 'embedding', datatype: 'FP32', shape: [-1, metadata.model.dModel] },
    ],
    parameters: { labels, no_event_labels: noEventLabels, sample_rate_hz: features.sampleRateHz },
  };
}
