/**
 * What may stand in a configuration: one schema a group, named as the group and its key are. The YAML files spell the
 * keys in snake_case. Every key is read by something (test/recipes/configKeys.test.ts changes each one).
 */
import { z } from 'zod';
import { channelSchema } from '../audio/channelSchema.ts';
import { driftSchema } from './driftSchema.ts';
import { count, positive, share } from './numbers.ts';
import { serviceSchema } from './serviceSchema.ts';

/** Seconds: clips that begin closer together are nearly the same and take very long to predict. */
export const minHopS = 0.05;

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
  /** Which channels become the samples; kept with the dataset and the checkpoint, so that predicting uses the same. */
  channel: channelSchema,
  maxFileBytes: positive,
  maxDurationS: positive,
  maxChannels: count,
  maxSampleRateHz: positive,
  /** Recordings decoded at once; null for one more than cores. */
  workers: count.nullable(),
});

export const splitSchema = z
  .strictObject({
    /**
     * `auto`: `session` where the metadata has sessions (or recordist and date), else `recording`. `recorder_date`: by
     * recorder and date, as file names tell them. Copies always stay together.
     */
    groupBy: z.enum(['auto', 'session', 'recorder_date', 'recording']),
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
  hopS: z.number().min(minHopS),
  /** Clips go on to the end, filled with zeros, as in the original; else a last whole clip ends with the recording. */
  padLast: z.boolean(),
  /** Training clips below this root mean square are left out; 0 keeps all. Prediction skips none. */
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

export const trainingSchema = z
  .strictObject({
    /** How long: optimizer steps in all; `auto` by the size of the set (`trainingLength.ts`); null where epochs say it. */
    steps: z.union([z.literal('auto'), count]).nullable(),
    /** How long instead, in epochs; null where steps say it. */
    epochs: count.nullable(),
    batchSize: count,
    /** Steps an epoch, where epochs are given; null for one pass over the training clips. */
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
    /**
     * How many times the network is validated, evenly, and the best kept. With steps the stretch before each is called an
     * epoch; with epochs there is at most one after each. Null for one after each epoch, with steps after each pass.
     */
    validations: count.nullable(),
    seed: z.int().min(0),
    device: z.enum(['auto', 'cpu', 'cuda']),
    /** `auto`: bf16 where the CPU multiplies it natively, fp16 on CUDA, else f32; what was chosen is printed. */
    precision: z.enum(['auto', 'f32', 'bf16', 'fp16']),
    /** Threads of the network; null for one a core. */
    threads: count.nullable(),
    /** Threads that make the features of later steps meanwhile; null for one, on a GPU one a core. */
    loaderThreads: count.nullable(),
  })
  .refine(({ steps, epochs }) => steps !== null || epochs !== null, {
    path: ['steps'],
    message: 'auto, a number of steps, or a number in training.epochs',
  })
  .refine(({ steps, epochs }) => epochs === null || steps === null || steps === 'auto', {
    path: ['epochs'],
    message: 'null beside a number of steps, because one of the two says how long,',
  })
  .refine(({ epochs, stepsPerEpoch }) => stepsPerEpoch === null || epochs !== null, {
    path: ['stepsPerEpoch'],
    message: 'null without training.epochs, where training.steps says how many in all,',
  });

export const evaluationSchema = z.strictObject({
  /** `auto`: what has the lowest validation loss. */
  aggregation: z.enum(['auto', 'majority', 'mean', 'activity']),
  batchSize: count,
  /** What is predicted: the `originals`, and the dataset's shards where they are not there; or always the `shards`, which is faster. */
  audio: z.enum(['originals', 'shards']),
  /** Bins of the expected calibration error. */
  calibrationBins: count,
  /** Mistakes shown in the report. */
  mistakes: z.int().min(0),
});

const predictSchema = z.strictObject({
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

const runSchema = z.strictObject({
  /** Runs are written to `<root>/<date>/<time>`. */
  root: z.string(),
  /** `auto`: go on with the newest unfinished run of an equal configuration. `never`. Or a run folder. */
  resume: z.string(),
});

/** What the library reads. A run keeps it in its folder and its checkpoints, so that nothing of a service is in it. */
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
  drift: driftSchema,
});

/** Every group of the files: what the services read too. */
export const groupsSchema = configSchema.extend({ service: serviceSchema });

/** The group `data`: where recordings and their labels are, and the limits of decoding them. */
export type DataConfig = z.infer<typeof dataSchema>;
/** The group `split`: how recordings are put on sides. */
export type SplitConfig = z.infer<typeof splitSchema>;
/** The group `clips`: how a recording is cut into clips. */
export type ClipsConfig = z.infer<typeof clipsSchema>;
/** The group `features`: what the network sees of a clip. */
export type FeaturesConfig = z.infer<typeof featuresSchema>;
/** The group `augment`: how clips are changed while training. */
export type AugmentConfig = z.infer<typeof augmentSchema>;
/** The group `model`: the network. */
export type ModelConfig = z.infer<typeof modelSchema>;
/** The group `optimizer`: the optimizer. */
export type OptimizerConfig = z.infer<typeof optimizerSchema>;
/** The group `scheduler`: how the learning rate changes. */
export type SchedulerConfig = z.infer<typeof schedulerSchema>;
/** The group `training`: how long, on what and with what a model is trained. */
export type TrainingConfig = z.infer<typeof trainingSchema>;
/** The group `evaluation`: how a recording is scored from its clips, and what is measured. */
export type EvaluationConfig = z.infer<typeof evaluationSchema>;
/** The group `predict`: how results are written. */
export type PredictConfig = z.infer<typeof predictSchema>;
/** The group `run`: where runs are kept. */
export type RunConfig = z.infer<typeof runSchema>;
/** The group `service`: what `autobird serve` starts. */
export type ServiceConfig = z.infer<typeof serviceSchema>;
/** The group `drift`: what drift compares, and what the drift service watches. */
export type DriftConfig = z.infer<typeof driftSchema>;
/** Every group that a model, its training and its use need; the keys are explained in docs/configuration.md. */
export type Config = z.infer<typeof configSchema>;
/** `Config` with the settings of the service. */
export type Groups = z.infer<typeof groupsSchema>;
