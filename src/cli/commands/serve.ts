import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { quoteValue } from '../../config/grammar.ts';
import type { Groups } from '../../config/schema.ts';
import { findCheckpoint } from '../../prediction/findCheckpoint.ts';
import type { Command, CommandIo } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfServices } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { namingRuns, newestCheckpoint } from '../knownRuns.ts';
import { flagOverrides, override, pathsAndOverrides } from '../overrides.ts';
import { runService } from '../runService.ts';

interface ServeArgs extends ConfigArgs {
  readonly service: string;
  readonly words: readonly string[];
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const services = ['inference', 'drift'] as const;

export const serve: Command<ServeArgs> = {
  command: 'serve <service> [words..]',
  describe: 'Start the HTTP service for predictions, or the one that watches them for drift',
  positionals: {
    service: { choices: services, describe: 'Which one' },
    words: {
      type: 'string',
      array: true,
      describe:
        'Checkpoint file or run folder [newest run] (for drift: what is compared with), and overrides such as service.limits.max_files=4',
    },
  },
  options: {
    host: { type: 'string', describe: 'Address to listen at; 0.0.0.0 for every one of this machine [127.0.0.1]' },
    port: { type: 'number', describe: 'Port to listen at, 0 for any that is free [$PORT, else 8000, drift 8002]' },
    'config-dir': configDirOption,
  },
  examples: [
    ['serve inference', 'the newest model; the page at http://127.0.0.1:8000/app/'],
    ['serve inference birds.safetensors --port 8080', 'a checkpoint'],
    ['serve inference service.models_dir=models', 'every checkpoint of a folder'],
    ['serve drift', 'the log of that service against the recordings its model was trained on'],
    ['serve drift drift.reference=mybirds:train drift.current=mybirds:val', 'two sides of a dataset'],
  ],
  epilogue:
    'Pages: /app/ (for people), /docs and /redoc (the API), /openapi.json. Health: /livez, /readyz. A newer file in the place of a checkpoint is ' +
    'taken up without a restart. SIGTERM and Ctrl-C end it after the requests that have begun. docs/serving.md and docs/drift.md say more.',
  async run(args, io) {
    const note = (line: string) => io.progress.note(line);
    const { paths: checkpoints, overrides } = await pathsAndOverrides(args.words, note);
    if (checkpoints.length > 1) {
      throw new UsageError(
        `Expected one checkpoint but received ${checkpoints.length}: name several as service.models=[{name: a, checkpoint: FILE}, …]`,
      );
    }
    const isDrift = args.service === 'drift';
    const port = isDrift ? 'drift.monitor.port' : 'service.port';
    const flags = flagOverrides({ 'service.host': args.host, [port]: args.port });
    const config = configOfServices(args, [...overrides, ...flags]);
    const isNamed = isDrift && config.drift.reference !== null;
    const [given] = checkpoints;
    if (given !== undefined) await throwIfNothingThere(given, isDrift, config.run.root);
    const checkpoint = given ?? (isNamed ? undefined : await checkpointToServe(config, io));
    const dir = args['config-dir'];
    return await runService(io, 'main', [
      args.service,
      ...(dir === undefined ? [] : ['--config-dir', dir]),
      ...overrides,
      ...flags,
      ...(checkpoint === undefined ? [] : modelOverrides(checkpoint, isDrift)),
      ...(isDrift ? [] : runsOverrides(config, note)),
    ]);
  },
};

/**
 * What is named on the command line is there now: a name that is mistyped would be waited for in vain. A run whose training has
 * not come to a checkpoint yet is waited for, as is what the configuration names.
 *
 * @throws UsageError
 */
async function throwIfNothingThere(path: string, isDrift: boolean, runsRoot: string): Promise<void> {
  // A side of a dataset, or a table.
  if (isDrift && (path.includes(':') || existsSync(path))) return;
  if (existsSync(join(path, 'run.json'))) return;
  try {
    await namingRuns(runsRoot, () => findCheckpoint(path));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The checkpoint as the model that is served, or as the reference of drift. */
function modelOverrides(checkpoint: string, isDrift: boolean): string[] {
  if (isDrift) return [override('drift.reference', checkpoint)];
  return [`service.models=[{name: default, checkpoint: ${quoteValue(checkpoint)}}]`];
}

/** The page shows the runs that are there, where the configuration names no other folder. */
function runsOverrides({ service, run }: Pick<Groups, 'service' | 'run'>, note: (line: string) => void): string[] {
  if (!service.web.enabled || service.web.runsRoot !== null || !existsSync(run.root)) return [];
  note(`The page shows the runs in ${run.root}`);
  return [override('service.web.runs_root', run.root)];
}

/** The newest run's, where the configuration names no model and its folder of models is empty or not there. */
async function checkpointToServe(
  { service, run }: Pick<Groups, 'service' | 'run'>,
  io: CommandIo,
): Promise<string | undefined> {
  if (service.models.length > 0 || holdsFiles(service.modelsDir)) return undefined;
  try {
    return await newestCheckpoint(run.root, (line) => io.progress.note(line));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // The service runs without a model, reports that at /readyz, and loads one that appears.
    io.progress.note(`${error.message}. Waiting for one in ${service.modelsDir}/`);
    return undefined;
  }
}

function holdsFiles(folder: string): boolean {
  // The service says why a folder cannot be read.
  if (!existsSync(folder)) return false;
  try {
    return readdirSync(folder).some((name) => !name.startsWith('.'));
  } catch {
    return true;
  }
}
