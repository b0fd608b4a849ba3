/** `/openapi.json`, `/docs` and `/redoc` where FastAPI's users look for them; everything comes from our own origin. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fastifySwagger } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';

export interface ApiInfo {
  readonly title: string;
  readonly description: string;
  readonly version: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Shown as the request's body by media type: bodies that are read as streams have no schema to be checked by. */
    readonly openApiBody?: Readonly<Record<string, object>>;
  }
}

const securitySchemes = {
  key: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  bearer: { type: 'http', scheme: 'bearer', description: 'A key, or a JSON Web Token' },
} as const;

/** To be called before the routes that it describes; `secured` where keys or tokens are needed. */
export async function describeApi(app: FastifyInstance, info: ApiInfo, secured: boolean): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info,
      ...(secured && { components: { securitySchemes }, security: [{ key: [] }, { bearer: [] }] }),
    },
    transform: ({ schema, url, route }) => ({ url, schema: withBody(schema, route.config?.openApiBody) }),
    transformObject: (document) => {
      const { openapiObject } = document as { openapiObject: { paths?: Record<string, Record<string, unknown>> } };
      for (const operations of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(operations)) {
          restoreBody(operation as Operation);
          documentProblems(operation as Operation);
        }
      }
      return openapiObject;
    },
  });
  await app.register(fastifySwaggerUi, { routePrefix: '/docs', uiConfig: { tryItOutEnabled: true } });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await redocRoutes(app, info);
}

/** A response that is shown but does not serialize: what is sent is text or bytes already. */
export function documented(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

const bodyKey = 'x-body';

interface Operation {
  [bodyKey]?: Readonly<Record<string, object>>;
  requestBody?: { required: true; content: Record<string, { schema: object }> };
  responses?: Record<string, object>;
}

/** The bodies of errors.ts. */
const problemSchema = {
  type: 'object',
  required: ['detail'],
  properties: {
    detail: {
      anyOf: [
        { type: 'string' },
        {
          type: 'array',
          items: {
            type: 'object',
            required: ['type', 'loc', 'msg'],
            properties: {
              type: { type: 'string' },
              loc: { type: 'array', items: { type: ['string', 'integer'] } },
              msg: { type: 'string' },
            },
          },
        },
      ],
    },
    code: { type: 'string', description: 'Stable, for machines' },
  },
} as const;

/** Any route may refuse a request; a route that documents its own refusals (`/readyz`) keeps them. */
function documentProblems(operation: Operation): void {
  const content = { 'application/json': { schema: problemSchema } };
  operation.responses = {
    '4XX': { description: 'The request is refused', content },
    '5XX': { description: 'The service cannot serve the request now', content },
    ...operation.responses,
  };
}

function withBody(
  schema: FastifySchema | undefined,
  body: Readonly<Record<string, object>> | undefined,
): FastifySchema {
  return { ...schema, ...(body !== undefined && { [bodyKey]: body }) };
}

function restoreBody(operation: Operation): void {
  const body = operation[bodyKey];
  if (body === undefined) return;
  delete operation[bodyKey];
  const content = Object.fromEntries(Object.entries(body).map(([type, schema]) => [type, { schema }]));
  operation.requestBody = { required: true, content };
}

async function redocRoutes(app: FastifyInstance, { title }: ApiInfo): Promise<void> {
  // Read once: a megabyte for each response that a client does not read would fill the memory.
  const bundle = await readFile(createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js'));
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - ReDoc</title></head>
<body><redoc spec-url="/openapi.json"></redoc><script src="/redoc/redoc.standalone.js"></script></body></html>
`;
  const hidden = { schema: { hide: true } } as const;
  // ReDoc writes its styles into the page and works in a worker that it makes from text.
  const policy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; frame-ancestors 'none'";
  app.get('/redoc', hidden, async (_request, reply) =>
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page),
  );
  app.get('/redoc/redoc.standalone.js', hidden, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(bundle),
  );
}
