// time-limit: 400
/** The prediction log of several replicas in a real PostgreSQL, which is stopped, crashed and started again. */
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LoggedPrediction } from '../../services/predictionLog/entry.ts';
import { eachPage } from '../../services/predictionLog/LogReader.ts';
import { openDriftRows } from '../../services/predictionLog/openDriftRows.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { GatheredLog, type GatheredLogOptions } from '../../services/predictionLog/postgres/GatheredLog.ts';
import { downgrade, oldestPostgresVersion } from '../../services/predictionLog/postgres/migrations.ts';
import { AutobirdError } from '../../src/index.ts';
import { logEntryOf } from '../helpers/logEntry.ts';
import { rowsOf } from '../helpers/rowsOf.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { PostgresServer, postgresPrograms } from '../helpers/withPostgres.ts';
import { audioForm, serviceConfig, withService } from '../helpers/withService.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const programs = postgresPrograms();
const needsPostgres = programs === null ? test.skip : test;
if (programs === null) console.log('# skip: PostgreSQL is not installed (apt-get install -y postgresql)');
const dir = await mkdtemp(join(tmpdir(), 'autobird-postgres-'));
// Without its programs nothing below uses it.
const server = (programs === null ? null : await PostgresServer.start(programs, dir)) as PostgresServer;
test.after(async () => {
  await server?.stop('immediate');
  await rm(dir, { recursive: true, force: true });
});

interface Replica {
  readonly log: PredictionLog;
  readonly gathered: GatheredLog;
  readonly path: string;
  /** What was logged for operators, a JSON line each. */
  readonly lines: string[];
  close(): Promise<void>;
}

async function openReplica(url: string, path: string, options: Partial<GatheredLogOptions> = {}): Promise<Replica> {
  const lines: string[] = [];
  const log = await PredictionLog.open({ path });
  const given = { batchRows: 50, trim: false, audio: false, retentionDays: null, ...options, url, path };
  const gathered = GatheredLog.open(log, given, pino({}, { write: (line) => lines.push(line) }));
  const close = async () => {
    await gathered.close();
    await log.close();
  };
  return { log, gathered, path, lines, close };
}

async function withReplicas(
  count: number,
  use: (replicas: readonly Replica[], url: string, dir: string) => Promise<void>,
  options: Partial<GatheredLogOptions> = {},
): Promise<void> {
  const url = await server.createDatabase();
  await withTempDir(async (dir) => {
    const replicas = await Promise.all(
      Array.from({ length: count }, (_, n) => openReplica(url, join(dir, `${n}.db`), options)),
    );
    try {
      await use(replicas, url, dir);
    } finally {
      for (const replica of replicas) await replica.close();
    }
  });
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) assert.unreachable(`it did not come to this within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Request ids in the order in which PostgreSQL has them. */
async function fed(url: string): Promise<string[]> {
  const rows = await server.query<{ request_id: string }>(
    url,
    'SELECT request_id FROM autobird.predictions ORDER BY id',
  );
  return rows.map(({ request_id }) => request_id);
}

const isUnavailable = (error: unknown) => error instanceof AutobirdError && error.code === 'log_unavailable';

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => null,
    (error: unknown) => error,
  );
}

needsPostgres('a row is the same in PostgreSQL as in the file, to the last bit of its scores', () =>
  withReplicas(1, async ([replica], url) => {
    const { log, gathered } = replica as Replica;
    await log.append(logEntryOf({ scores: Float32Array.of(0.1, 1 / 3), durationS: 1 / 3 }));
    await log.append(
      logEntryOf({
        ...{ requestId: 'r2', label: null, durationS: null, scores: null, labels: null, driftFeatures: null },
        ...{ errorCode: 'not_audio', decodeMs: null, score: null, modelVersion: null },
      }),
    );
    await log.addFeedback({ requestId: 'r1', part: 0, label: 'robin', note: 'in the hedge' });
    await log.addFeedback({ requestId: 'r1', part: 0, label: null, note: null });
    await gathered.caughtUp();
    const plain = ({ id: _id, ...row }: LoggedPrediction) => row;
    const [theirs, ours] = [await rowsOf(gathered), await rowsOf(log)];
    assert.is(theirs.length, 2);
    assert.equal(theirs.map(plain), ours.map(plain));
    assert.is(theirs[1]?.trueLabel, null);
    assert.equal(await gathered.driftRows({}, 9), await log.driftRows({}, 9));
    // As the drift service reads it.
    const reader = openDriftRows(serviceConfig([`service.log.postgres.url='${url}'`]).log);
    assert.equal(await reader.driftRows({}, 9), await log.driftRows({}, 9));
    await reader.close();
  }),
);

needsPostgres('pages and filters find what they should over all replicas', () =>
  withReplicas(2, async ([a, b]) => {
    const day = (n: number) => new Date(Date.UTC(2026, 0, n));
    for (let n = 1; n <= 9; n++) {
      const { log, gathered } = (n % 2 ? a : b) as Replica;
      await log.append(logEntryOf({ requestId: `r${n}`, time: day(n), label: n % 3 ? 'wren' : 'robin' }));
      await gathered.caughtUp();
    }
    const { gathered } = a as Replica;
    const first = await gathered.page({}, { limit: 4, order: 'DESC' });
    const second = await gathered.page({}, { limit: 4, order: 'DESC', after: first.next ?? undefined });
    assert.equal(
      [...first.rows, ...second.rows].map(({ requestId }) => requestId),
      ['r9', 'r8', 'r7', 'r6', 'r5', 'r4', 'r3', 'r2'],
    );
    assert.is((await rowsOf(gathered, { label: 'robin' })).length, 3);
    const some = { since: day(3), until: day(5), modelVersion: 'v1' };
    assert.equal(
      (await rowsOf(gathered, some)).map(({ requestId }) => requestId),
      ['r4', 'r3'],
    );
    assert.equal(
      (await gathered.driftRows({ since: day(2) }, 5)).map(({ time }) => time.getUTCDate()),
      [5, 6, 7, 8, 9],
    );
    const pages = [];
    for await (const page of eachPage(gathered, { label: 'wren' })) pages.push(page.length);
    assert.equal(pages, [6]);
    assert.is((await rowsOf(gathered, { fileName: "x' OR 1=1 --" })).length, 0);
  }),
);

needsPostgres('replicas that start together on an empty database make its tables once', () =>
  withReplicas(6, async (replicas, url) => {
    for (const [n, { log }] of replicas.entries()) await log.append(logEntryOf({ requestId: `r${n}` }));
    await Promise.all(replicas.map(({ gathered }) => gathered.caughtUp()));
    assert.is((await fed(url)).length, 6);
    assert.equal(
      replicas.flatMap(({ lines }) => lines),
      [],
    );
  }),
);

needsPostgres('a crash of PostgreSQL in the middle of load, and another, loses nothing and doubles nothing', () =>
  withReplicas(2, async (replicas, url) => {
    let stopped = false;
    const sent: string[][] = replicas.map(() => []);
    const load = replicas.map(async ({ log }, replica) => {
      for (let n = 0; !stopped; n++) {
        const requestId = `${replica}-${n}`;
        const begin = performance.now();
        await log.append(logEntryOf({ requestId }));
        assert.ok(performance.now() - begin < 2000, 'a response waited for PostgreSQL');
        sent[replica]?.push(requestId);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    for (let round = 0; round < 2; round++) {
      const before = (await server.query(url, 'SELECT 1 FROM pg_class')).length > 0 ? Date.now() : 0;
      await until(() => Date.now() - before > 1000, 'a second of load');
      await server.stop('immediate');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await server.start();
    }
    stopped = true;
    await Promise.all(load);
    await until(() => replicas.every(({ gathered }) => gathered.stats().waitingRows === 0), 'all rows fed');
    const arrived = await fed(url);
    assert.ok(arrived.length > 500, `${arrived.length} rows`);
    assert.is(new Set(arrived).size, arrived.length);
    for (const [replica, ids] of sent.entries()) {
      // Each replica's in the order in which they were predicted.
      assert.equal(
        arrived.filter((id) => id.startsWith(`${replica}-`)),
        ids,
      );
    }
    assert.ok(replicas.some(({ gathered }) => gathered.stats().failures > 0));
    const { lines } = replicas[0] as Replica;
    assert.ok(lines.some((line) => line.includes('takes the rows of the prediction log again')));
    assert.not(lines.some((line) => line.includes(PostgresServer.password)));
  }),
);

needsPostgres('kill -9 of a service that could not reach PostgreSQL loses nothing that was sent', async () => {
  const url = await server.createDatabase();
  await withTempDir(async (dir) => {
    const path = join(dir, 'log.db');
    const script = fileURLToPath(new URL('../helpers/appendForever.ts', import.meta.url));
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
        if (printed.length > 500) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.on('close', resolve));
      const acknowledged = printed.split('\n').slice(0, -1);
      assert.ok(acknowledged.length > 0);
      const { gathered, close } = await openReplica(url, path);
      await until(() => gathered.stats().waitingRows === 0, 'all rows fed');
      const arrived = await fed(url);
      const rows = await server.query(url, 'SELECT DISTINCT instance_id, spool_id FROM autobird.predictions');
      assert.is(rows.length, arrived.length);
      const kept = new Set(arrived);
      assert.equal(
        acknowledged.filter((id) => !kept.has(id)),
        [],
      );
      await close();
    }
  });
});

needsPostgres('processes that share a file feed each row once', async () => {
  const url = await server.createDatabase();
  await withTempDir(async (dir) => {
    const path = join(dir, 'shared.db');
    const replicas = await Promise.all([openReplica(url, path), openReplica(url, path), openReplica(url, path)]);
    for (let n = 0; n < 200; n++) await (replicas[n % 3] as Replica).log.append(logEntryOf({ requestId: `r${n}` }));
    for (const { gathered } of replicas) await gathered.caughtUp();
    await until(async () => (await fed(url)).length >= 200, 'all rows fed');
    assert.equal(
      await fed(url),
      Array.from({ length: 200 }, (_, n) => `r${n}`),
    );
    for (const replica of replicas) await replica.close();
  });
});

needsPostgres(
  'what is deleted at one replica is gone in PostgreSQL and in the files of all, even where it had not been fed',
  () =>
    withReplicas(2, async ([a, b], url, dir) => {
      const [here, there] = [a as Replica, b as Replica];
      for (const [n, { log, gathered }] of [here, there].entries()) {
        // The clock of a replica is an hour ahead.
        const time = new Date(Date.now() + n * 3_600_000);
        await log.append(logEntryOf({ requestId: `secret${n}`, fileName: 'bedroom.wav', time }));
        await log.append(logEntryOf({ requestId: 'other', part: n }));
        await log.addFeedback({ requestId: `secret${n}`, part: 0, label: 'wren', note: 'Ann said so' });
        await gathered.caughtUp();
      }
      // A third was cut off, and comes back with a row that nobody has seen.
      const third = await PredictionLog.open({ path: join(dir, 'third.db') });
      await third.append(logEntryOf({ requestId: 'late', fileName: 'bedroom.wav' }));
      await third.close();
      assert.is(await here.gathered.delete({ fileName: 'bedroom.wav' }), 2);
      assert.equal(await fed(url), ['other', 'other']);
      assert.equal(await server.query(url, 'SELECT note FROM autobird.feedback'), []);
      assert.is((await rowsOf(here.log, { fileName: 'bedroom.wav' })).length, 0);
      await there.gathered.caughtUp();
      assert.is((await rowsOf(there.log, { fileName: 'bedroom.wav' })).length, 0);
      const back = await openReplica(url, join(dir, 'third.db'));
      await back.gathered.caughtUp();
      assert.is((await rowsOf(back.log, {})).length, 0);
      assert.equal(await fed(url), ['other', 'other']);
      // What comes later under the same name is kept.
      await there.log.append(
        logEntryOf({ requestId: 'new', fileName: 'bedroom.wav', time: new Date(Date.now() + 1000) }),
      );
      await there.gathered.caughtUp();
      assert.equal(await fed(url), ['other', 'other', 'new']);
      await back.close();
    }),
);

needsPostgres('a row that a restart or another replica repeats arrives once, though the file forgot it', () =>
  withReplicas(
    2,
    async ([a, b], url) => {
      for (const { log, gathered } of [a as Replica, b as Replica, a as Replica]) {
        await log.append(logEntryOf({ requestId: 'job', audio: Buffer.from('sound') }));
        await log.append(logEntryOf({ requestId: 'job', errorCode: 'overloaded' }));
        await gathered.caughtUp();
        await until(async () => (await rowsOf(log)).length === 0, 'an empty file');
      }
      assert.equal(await fed(url), ['job', 'job']);
      assert.is((await server.query(url, 'SELECT 1 FROM autobird.audio')).length, 1);
    },
    { trim: true, audio: true },
  ),
);

needsPostgres('tables of an older autobird keep their rows, and become that again', async () => {
  const url = await server.createDatabase();
  await withTempDir(async (dir) => {
    const first = await openReplica(url, join(dir, '0.db'));
    await first.log.append(logEntryOf({ requestId: 'old', place: 'pond' }));
    await first.gathered.caughtUp();
    await first.close();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await downgrade(client, 'test', oldestPostgresVersion);
    const columns = "SELECT 1 FROM information_schema.columns WHERE column_name IN ('row_key', 'place')";
    assert.is((await client.query(columns)).rowCount, 0);
    // An index that was broken off is not valid, and is made anew.
    await client.query('CREATE INDEX predictions_label ON autobird.predictions (label)');
    await client.end();
    const again = await Promise.all([1, 2].map((n) => openReplica(url, join(dir, `${n}.db`))));
    for (const [n, { log }] of again.entries()) await log.append(logEntryOf({ requestId: `new${n}` }));
    for (const { gathered } of again) await gathered.caughtUp();
    assert.equal((await fed(url)).sort(), ['new0', 'new1', 'old']);
    const indexes = "SELECT 1 FROM pg_indexes WHERE schemaname = 'autobird' AND indexdef LIKE '%label, \"time\", id%'";
    assert.is((await server.query(url, indexes)).length, 1);
    for (const replica of again) await replica.close();
  });
});

needsPostgres('feedback at one replica on a row of another finds it, and the file keeps no copy', () =>
  withReplicas(2, async ([a, b], url) => {
    const [here, there] = [a as Replica, b as Replica];
    await here.log.append(logEntryOf());
    await here.gathered.caughtUp();
    assert.ok(await there.gathered.has('r1', 0));
    assert.not(await there.gathered.has('r1', 1));
    await there.log.addFeedback({ requestId: 'r1', part: 0, label: 'robin', note: null }, true);
    await there.gathered.caughtUp();
    assert.is((await rowsOf(here.gathered))[0]?.trueLabel, 'robin');
    assert.is((await server.query(url, 'SELECT 1 FROM autobird.feedback')).length, 1);
  }),
);

needsPostgres('rows that arrived are removed from the file where the setting says so, and ids go on', () =>
  withReplicas(
    1,
    async ([replica], url) => {
      const { log, gathered } = replica as Replica;
      for (let n = 0; n < 3; n++) {
        const audio = n === 1 ? Buffer.from('VOICE') : null;
        await log.append(logEntryOf({ requestId: `r${n}`, audio }));
        if (n === 0) await log.addFeedback({ requestId: 'r0', part: 0, label: 'robin', note: null });
        await gathered.caughtUp();
        await until(async () => (await rowsOf(log)).length === 0, 'an empty file');
      }
      assert.is((await log.stats()).rows, 0);
      assert.equal(await fed(url), ['r0', 'r1', 'r2']);
      assert.is((await rowsOf(gathered, { requestId: 'r0' }))[0]?.trueLabel, 'robin');
      const audio = await server.query<{ content: Buffer }>(url, 'SELECT content FROM autobird.audio');
      assert.equal(
        audio.map(({ content }) => content.toString()),
        ['VOICE'],
      );
    },
    { trim: true, audio: true },
  ),
);

needsPostgres('recordings too large for one transaction go in several', () =>
  withReplicas(
    1,
    async ([replica], url) => {
      const { log, gathered } = replica as Replica;
      const audio = new Uint8Array(9 * 2 ** 20).fill(7);
      await Promise.all([0, 1, 2].map((n) => log.append(logEntryOf({ requestId: `r${n}`, audio }))));
      await until(() => gathered.stats().waitingRows === 0, 'all rows fed');
      assert.equal(await fed(url), ['r0', 'r1', 'r2']);
      const sizes = await server.query(url, 'SELECT length(content) AS n FROM autobird.audio');
      assert.equal(
        sizes.map(({ n }) => n),
        [audio.length, audio.length, audio.length],
      );
    },
    { audio: true },
  ),
);

needsPostgres(
  'a backup of the file that is put back is a new instance: its next rows arrive, its old ones not twice',
  async () => {
    const url = await server.createDatabase();
    await withTempDir(async (dir) => {
      const path = join(dir, 'log.db');
      let replica = await openReplica(url, path);
      await replica.log.append(logEntryOf({ requestId: 'old' }));
      await replica.gathered.caughtUp();
      await replica.close();
      await copyFile(path, join(dir, 'backup.db'));
      replica = await openReplica(url, path);
      await replica.log.append(logEntryOf({ requestId: 'lost with the disk' }));
      await replica.gathered.caughtUp();
      await replica.close();
      await copyFile(join(dir, 'backup.db'), path);
      replica = await openReplica(url, path);
      await replica.gathered.caughtUp();
      await replica.log.append(logEntryOf({ requestId: 'new' }));
      await until(async () => (await fed(url)).length === 3, 'three rows');
      assert.equal(await fed(url), ['old', 'lost with the disk', 'new']);
      await replica.close();
    });
  },
);

needsPostgres('text that PostgreSQL does not know holds nothing up', () =>
  withReplicas(1, async ([replica]) => {
    const { log, gathered } = replica as Replica;
    await log.append(logEntryOf({ fileName: 'a"\\\u{1F426}.wav' }));
    await log.addFeedback({ requestId: 'r1', part: 0, label: 'wr\ud800en', note: '\\u0000 {"a": [1, NULL]}' });
    await gathered.caughtUp();
    const [row] = await rowsOf(gathered, {});
    assert.is(row?.fileName, 'a"\\\u{1F426}.wav');
    assert.is(row?.trueLabel, 'wr\ufffden');
  }),
);

needsPostgres('old rows of the database go after the days of retention', () =>
  withReplicas(
    1,
    async ([replica], url) => {
      const { log, gathered } = replica as Replica;
      await log.append(logEntryOf({ requestId: 'old', time: new Date(Date.now() - 3 * 86_400_000) }));
      await log.append(logEntryOf({ requestId: 'new', time: new Date() }));
      await gathered.caughtUp();
      await until(async () => (await fed(url)).join() === 'new', 'one row');
    },
    { retentionDays: 2 },
  ),
);

needsPostgres('a database of a newer autobird is refused, and rows wait', async () => {
  const url = await server.createDatabase();
  await withTempDir(async (dir) => {
    const first = await openReplica(url, join(dir, 'a.db'));
    await first.gathered.caughtUp();
    await first.close();
    await server.query(url, 'INSERT INTO autobird.migrations (version) VALUES (999)');
    const replica = await openReplica(url, join(dir, 'b.db'));
    await replica.log.append(logEntryOf());
    const failure = await failureOf(replica.gathered.caughtUp());
    assert.ok(failure instanceof AutobirdError && failure.code === 'newer_log', String(failure));
    assert.is(replica.gathered.stats().waitingRows, 1);
    await replica.close();
    assert.ok(replica.lines.some((line) => line.includes('wait in its file for the next start')));
  });
});

needsPostgres('no failure shows the password', async () => {
  const url = await server.createDatabase();
  const { password } = PostgresServer;
  const encoded = encodeURIComponent(password);
  await withTempDir(async (dir) => {
    for (const [n, wrong] of [
      url.replace(encoded, `${encoded}x`),
      url.replace(/:\d+\//, ':1/'),
      url.replace(/test\d+$/, 'nowhere'),
    ].entries()) {
      const replica = await openReplica(wrong, join(dir, `${n}.db`));
      const failure = await failureOf(replica.gathered.caughtUp());
      assert.ok(isUnavailable(failure), String(failure));
      assert.match(String(failure), /PostgreSQL at 127\.0\.0\.1:\d+\/\w+ failed: ./);
      await replica.close();
      const all = `${String(failure)} ${JSON.stringify(failure)} ${replica.lines.join('')}`;
      for (const secret of [password, encoded]) assert.not(all.includes(secret), all);
    }
    const log = await PredictionLog.open({ path: join(dir, 'x.db') });
    for (const malformed of [
      `postgresql://u:${encoded}@[::bad/x`,
      `mysql://u:${encoded}@h/d`,
      `not an address ${encoded}`,
    ]) {
      const options = {
        url: malformed,
        path: join(dir, 'x.db'),
        batchRows: 1,
        trim: false,
        audio: false,
        retentionDays: null,
      };
      try {
        GatheredLog.open(log, options, pino({ level: 'silent' }));
        assert.unreachable(malformed);
      } catch (error) {
        assert.ok(error instanceof AutobirdError, String(error));
        assert.match(error.message, /postgresql:\/\/USER:PASSWORD@HOST/);
        assert.not(`${error.stack}${JSON.stringify(error)}`.includes(encoded));
      }
    }
    await log.close();
  });
});

test('who waits for PostgreSQL when the service ends learns that it waits in vain', () =>
  withTempDir(async (folder) => {
    // Nobody listens there.
    const { gathered, close } = await openReplica('postgresql://autobird@127.0.0.1:1/none', `${folder}/predictions.db`);
    const first = gathered.caughtUp();
    await new Promise((resolve) => setImmediate(resolve));
    // The attempt to connect is under way: this one waits for the next.
    const second = gathered.caughtUp();
    const results = Promise.allSettled([first, second]);
    await close();
    for (const result of await results) {
      assert.is(result.status, 'rejected');
      assert.is((result as PromiseRejectedResult).reason.code, 'log_unavailable');
    }
  }));

needsPostgres('a service predicts while PostgreSQL is away, and its log is there when it is back', async () => {
  const url = await server.createDatabase();
  await server.stop();
  await withService([`service.log.postgres.url='${url}'`], async ({ url: address, management }) => {
    const classify = async (name: string) => {
      const response = await fetch(`${address}/classify/`, { method: 'POST', body: audioForm([name, chirpWav(1)]) });
      assert.is(response.status, 200);
      return response.headers.get('x-request-id') as string;
    };
    const requestId = await classify('away.wav');
    await classify('drop.wav');
    const away = await management.inject('/v1/log');
    assert.is(away.statusCode, 503);
    assert.is(away.json<{ code: string }>().code, 'log_unavailable');
    assert.is((await management.inject({ method: 'DELETE', url: '/v1/log?label=x' })).statusCode, 503);
    await server.start();
    const rows = async () => {
      const response = await management.inject('/v1/log');
      return response.statusCode === 200 ? response.json<{ predictions: { file_name: string }[] }>().predictions : [];
    };
    await until(async () => (await rows()).length === 2, 'two rows at the management address');
    const feedback = await fetch(`${address}/v1/feedback`, {
      method: 'POST',
      body: JSON.stringify({ request_id: requestId, label: 'robin' }),
      headers: { 'content-type': 'application/json' },
    });
    assert.is(feedback.status, 201);
    const deleted = await management.inject({ method: 'DELETE', url: '/v1/log?file_name=drop.wav' });
    assert.equal(deleted.json(), { deleted: 1 });
    const csv = (await management.inject('/v1/log/export')).body;
    assert.match(csv, /away\.wav.*,true,robin\r\n$/);
    assert.not(csv.includes('drop.wav'));
    const { body } = await management.inject('/metrics');
    assert.match(body, /^autobird_log_fed_rows_total 2$/m);
    assert.match(body, /^autobird_log_waiting_rows 0$/m);
    assert.match(body, /^autobird_log_feed_failures_total [1-9]/m);
  });
});

test.run();
