/** The group `service`. */
import { z } from 'zod';
import { count, positive, share } from './numbers.ts';

/** What a client of a service may do. `read`: models and documentation; `manage`: all of the management address; `metrics`: its metrics alone. */
export const clientRoles = ['predict', 'read', 'feedback', 'metrics', 'manage'] as const;
const roleSchema = z.enum(clientRoles);

/** What `autobird serve` starts. */
export const serviceSchema = z.strictObject({
  host: z.string(),
  port: z.int().min(0).max(65535),
  /** Names that `Host` and `Origin` may have: beside those of loopback at a loopback address, alone (with addresses) at any other; empty for any there. */
  hosts: z.array(z.string().regex(/^[^\s/:]+$|^\[[\da-f:.]+\]$/i, 'a host name without scheme and port')),
  /** The models that are served; empty for every checkpoint in `models_dir`, the first by name for requests that name none. */
  models: z.array(
    z.strictObject({
      name: z
        .string()
        .regex(/^\w[\w.-]*$/, 'letters, digits, "_", "-" and "." only, with a letter, digit or "_" first'),
      /** A checkpoint file or run folder. */
      checkpoint: z.string(),
      /** Share of the requests that name no model. */
      weight: z.number().min(0).default(1),
      /** Predicts every request, for the log only: no client gets its predictions. */
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
  /** Processes that serve the port. */
  workers: count,
  batching: z.strictObject({
    /** Clips of different requests that are computed together, at most; null for what the device is fast with. */
    maxClips: count.nullable(),
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
  /** The log of predictions. */
  log: z.strictObject({
    /** The database file; null for no log. */
    path: z.string().nullable(),
    /** Older rows are deleted; null keeps all. */
    retentionDays: positive.nullable(),
    /** Share of the recordings that are stored with it: 0 for none, 1 for all. */
    keepAudio: share,
    /** A database that gathers the rows of every replica. */
    postgres: z.strictObject({
      /** `postgresql://…`; null for what the environment's DATABASE_URL says, none without it. */
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
  /** Predictions whose results are fetched later. */
  jobs: z.strictObject({
    /** Folder of their recordings, results and state; null for none. */
    dir: z.string().nullable(),
    /** Jobs at a time, of one process. */
    concurrency: count,
    /** More are refused with 503 and Retry-After. */
    maxQueued: count,
    /** Of the recordings and results of all jobs; more are refused with 507. */
    maxTotalBytes: count,
    /** What jobs leave free on their disk, for the prediction log and others; where less is free they are refused with 507. */
    minFreeBytes: z.int().min(0),
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
    /** Seconds of sound that are taken in a second; a client that sends faster has to wait. */
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
    /** Whether the page searches the prediction log; null: where keys or tokens are needed, or the service is at a loopback address. */
    log: z.boolean().nullable(),
    /** Address of the drift service as browsers reach it; null for none. */
    driftUrl: z.url({ protocol: /^https?$/ }).nullable(),
  }),
  /** The roles of clients; without keys and tokens every client has all of them. */
  auth: z.strictObject({
    keys: z.array(
      z.strictObject({
        /** Of the client: it is in the log. */
        name: z.string().regex(/^\w[\w.-]*$/, 'letters, digits, "_", "-" and "." only'),
        /** Of the key, which is stored nowhere. */
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
    /** Routes that need no key, by their pattern; a `*` at the end stands for anything. */
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
  /** Proxies whose `X-Forwarded-For` is trusted: addresses, networks, `loopback`, `linklocal`, `uniquelocal`. */
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
  /** Seconds between SIGTERM and the end, at most. */
  shutdownS: positive,
  /** The first of them, a third at most, in which requests are still taken while `/readyz` fails, so that nobody sends more. */
  lameDuckS: z.number().min(0),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
  /** `text`: lines for people; `json`: lines for machines; `auto`: text at a terminal, else JSON. */
  logFormat: z.enum(['auto', 'json', 'text']),
});
