import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { createInferenceService } from '../../services/inference/createInferenceService.ts';
import { composeConfig } from '../../src/config/compose.ts';
import type { ServiceConfig } from '../../src/config/schema.ts';
import { writeTinyModel } from './tinyModel.ts';
import { withTempDir } from './withTempDir.ts';

// The developer's own database and collector are not for tests.
delete process.env['DATABASE_URL'];
delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];

export interface RunningService {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly dir: string;
  /** Of the operators. */
  readonly management: FastifyInstance;
}

/** The service configuration of overrides, listening at any port and saying nothing. */
export function serviceConfig(overrides: readonly string[]): ServiceConfig {
  const words = ['service.host=127.0.0.1', 'service.port=0', 'service.log_level=silent', ...overrides];
  return composeConfig(words, { groups: ['service'] }).config.service;
}

/** Runs `use` beside an inference service with a tiny model, on a real socket; `DIR` in overrides is its folder. */
export async function withService(
  overrides: readonly string[],
  use: (service: RunningService) => Promise<void>,
  logger: FastifyBaseLogger = pino({ level: 'silent' }),
): Promise<void> {
  await withTempDir(async (dir) => {
    await writeTinyModel(`${dir}/tiny.safetensors`);
    const given = [`service.models_dir=${dir}`, `service.log.path=${dir}/log.db`, ...overrides].map((text) =>
      text.replaceAll('DIR', dir),
    );
    const { app, management } = await createInferenceService(serviceConfig(given), logger);
    try {
      await app.listen({ host: '127.0.0.1', port: 0 });
      await use({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, dir, management });
    } finally {
      await app.close();
      await management.close();
    }
  });
}

/** A multipart form with recordings in the field `audio`. */
export function audioForm(...files: readonly (readonly [name: string, bytes: Uint8Array])[]): FormData {
  const form = new FormData();
  for (const [name, bytes] of files) form.append('audio', new Blob([Buffer.from(bytes)]), name);
  return form;
}
