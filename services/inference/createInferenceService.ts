import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setInterval } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { ServiceConfig } from '../../src/index.ts';
import { packageVersion, releaseFreeMemory } from '../../src/service.ts';
import { joinPeers } from '../cluster.ts';
import { createApp } from '../http/createApp.ts';
import { FairBudget } from '../http/FairBudget.ts';
import { type Readiness, stopping } from '../http/health.ts';
import { openTracing } from '../http/openTracing.ts';
import { warnWhereOpen } from '../http/protect.ts';
import { acceptUploads } from '../http/receiveAudio.ts';
import { measureRequests } from '../http/requestMetrics.ts';
import type { Service, StopNotice } from '../http/Service.ts';
import { JobMetrics } from '../jobs/JobMetrics.ts';
import { Jobs } from '../jobs/Jobs.ts';
import { PredictionLog } from '../predictionLog/PredictionLog.ts';
import { GatheredLog } from '../predictionLog/postgres/GatheredLog.ts';
import { databaseUrl } from '../predictionLog/postgres/PostgresDatabase.ts';
import { showsLog, webRoutes } from '../web/webRoutes.ts';
import type { InferenceContext } from './context.ts';
import { createManagementApp } from './createManagementApp.ts';
import { measureDisks } from './diskMetrics.ts';
import { InferenceMetrics } from './InferenceMetrics.ts';
import { ModelStore } from './ModelStore.ts';
import { predictionJob } from './predictionJob.ts';
import { feedbackRoutes } from './routes/feedback.ts';
import { jobRoutes } from './routes/jobs.ts';
import { kserveRoutes } from './routes/kserve/routes.ts';
import { liveRoutes } from './routes/live/routes.ts';
import { readingLogRoutes } from './routes/log.ts';
import { modelRoutes } from './routes/models.ts';
import { originalRoutes } from './routes/original.ts';
import { predictionRoutes } from './routes/predictions.ts';

/** Threads that allocate wait 2 to 15 ms for it, 60 after a moment of very much work. */
const releaseEveryMs = 10_000;

/** The inference service, before it listens at its port: models are loaded and warm, or the log says what is missing. */
export async function createInferenceService(
  config: ServiceConfig,
  logger: FastifyBaseLogger,
  stopNotice: StopNotice = { announced: false },
): Promise<Service> {
  const { limits, device, precision, workers } = config;
  const threads = config.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
  warnWhereOpen(config, logger);
  const tracing = await openTracing(config.tracing, 'autobird-inference', logger);
  const { path, retentionDays } = config.log;
  const log =
    path === null
      ? null
      : await PredictionLog.open({
          path,
          retentionDays,
          onUpgrade: (upgrade) => logger.info({ ...upgrade, path }, 'The prediction log is brought up to date first'),
        });
  const gathered = gatheredLog(log, config.log, logger);
  const models = await ModelStore.open(
    config,
    {
      device,
      precision,
      batching: config.batching,
      threads,
      limits: {
        maxFileBytes: limits.maxFileBytes,
        maxDurationS: limits.maxDurationS,
        maxChannels: limits.maxChannels,
        maxSampleRateHz: limits.maxSampleRateHz,
        maxDecodedRatio: limits.maxDecodedRatio,
        maxDecodeS: limits.maxDecodeS,
      },
    },
    logger,
  );
  const uploads = new FairBudget(limits.maxBytesInFlight, 'Too many uploads at once');
  const metrics = new InferenceMetrics(logger);
  metrics.watch(models, uploads, log, gathered);
  measureDisks(metrics.registry, {
    log: path === null ? null : dirname(path),
    jobs: config.jobs.dir,
  });
  const peers = joinPeers(metrics.registry, () => models.look());
  const readiness = (): Readiness => {
    if (stopNotice.announced) return stopping;
    return models.ready
      ? { ready: true, reason: peers.missing ?? undefined }
      : { ready: false, reason: models.unready };
  };
  const context = { config, models, readiness, uploads, log, history: gathered ?? log, metrics, peers };
  const jobs = openJobs(context, logger);
  const app = await createApp({
    info: {
      title: 'autobird inference',
      description: 'Predicts which birds are in recordings.',
      version: packageVersion(),
    },
    logger,
    readiness,
    stopNotice,
    security: config,
    tracing,
  });
  const closing = new AbortController();
  void releaseRegularly(closing.signal, logger);
  app.addHook('preClose', async () => {
    await jobs?.stop();
  });
  app.addHook('onClose', async () => {
    closing.abort();
    await models.close();
    await gathered?.close();
    await log?.close();
    await tracing?.close();
  });
  measureRequests(app, metrics.registry);
  await app.register(async (scope) => {
    await acceptUploads(scope);
    originalRoutes(scope, context);
    predictionRoutes(scope, context, jobs);
  });
  jobRoutes(app, jobs);
  modelRoutes(app, context);
  feedbackRoutes(app, context);
  await webRoutes(app, config);
  if (showsLog(config)) readingLogRoutes(app, context.history);
  await kserveRoutes(app, context);
  await liveRoutes(app, context);
  return { app, management: await createManagementApp(context, logger) };
}

/** Gives free memory back to the kernel from time to time: after a peak of requests the heaps would keep it until the end. */
async function releaseRegularly(signal: AbortSignal, logger: FastifyBaseLogger): Promise<void> {
  try {
    for await (const _ of setInterval(releaseEveryMs, undefined, { ref: false, signal })) await releaseFreeMemory();
  } catch (error) {
    if (!signal.aborted) logger.warn({ err: error }, 'Free memory is not given back any more');
  }
}

/** Where the rows of all replicas are, if there is such a place. */
function gatheredLog(
  log: PredictionLog | null,
  { path, retentionDays, postgres: { url: configured, ...options } }: ServiceConfig['log'],
  logger: FastifyBaseLogger,
): GatheredLog | null {
  const url = databaseUrl(configured);
  if (log === null || path === null || url === null) return null;
  return GatheredLog.open(log, { ...options, path, retentionDays, url }, logger);
}

/** Null where the service has no folder for jobs. */
function openJobs(context: InferenceContext, logger: FastifyBaseLogger): Jobs | null {
  const { jobs: config, limits } = context.config;
  const { dir } = config;
  if (dir === null) return null;
  const metrics = new JobMetrics(context.metrics.registry);
  const jobs = new Jobs(
    { ...config, dir },
    {
      maxFiles: limits.maxFiles,
      run: (room) => predictionJob(context, { ...config, dir }, room, logger),
      metrics,
      logger,
    },
  );
  metrics.watch(() => jobs.counts());
  return jobs;
}
