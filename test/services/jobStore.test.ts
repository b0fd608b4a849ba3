import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Job } from '../../services/jobs/Job.ts';
import { JobStore } from '../../services/jobs/JobStore.ts';
import { newOwner } from '../../services/jobs/leaseOwner.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const request = { requestId: 'r', query: {}, files: [{ name: 'a', sizeBytes: 1, sha256: '' }], receiveMs: 1 };
const progress = { doneS: 1, totalS: 2, recordingsDone: 0 };

/** Two processes' views of one folder, and a way to change what is written there behind their backs. */
async function withStores(
  use: (one: JobStore, two: JobStore, change: (sql: string, ...values: unknown[]) => void) => void,
): Promise<void> {
  await withTempDir((dir) => {
    const path = `${dir}/jobs.db`;
    const one = JobStore.open(path);
    const two = JobStore.open(path);
    const database = new Database(path);
    try {
      use(one, two, (sql, ...values) => database.prepare(sql).run(...values));
    } finally {
      for (const each of [one, two, database]) each.close();
    }
  });
}

test('a job is held by one process at a time', () =>
  withStores((one, two, change) => {
    one.add('a', request, 'client', 10);
    const job = one.claim(3) as Job;
    assert.equal([job.id, job.status, job.attempts], ['a', 'running', 1]);
    assert.is(two.claim(3), null);
    assert.ok(one.renew(job, progress));
    assert.equal(two.get('a')?.progress, progress);
    assert.not(two.renew(job, progress), 'another process');
    change('UPDATE jobs SET lease_until_ms = ?', Date.now() - 1);
    const again = two.claim(3) as Job;
    assert.equal([again.id, again.attempts, again.progress.doneS], ['a', 2, 0]);
    assert.not(one.renew(job, progress), 'its lease had ended');
    assert.not(one.finish(job, 'succeeded', null));
    assert.ok(two.finish(again, 'succeeded', null));
    assert.is(one.get('a')?.status, 'succeeded');
  }));

test('a job whose process is gone is free at once, but not for ever', () =>
  withStores((one, _two, change) => {
    one.add('a', request, 'client', 10);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.is(one.claim(3)?.attempts, attempt);
      // Larger than process numbers are.
      const [place] = newOwner().split(' ');
      change('UPDATE jobs SET owner = ?', `${place} 99999999 1 0123456789abcdef`);
    }
    assert.is(one.claim(3), null);
    const job = one.get('a');
    assert.equal([job?.status, job?.error?.code], ['failed', 'gave_up']);
    assert.match(job?.error?.message ?? '', /3 times/);
  }));

test('a process of another machine is given its time', () =>
  withStores((one, _two, change) => {
    one.add('a', request, 'client', 10);
    one.claim(3);
    change('UPDATE jobs SET owner = ?', 'elsewhere 1 1 0123456789abcdef');
    assert.is(one.claim(3), null);
    // As an older autobird named itself.
    change('UPDATE jobs SET owner = ?', `${hostname()} 99999999 0123456789abcdef`);
    assert.is(one.claim(3), null);
  }));

test('a process number that was given again is another process', () =>
  withStores((one, _two, change) => {
    one.add('a', request, 'client', 10);
    one.claim(3);
    const [place, pid, started] = newOwner().split(' ');
    change('UPDATE jobs SET owner = ?', `${place} ${process.ppid} 1 0123456789abcdef`);
    assert.is(one.claim(3)?.attempts, 2, 'the parent began at another time');
    change('UPDATE jobs SET owner = ?', `${place} ${pid} ${started} 0123456789abcdef`);
    assert.is(one.claim(3)?.attempts, 3, 'another owner of this very process has let go');
  }));

// Root in a namespace of process numbers, as in a container; its host name is this machine's.
const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child'];
if (spawnSync('unshare', [...unshare, 'true']).status !== 0) {
  console.log('# skip: unshare makes no namespace here: jobs are not held in two containers');
} else {
  test('a container takes no job from another one with the same host name', () =>
    withTempDir(async (dir) => {
      const path = `${dir}/jobs.db`;
      const store = JobStore.open(path);
      store.add('a', request, 'client', 10);
      const script = fileURLToPath(new URL('../helpers/holdJob.ts', import.meta.url));
      // A number that nobody has outside.
      const command = 'echo 4000000 > /proc/sys/kernel/ns_last_pid; "$0" --import tsx "$1" "$2"; true';
      const other = spawn('unshare', [...unshare, 'sh', '-c', command, process.execPath, script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      assert.is(String((await once(other.stdout as Readable, 'data'))[0]), 'a\n');
      assert.is(store.claim(3), null, 'its process lives, where its number means something');
      other.kill('SIGKILL');
      await once(other, 'exit');
      store.close();
    }));
}

test('the queue is bounded, in order, and a job that was given back has lost no attempt', () =>
  withStores((one, two) => {
    for (const id of ['a', 'b']) one.add(id, request, 'client', 2);
    assert.throws(
      () => two.add('c', request, 'client', 2),
      ({ code, retryAfterS }: { code: string; retryAfterS: number }) => code === 'too_many_jobs' && retryAfterS === 30,
    );
    const job = one.claim(3) as Job;
    assert.is(job.id, 'a');
    assert.equal(two.counts(), { queued: 1, running: 1 });
    one.release(job);
    const again = two.claim(3);
    assert.equal([again?.id, again?.attempts], ['a', 1]);
  }));

test('one client leaves room in the queue for others', () =>
  withStores((one, two) => {
    const full = ({ code }: { code: string }) => code === 'too_many_jobs';
    for (let i = 0; i < 14; i++) one.add(`greedy ${i}`, request, 'greedy', 16);
    assert.throws(() => two.add('another', request, 'greedy', 16), full);
    for (let i = 0; i < 2; i++) two.add(`modest ${i}`, request, 'modest', 16);
    assert.throws(() => two.add('modest 2', request, 'modest', 16), full);
    one.claim(3);
    assert.throws(() => one.add('another', request, 'greedy', 16), full);
    two.add('modest 2', request, 'modest', 16);
  }));

test('who sent a job is forgotten when it is over', () =>
  withTempDir((dir) => {
    const path = `${dir}/jobs.db`;
    const store = JobStore.open(path);
    for (const id of ['a', 'b', 'c']) store.add(id, request, 'client', 10);
    store.finish(store.claim(3) as Job, 'succeeded', null);
    store.delete('c');
    store.close();
    const database = new Database(path);
    const rows = database.prepare('SELECT client FROM jobs ORDER BY id').all() as { client: string }[];
    database.close();
    assert.equal(
      rows.map(({ client }) => client),
      ['', 'client', ''],
    );
  }));

test('what is cancelled is not finished, what is over is forgotten', () =>
  withStores((one, two) => {
    one.add('a', request, 'client', 2);
    const job = one.claim(3) as Job;
    assert.is(two.delete('a')?.status, 'running');
    assert.not(one.renew(job, progress));
    assert.not(one.finish(job, 'failed', { code: 'x', message: 'y' }));
    assert.is(one.get('a')?.status, 'cancelled');
    assert.equal(one.deleteFinished(new Date(Date.now() - 1000)), []);
    assert.equal(one.deleteFinished(new Date(Date.now() + 1000)), ['a']);
    assert.is(one.delete('a'), null);
  }));

test('jobs of a newer autobird are left alone', () =>
  withTempDir((dir) => {
    const path = `${dir}/jobs.db`;
    const database = new Database(path);
    database.exec('PRAGMA user_version = 9');
    database.close();
    assert.throws(
      () => JobStore.open(path),
      /newer autobird \(format 9, .* autobird jobs downgrade --to \d+ with the newer one/,
    );
  }));

test.run();
