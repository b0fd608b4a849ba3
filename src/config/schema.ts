/**
 * What may stand in a configuration: one schema a group, named as the group and its key are. The YAML files spell the
 * keys in snake_case. Every key is read by something (test/recipes/configKeys.test.ts changes each one).
 */
import { z } from 'zod';

const positive = z.number().positive();
const count = z.int().min(1);
/** Seconds: clips that begin closer together say nothing new and take for ever. */
export const leastHopS = 0.05;

const share = z.number().min(0).max(1);

export const dataSchema = z.strictObject({
  /** Folder of recordings; a folder a class unless `metadata` says otherwise. */
  rawDir: z.string(),
  /** Where datasets are written: `<root>/<name>`. */
  root: z.string(),
  name: z.string().regex(/^\w[\w.-]*$/, 'letters, digits, "_", "-" and "." only, with a letter, digit or "_" first'),
  /** CSV files with a row a recording, joined by path; empty for "classes are folders". */
  metadata: z.array(z.string()),
  /** Column names, null to guess (the guess is printed). */
  columns: z.strictObject({
    path: z.string().nullable(),
    label: z.string().nullable(),
    background: z.string().nullable(),
    session: z.string().nullable(),
    group: z.string().nullable(),
    date: z.string().nullable(),
    recordist: z.string().nullable(),
    fold: z.string().nullable(),
    licence: z.string().nullable(),
  }),
  /** Names that mean "no event": trained, never reported. */
  noEventLabels: z.array(z.string()),
  /** Files that are looked at (any case); what they hold is decided by content. */
  extensions: z.array(z.string()),
  maxFileBytes: positive,
  maxDurationS: positive,
  maxChannels: count,
  maxSampleRateHz: positive,
  /** Recordings decoded at once; null for one more than cores. */
  workers: count.nullable(),
});

export const splitSchema = z
  .strictObject({
    /** `session` where the metadata has sessions (or recordist and date), else `recording`; copies always stay together. */
    groupBy: z.enum(['auto', 'session', 'recording']),
    valRatio: share,
    testRatio: share,
    seed: z.int().min(0),
    /** Number of folds, null for one split by ratios; a fold column in the metadata is used as it stands. */
    folds: count.nullable(),
    /** The test fold, 0-based index in sorted order of fold names; the rest is split into train and val. */
    fold: z.int().min(0).nullable(),
  })
  .refine(({ valRatio, testRatio }) => valRatio + testRatio < 1, {
    path: ['testRatio'],
    message: 'a share that leaves something to train on beside val_ratio',
  })
  .refine(({ folds, fold }) => folds === null || fold === null || fold < folds, {
    path: ['fold'],
    message: 'a number below folds (the first fold is 0)',
  });

export const clipsSchema = z.strictObject({
  lengthS: positive,
  hopS: z.number().min(leastHopS),
  /** Clips go on to the end, filled with zeros, as in the original; else a last whole clip ends with the recording. */
  padLast: z.boolean(),
  /** Training clips below this root mean square are left out; 0 keeps all. Prediction answers every recording. */
  minRms: z.number().min(0),
  /** Training clips whose log-mel has a smaller standard deviation are left out. */
  minMelStd: z.number().min(0),
  /** Classes with fewer training clips are left out, by name. */
  minClipsPerClass: z.int().min(0),
});

export const featuresSchema = z
  .strictObject({
    sampleRateHz: z.int().min(1000),
    nFft: z
      .int()
      .min(16)
      .refine((n) => (n & (n - 1)) === 0, 'a power of two'),
    hopSamples: count,
    nMels: count,
    fMinHz: z.number().min(0),
    fMaxHz: positive,
    logOffset: positive,
    background: z.enum(['none', 'median', 'pcen']),
  })
  .refine(({ fMinHz, fMaxHz, sampleRateHz }) => fMinHz < fMaxHz && fMaxHz <= sampleRateHz / 2, {
    path: ['fMaxHz'],
    message: 'a frequency above f_min_hz and at most half of sample_rate_hz',
  });

export const augmentSchema = z
  .strictObject({
    /** `grid`: the clips of `clips`. `random`: anywhere in the recording. */
    crop: z.enum(['grid', 'random']),
    /** Share of random crops drawn where the recording is active, the rest uniform. */
    activity: share,
    /** Gain of a clip, uniform in +- this. */
    gainDb: z.number().min(0),
    noiseProbability: share,
    noiseSnrMinDb: z.number(),
    noiseSnrMaxDb: z.number(),
    /** Standard deviation of a smooth random gain over frequency; 0 for none. */
    filterDb: z.number().min(0),
    filterKnots: z.int().min(2),
    /** Share of batches in which every clip is mixed with another one, labels mixed alike. */
    mixProbability: share,
    /** SpecAugment: widest frequency and time mask, and how many of each. */
    bandMaskWidth: z.int().min(0),
    bandMasks: z.int().min(0),
    frameMaskWidth: z.int().min(0),
    frameMasks: z.int().min(0),
  })
  .refine(({ noiseSnrMinDb, noiseSnrMaxDb }) => noiseSnrMinDb <= noiseSnrMaxDb, {
    path: ['noiseSnrMaxDb'],
    message: 'at least noise_snr_min_db',
  });

export const modelSchema = z
  .strictObject({
    stem: z.enum(['plain', 'residual']),
    stemChannels: z.array(count).min(1),
    stemDropout: share,
    frequencyPooling: z.enum(['mean', 'mean_max']),
    dModel: count,
    nHeads: count,
    nLayers: z.int().min(0),
    ffDim: count,
    dropout: share,
    pooling: z.enum(['attention', 'class_attention']),
    maxLen: count,
  })
  .refine(({ dModel, nHeads }) => dModel % nHeads === 0, { path: ['dModel'], message: 'a multiple of n_heads' });

/** `_target_` values are names of a closed registry (`registry.ts`); nothing is imported by name. */
export const optimizerSchema = z.strictObject({
  _target_: z.enum(['torch.optim.Adam', 'torch.optim.AdamW']),
  lr: positive,
  weightDecay: z.number().min(0),
  beta1: share,
  beta2: share,
  eps: positive,
});

export const schedulerSchema = z.discriminatedUnion('_target_', [
  z.strictObject({
    _target_: z.literal('torch.optim.lr_scheduler.StepLR'),
    /** In epochs. */
    stepSize: count,
    gamma: positive,
  }),
  z.strictObject({
    _target_: z.literal('autobird.CosineWarmup'),
    warmupEpochs: z.number().min(0),
    /** Last learning rate as a share of `optimizer.lr`. */
    minLrRatio: share,
  }),
]);

export const trainingSchema = z.strictObject({
  epochs: count,
  batchSize: count,
  /** Steps an epoch; null for one pass over the training clips. */
  stepsPerEpoch: count.nullable(),
  gradClip: z.number().min(0),
  emaDecay: z.number().min(0).lt(1),
  labelSmoothing: z.number().min(0).lt(1),
  /** Probability of a clip by its class: `none`, 1 / sqrt(clips of the class), 1 / clips of the class. */
  sampling: z.enum(['none', 'sqrt', 'balanced']),
  /** Stop when the metric has not improved for so many epochs; null for never. */
  patience: count.nullable(),
  /** What `best` is best at, on the validation recordings. */
  metric: z.enum(['val_balanced_accuracy', 'val_accuracy', 'val_loss']),
  /** Epochs between validations; the last epoch is always validated. */
  validateEvery: count,
  seed: z.int().min(0),
  device: z.enum(['auto', 'cpu', 'cuda']),
  /** `auto`: bf16 where the CPU multiplies it natively, fp16 on CUDA, else f32; what was chosen is printed. */
  precision: z.enum(['auto', 'f32', 'bf16', 'fp16']),
  /** Threads of the network; null for one a core. */
  threads: count.nullable(),
  loaderThreads: count,
});

export const evaluationSchema = z.strictObject({
  /** `auto`: what has the lowest validation loss. */
  aggregation: z.enum(['auto', 'majority', 'mean', 'activity']),
  batchSize: count,
  /** Bins of the expected calibration error. */
  calibrationBins: count,
  /** Mistakes shown in the report. */
  mistakes: z.int().min(0),
});

export const predictSchema = z.strictObject({
  format: z.enum(['table', 'json', 'ndjson', 'csv', 'raven', 'audacity', 'kaleidoscope']),
  /** Seconds by which neighbouring clips overlap; null for what the checkpoint says. */
  overlapS: z.number().min(0).nullable(),
  minScore: share,
  topK: count,
  /** Neighbouring clips of one label become one detection. */
  merge: z.boolean(),
  batchSize: count,
  workers: count.nullable(),
});

export const runSchema = z.strictObject({
  /** Runs are written to `<root>/<date>/<time>`. */
  root: z.string(),
  /** `auto`: go on with the newest unfinished run of an equal configuration. `never`. Or a run folder. */
  resume: z.string(),
});

/** What a client of a service may do. `read`: models and documentation; `manage`: all of the management address; `metrics`: its metrics alone. */
export const clientRoles = ['predict', 'read', 'feedback', 'metrics', 'manage'] as const;
const roleSchema = z.enum(clientRoles);

/** What `autobird serve` starts. */
export const serviceSchema = z.strictObject({
  host: z.string(),
  port: z.int().min(0).max(65535),
  /** The models that answer; empty for every checkpoint in `models_dir`, the first by name answering. */
  models: z.array(
    z.strictObject({
      name: z
        .string()
        .regex(/^\w[\w.-]*$/, 'letters, digits, "_", "-" and "." only, with a letter, digit or "_" first'),
      /** A checkpoint file or run folder. */
      checkpoint: z.string(),
      /** Share of the requests that name no model. */
      weight: z.number().min(0).default(1),
      /** Hears every request and answers none. */
      shadow: z.boolean().default(false),
    }),
  ),
  /** Folder that `GET /files/` lists. */
  modelsDir: z.string(),
  /** How often the files of models are looked at for a newer one. */
  reloadS: positive,
  device: z.enum(['auto', 'cpu', 'cuda']),
  precision: z.enum(['auto', 'f32', 'bf16', 'fp16']),
  /** Threads of the network in each process; null for all cores, shared by the processes. */
  threads: count.nullable(),
  /** Processes that answer at the port. */
  workers: count,
  batching: z.strictObject({
    /** Clips of different requests that are computed together, at most. */
    maxClips: count,
    /** How long a clip waits for others while another worker computes. */
    maxDelayMs: z.number().min(0).max(1000),
    /** Requests that would make more are refused with 503 and Retry-After. */
    maxQueuedClips: count,
  }),
  limits: z.strictObject({
    maxFileBytes: count,
    /** Recordings of one request. */
    maxFiles: count,
    maxDurationS: positive,
    maxChannels: count,
    maxSampleRateHz: positive,
    /** Uploads that are in memory at once, over all requests. */
    maxBytesInFlight: count,
    /** A request that takes longer is given up. */
    deadlineS: positive,
    /** Decoded bytes for each byte of a recording, once 64 MiB are decoded: more is a decompression bomb. */
    maxDecodedRatio: positive,
    /** Seconds that decoding one recording may take. */
    maxDecodeS: positive,
  }),
  /** What is kept of each prediction. */
  log: z.strictObject({
    /** The database file; null for no log. */
    path: z.string().nullable(),
    /** Older rows are deleted; null keeps all. */
    retentionDays: positive.nullable(),
    /** Share of the recordings that are kept too: 0 for none, 1 for all. */
    keepAudio: share,
    /** A database that gathers the rows of every replica. */
    postgres: z.strictObject({
      /**
       * `postgresql://…`; null for what the environment's DATABASE_URL says, none without it. The default does not name the
       * variable: a resolved configuration is kept in checkpoints, where no password belongs.
       */
      url: z.string().nullable(),
      /** Rows of one transaction, at most. */
      batchRows: count,
      /** Rows that are in the database are removed from the file. */
      trim: z.boolean(),
      /** Kept recordings are copied too. */
      audio: z.boolean(),
    }),
  }),
  /** Spans of requests for an OpenTelemetry collector. */
  tracing: z.strictObject({
    /** OTLP over HTTP, with or without `/v1/traces`; null for none. */
    otlpEndpoint: z.string().nullable(),
    /** Share of the requests that are traced, where the caller has not decided. */
    sampleRatio: share,
  }),
  /** Predictions that are answered later. */
  jobs: z.strictObject({
    /** Folder of their recordings, results and state; null for none. */
    dir: z.string().nullable(),
    /** Jobs at a time, of one process. */
    concurrency: count,
    /** More are refused with 503 and Retry-After. */
    maxQueued: count,
    /** Of a recording. */
    maxFileBytes: count,
    maxDurationS: positive,
    /** An attempt that takes longer is given up. */
    deadlineS: z.number().positive().max(2_000_000),
    /** How often a job is begun that the service did not survive. */
    maxAttempts: count,
    /** What is over is deleted after so long. */
    retentionHours: positive,
  }),
  /** Live audio over WebSockets. */
  live: z.strictObject({
    /** More connections are told to try again later. */
    maxConnections: count,
    /** Sound of one connection. */
    maxDurationS: positive,
    /** Seconds of sound that are taken in a second; who sends faster has to wait. */
    maxSpeed: positive,
    /** A connection on which nothing comes for so long is closed. */
    idleS: z.number().positive().max(86_400),
  }),
  /** Metrics, the log and other things that are not for clients, at an address of their own. */
  management: z.strictObject({
    host: z.string(),
    /** Null for none. */
    port: z.int().min(0).max(65535).nullable(),
  }),
  /** The page at `/app/`. */
  web: z.strictObject({
    enabled: z.boolean(),
    /** Folder of training runs that the page shows; null for none. */
    runsRoot: z.string().nullable(),
    /** Address of the drift service as browsers reach it; null for none. */
    driftUrl: z.url({ protocol: /^https?$/ }).nullable(),
  }),
  /** Who may do what; without keys and tokens everybody who reaches the service. */
  auth: z.strictObject({
    keys: z.array(
      z.strictObject({
        /** Of the client: it is in the log. */
        name: z.string().regex(/^\w[\w.-]*$/, 'letters, digits, "_", "-" and "." only'),
        /** Of the key, which is kept nowhere. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits, as autobird key prints them'),
        roles: z.array(roleSchema).min(1),
      }),
    ),
    /** A file with a line `name:sha256:role,role` a key, read again when it changes; null for none. */
    keysFile: z.string().nullable(),
    /** JSON Web Tokens of an OpenID Connect provider. */
    jwt: z.strictObject({
      /** Address or file of the provider's public keys; null for no tokens. */
      jwks: z.string().nullable(),
      /** `iss` that a token must have. */
      issuer: z.string().nullable(),
      /** `aud` that a token must have. */
      audience: z.string().nullable(),
      /** Signatures that are taken; none that a public key could forge. */
      algorithms: z
        .array(
          z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
        )
        .min(1),
      /** Where a token names its roles, as a list or as words; dots lead deeper. */
      rolesClaim: z.string().min(1),
      /** By how much clocks may differ. */
      clockToleranceS: z.number().min(0).max(300),
    }),
    /** Routes that ask nobody, by their pattern; a `*` at the end stands for anything. */
    publicRoutes: z.array(z.string().startsWith('/')),
  }),
  rateLimit: z.strictObject({
    /** Requests of one client, or of one address, in a window; null for any number. */
    max: count.nullable(),
    windowS: positive,
  }),
  cors: z.strictObject({
    /** Whose pages may call the service from a browser (`https://birds.example`, `*`); empty for none. */
    origins: z.array(z.string()),
  }),
  /** Proxies whose `X-Forwarded-For` is believed: addresses, networks, `loopback`, `linklocal`, `uniquelocal`. */
  trustProxy: z.array(z.string()),
  /** More connections are closed as they come. */
  maxConnections: count,
  /** Requests are refused with 503 and Retry-After above these; null for no such limit. */
  pressure: z.strictObject({
    /** By how much timers were late in the last second, on average. */
    maxEventLoopDelayMs: positive.nullable(),
    /** Memory of the process. */
    maxRssBytes: count.nullable(),
  }),
  /** `/docs`, `/redoc` and `/openapi.json` are there. */
  docs: z.boolean(),
  /** Seconds that requests have to end after SIGTERM. */
  shutdownS: positive,
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
});

/** What recordings are compared with, and from where on that is drift: for `autobird drift` and `autobird serve drift`. */
export const driftSchema = z.strictObject({
  /** A checkpoint, a run folder, a CSV file of rows, a folder of recordings or DATASET:SIDE; null for the model that `service` answers with. */
  reference: z.string().nullable(),
  /** The same kinds; null for the prediction log of `service`. */
  current: z.string().nullable(),
  /** Share of drifted columns from which on the whole has drifted. */
  share: share,
  /** A column has drifted where the p-value of its test is not larger. */
  pValue: share,
  /** A column has drifted where the distance of its test is not smaller. */
  distance: positive,
  /** Of corrected p-values, classes, confidence and embeddings. */
  level: z.number().gt(0).lt(1),
  /** A class is compared where both sides have so many rows of it. */
  classRows: count,
  /** Compare embeddings, where both sides have them. */
  embeddings: z.boolean(),
  /** Of the embeddings' test. */
  permutations: count,
  /** Stretches of rows that are compared one after the other. */
  window: z
    .strictObject({
      rows: count,
      /** A window also ends when it has lasted so long. */
      maxS: positive,
      /** Fewer rows are not compared. */
      minRows: z.int().min(2),
    })
    .refine(({ rows, minRows }) => minRows <= rows, { path: ['minRows'], message: 'at most rows' }),
  alarm: z
    .strictObject({
      /** A window is high from this share of drifted columns on. */
      raiseAt: share,
      /** A window is low below this share. */
      clearBelow: share,
      /** So many of the last `of` windows must be high to raise the alarm, low to end it. */
      windows: count,
      of: count,
    })
    .refine(({ raiseAt, clearBelow }) => clearBelow <= raiseAt, { path: ['clearBelow'], message: 'at most raise_at' })
    .refine(({ windows, of }) => windows <= of, { path: ['windows'], message: 'at most of' }),
  /** What only `autobird serve drift` reads. */
  monitor: z.strictObject({
    port: z.int().min(0).max(65535),
    /** Of metrics; null for none. */
    managementPort: z.int().min(0).max(65535).nullable(),
    /** Only rows of this version of a model; null for that of the reference, of all where it is no model. */
    modelVersion: z.string().nullable(),
    /** How often the log is looked at. */
    everyS: positive,
    /** Younger rows are left for the next time: another process may still be writing some of their time. */
    settleS: z.number().min(0),
    /** File of the windows and the alarm. */
    state: z.string(),
    /** Older windows are forgotten. */
    keepWindows: count,
  }),
});

export const configSchema = z.strictObject({
  data: dataSchema,
  split: splitSchema,
  clips: clipsSchema,
  features: featuresSchema,
  augment: augmentSchema,
  model: modelSchema,
  optimizer: optimizerSchema,
  scheduler: schedulerSchema,
  training: trainingSchema,
  evaluation: evaluationSchema,
  predict: predictSchema,
  run: runSchema,
  service: serviceSchema,
  drift: driftSchema,
});

export type DataConfig = z.infer<typeof dataSchema>;
export type SplitConfig = z.infer<typeof splitSchema>;
export type ClipsConfig = z.infer<typeof clipsSchema>;
export type FeaturesConfig = z.infer<typeof featuresSchema>;
export type AugmentConfig = z.infer<typeof augmentSchema>;
export type ModelConfig = z.infer<typeof modelSchema>;
export type OptimizerConfig = z.infer<typeof optimizerSchema>;
export type SchedulerConfig = z.infer<typeof schedulerSchema>;
export type TrainingConfig = z.infer<typeof trainingSchema>;
export type EvaluationConfig = z.infer<typeof evaluationSchema>;
export type PredictConfig = z.infer<typeof predictSchema>;
export type RunConfig = z.infer<typeof runSchema>;
export type ServiceConfig = z.infer<typeof serviceSchema>;
export type DriftConfig = z.infer<typeof driftSchema>;
export type Config = z.infer<typeof configSchema>;
