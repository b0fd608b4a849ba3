import type { FastifyBaseLogger } from 'fastify';
import { AutobirdError, type ServiceConfig } from '../../src/index.ts';
import type { Tracing } from './tracing.ts';

/**
 * Sends spans to an OpenTelemetry collector as the configuration says; null without an endpoint. The SDK is
 * loaded only where there is one.
 *
 * @throws AutobirdError `config` for an endpoint that is no address
 */
export async function openTracing(
  { otlpEndpoint, sampleRatio }: ServiceConfig['tracing'],
  serviceName: string,
  logger: FastifyBaseLogger,
): Promise<Tracing | null> {
  if (otlpEndpoint === null || otlpEndpoint === '') return null;
  if (!/^https?:/.test(otlpEndpoint) || !URL.canParse(otlpEndpoint)) {
    throw new AutobirdError(
      'config',
      `Expected http://HOST:4318 or https://… for service.tracing.otlp_endpoint but received ${otlpEndpoint}`,
    );
  }
  const { OpenTelemetry } = await import('./OpenTelemetry.ts');
  return new OpenTelemetry(new URL(otlpEndpoint), sampleRatio, serviceName, logger);
}
