import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { packageVersion, type ServiceConfig } from '../../src/index.ts';
import { ByteBudget } from '../http/ByteBudget.ts';
import { createApp } from '../http/createApp.ts';
import { acceptUploads } from '../http/receiveAudio.ts';
import { ModelStore } from './ModelStore.ts';
import { modelRoutes } from './routes/models.ts';
import { originalRoutes } from './routes/original.ts';
import { predictionRoutes } from './routes/predictions.ts';

/** The inference service, ready to listen: models are loaded and warm, or it says what is missing. */
export async function createInferenceApp(config: ServiceConfig, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const { limits, device, precision, threads } = config;
  const models = await ModelStore.open(
    config,
    {
      device,
      precision,
      ...(threads !== null && { threads }),
      limits: {
        maxFileBytes: limits.maxFileBytes,
        maxDurationS: limits.maxDurationS,
        maxChannels: limits.maxChannels,
        maxSampleRateHz: limits.maxSampleRateHz,
      },
    },
    logger,
  );
  const app = await createApp({
    info: {
      title: 'autobird inference',
      description: 'Says which birds are heard in recordings.',
      version: packageVersion(),
    },
    logger,
    readiness: () => (models.ready ? { ready: true } : { ready: false, reason: models.unready }),
  });
  app.addHook('onClose', () => models.close());
  await acceptUploads(app);
  const context = { config, models, uploads: new ByteBudget(limits.maxBytesInFlight) };
  originalRoutes(app, context);
  predictionRoutes(app, context);
  modelRoutes(app, context);
  return app;
}
