import Database from 'libsql';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Job } from '../../services/jobs/Job.ts';
import { JobMetrics } from '../../services/jobs/JobMetrics.ts';
import { JobRunner } from '../../services/jobs/JobRunner.ts';
import { JobStore } from '../../services/jobs/JobStore.ts';
import { newOwner } from '../../services/jobs/leaseOwner.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('a job that is cancelled while its last result is written is not logged as one that succeeded', () =>
  withTempDir(async (dir) => {
    const store = JobStore.open(`${dir}/jobs.db`);
    store.add('a', { requestId: 'r', query: {}, files: [], receiveMs: 1 }, 'client', 10);
    const registry = new Registry();
    const lines: string[] = [];
    const logger = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
    const tidied = new Promise<boolean>((resolve) => {
      const work = {
        run: async () => void store.delete('a'),
        tidy: async (_job: object, hasSucceeded: boolean) => resolve(hasSucceeded),
      };
      const options = { concurrency: 1, maxAttempts: 3, deadlineS: 60 };
      const runner = new JobRunner(() => store, options, work, new JobMetrics(registry), logger);
      void runner.cancel('a').then(() => runner.stop());
    });
    assert.is(await tidied, false);
    assert.equal(lines, ['Job begun', 'Job interrupted']);
    assert.match(await registry.metrics(), /attempts_total\{outcome="interrupted"\} 1/);
    store.close();
  }));

test('the recordings of a job that was begun too often are removed, as those of one that failed', () =>
  withTempDir(async (dir) => {
    const store = JobStore.open(`${dir}/jobs.db`);
    store.add('a', { requestId: 'r', query: {}, files: [], receiveMs: 1 }, 'client', 10);
    store.claim(1);
    // Its process is gone: there is no such number.
    const owner = `${newOwner().split(' ')[0]} 99999999 1 0123456789abcdef`;
    const database = new Database(`${dir}/jobs.db`);
    database.prepare('UPDATE jobs SET owner = ?').run(owner);
    database.close();
    const tidied: unknown[] = [];
    const work = {
      run: async () => {},
      tidy: async (job: Job, hasSucceeded: boolean) => void tidied.push([job.id, job.status, hasSucceeded]),
    };
    const options = { concurrency: 1, maxAttempts: 1, deadlineS: 60 };
    const logger = pino({ level: 'silent' });
    const runner = new JobRunner(() => store, options, work, new JobMetrics(new Registry()), logger);
    await runner.stop();
    assert.equal(tidied, [['a', 'failed', false]]);
    store.close();
  }));

test.run();
