/** The page at `/app/`: static files from our own origin under a strict policy, and the settings that the page requests. */

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fastifyStatic } from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ServiceConfig } from '../../src/index.ts';
import { packageVersion } from '../../src/service.ts';
import { authConfigured } from '../http/auth/authenticate.ts';
import { isLoopback } from '../http/hosts.ts';
import { readPages } from './pages.ts';
import { runRoutes } from './runRoutes.ts';

/** Beside this file in the sources; the build copies it beside what it compiles. */
const assets = fileURLToPath(new URL('page', import.meta.url));

const settingsSchema = Type.Object({
  version: Type.String(),
  /** Whether there is a view of training runs. */
  runs: Type.Boolean(),
  drift_url: Type.Union([Type.String(), Type.Null()]),
  /** Whether predictions are logged, and the recordings too. */
  keeps_log: Type.Boolean(),
  keeps_audio: Type.Boolean(),
  max_file_bytes: Type.Integer(),
  max_duration_s: Type.Number(),
  jobs: Type.Union([Type.Object({ max_file_bytes: Type.Integer(), max_duration_s: Type.Number() }), Type.Null()]),
});

/** To be called after the routes that the page uses. */
export async function webRoutes(app: FastifyInstance, config: ServiceConfig): Promise<void> {
  const { enabled, runsRoot, driftUrl } = config.web;
  if (runsRoot !== null) runRoutes(app, runsRoot);
  if (!enabled) return;
  const pages = await readPages(assets, { runs: runsRoot !== null, log: showsLog(config) });
  const policy = contentSecurityPolicy(driftUrl);
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('content-security-policy', policy);
      reply.header('permissions-policy', 'microphone=(self)');
      // Requested each time, and 304 while unchanged: after an update no old script is used.
      reply.header('cache-control', 'no-cache');
    });
    const hidden = { schema: { hide: true }, config: { unlogged: true } } as const;
    for (const { path, html } of pages) {
      scope.get(path, hidden, async (request, reply) => {
        // Its own addresses are relative, so that it works behind any prefix: they need the slash at the end.
        const [given = '', query] = request.url.split('?');
        if (!given.endsWith('/')) {
          const last = given.slice(given.lastIndexOf('/') + 1);
          return reply.redirect(`${last}/${query === undefined ? '' : `?${query}`}`, 308);
        }
        return reply.type('text/html; charset=utf-8').send(html);
      });
    }
    scope.get('/app/settings.json', { ...hidden, schema: { hide: true, response: { 200: settingsSchema } } }, () => ({
      version: packageVersion(),
      runs: runsRoot !== null,
      drift_url: driftUrl,
      keeps_log: config.log.path !== null,
      keeps_audio: config.log.keepAudio > 0,
      max_file_bytes: config.limits.maxFileBytes,
      max_duration_s: config.limits.maxDurationS,
      jobs:
        config.jobs.dir === null
          ? null
          : { max_file_bytes: config.jobs.maxFileBytes, max_duration_s: config.jobs.maxDurationS },
    }));
    const options = { decorateReply: false, schemaHide: true, index: false, cacheControl: false } as const;
    await scope.register(fastifyStatic, { ...options, root: assets, prefix: '/app/assets/' });
    const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
    await scope.register(fastifyStatic, { ...options, root: uplot, prefix: '/app/vendor/uplot/' });
  });
}

/** Whether clients may search the log: it tells what others sent, so not everybody in a network without keys. */
export function showsLog({ host, auth, log, web }: ServiceConfig): boolean {
  if (log.path === null || !web.enabled) return false;
  return web.log ?? (authConfigured(auth) || isLoopback(host));
}

/** Nothing inline and nothing from elsewhere; `blob:` is the recording that is played. */
function contentSecurityPolicy(driftUrl: string | null): string {
  const drift = driftUrl === null ? '' : ` ${new URL(driftUrl).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self' blob:",
    `connect-src 'self'${drift}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
