// time-limit: 300
/** A job is not lost with the process that runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Classifier } from '../../src/index.ts';
import { resultToJson } from '../../src/service.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { isOver, type JobBody, jobUntil, submit } from '../helpers/jobClient.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../services/main.ts', import.meta.url));
const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url));

interface Served {
  readonly child: ChildProcess;
  readonly exit: Promise<void>;
  readonly management: string;
  readonly url: string;
}

/** A service in a process of its own. */
async function serve(dir: string): Promise<Served> {
  const words = ['inference', 'service.models_dir=.', 'service.port=0', 'service.management.port=0'];
  const child = spawn(process.execPath, ['--import', tsx, main, ...words], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    const [management, url] = [...text.matchAll(/listening at (http:\/\/[\d.:]+)/g)].map((match) => match[1]);
    if (management !== undefined && url !== undefined) {
      // What it says later is not read, and must not stop it.
      return { child, exit, management, url };
    }
  }
  throw new Error(`the service ended before it listened: ${text}`);
}

async function kill({ child, exit }: Served): Promise<void> {
  child.kill('SIGKILL');
  await exit;
}

test('a job that runs when the service is killed runs again, with the same result and one row in the log', () =>
  withTempDir(async (dir) => {
    await writeTinyModel(`${dir}/tiny.safetensors`);
    const wav = chirpWav(120);
    const first = await serve(dir);
    const response = await submit(first.url, 'overlap_s=0.95', ['dawn.wav', wav]);
    assert.is(response.status, 202);
    const { id, request_id } = (await response.json()) as JobBody;
    await jobUntil(first.url, id, ({ status }) => status === 'running');
    await kill(first);
    const second = await serve(dir);
    try {
      const job = await jobUntil(second.url, id, isOver);
      assert.equal([job.status, job.attempts], ['succeeded', 2]);
      const result = (await (await fetch(`${second.url}/v1/jobs/${id}/result`)).json()) as {
        request_id: string;
        predictions: Record<string, unknown>[];
      };
      assert.is(result.request_id, request_id);
      using classifier = await Classifier.open(`${dir}/tiny.safetensors`);
      const undisturbed = await classifier.predictFile(wav, { name: 'dawn.wav', overlapS: 0.95 });
      const [row = {}] = result.predictions;
      for (const [key, value] of Object.entries(resultToJson(undisturbed, false) as object)) {
        assertClose(row[key], value);
      }
      const log = await fetch(`${second.management}/v1/log?request_id=${request_id}`);
      assert.is(((await log.json()) as { predictions: unknown[] }).predictions.length, 1);
    } finally {
      await kill(second);
    }
  }));

test.run();
