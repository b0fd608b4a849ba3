/**
 * A log of a million rows: brought up to date from an older autobird, listed for a while, then half of it deleted, while a
 * client beside is served. The same is done to the log of another process first: what the machine alone costs that client.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'libsql';
import { downgrade, oldestFormat } from '../../services/database/tables.ts';
import { logTables } from '../../services/predictionLog/logTables.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { Bystander, type BystanderReport } from './Bystander.ts';
import type { ServiceProcess } from './ServiceProcess.ts';

export interface BigDeleteReport {
  readonly rows: number;
  /** From the oldest format that is brought up to date. */
  readonly upgradeS: number;
  /** Until the service listens, with a log that is up to date. */
  readonly startS: number;
  readonly deleted: number;
  readonly deleteS: number;
  /** A page of up to 1,000 rows by label, place and time; the median. */
  readonly pageMs: number;
  /** Elsewhere: the log of another process. */
  readonly bystanders: Readonly<
    Record<'alone' | 'listingElsewhere' | 'listing' | 'deletionElsewhere' | 'deletion', BystanderReport>
  >;
}

const listingMs = 20_000;

/** @param startIn starts a service whose log is `log.db` in that folder */
export async function bigDelete(
  startIn: (dir: string) => Promise<ServiceProcess>,
  dir: string,
  rows: number,
): Promise<BigDeleteReport> {
  const [own, elsewhere] = [`${dir}/big`, `${dir}/big-elsewhere`];
  await mkdir(own, { recursive: true });
  await mkdir(elsewhere, { recursive: true });
  const upgradeS = await oldLogBroughtUpToDate(`${own}/log.db`, rows);
  await copyFile(`${own}/log.db`, `${elsewhere}/log.db`);
  const begin = performance.now();
  const service = await startIn(own);
  const startS = (performance.now() - begin) / 1000;
  const other = await startIn(elsewhere);
  const beside = async <Result>(work: () => Promise<Result>): Promise<readonly [BystanderReport, Result]> => {
    const bystander = await Bystander.start(service.port);
    const result = await work();
    return [await bystander.stop(), result];
  };
  try {
    const [alone] = await beside(() => sleep(listingMs));
    const [listingElsewhere] = await beside(() => list(other, rows));
    const [listing, pageMs] = await beside(() => list(service, rows));
    const [deletionElsewhere] = await beside(() => deleteHalf(other));
    const [deletion, { deleted, seconds: deleteS }] = await beside(() => deleteHalf(service));
    const bystanders = { alone, listingElsewhere, listing, deletionElsewhere, deletion };
    return { rows, upgradeS, startS, deleted, deleteS, pageMs, bystanders };
  } finally {
    await service.end('SIGTERM');
    await other.end('SIGTERM');
  }
}

/** Writes a log in the oldest format and gives the seconds that it takes to open it. */
async function oldLogBroughtUpToDate(path: string, rows: number): Promise<number> {
  await (await PredictionLog.open({ path })).close();
  const database = new Database(path);
  downgrade(database, logTables, oldestFormat(logTables));
  database.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO predictions (request_id, part, time_ms, route, file_name, file_sha256, file_bytes, model, model_version,
      shadow, label, score, scores, clips, receive_ms, predict_ms)
    SELECT hex(randomblob(16)), 0, i * 1000, '/classify/', 'night ' || (i % 1000) || '.wav', hex(randomblob(32)), 100000,
      'm', 'v1', 0, CASE i % 2 WHEN 0 THEN 'wren' ELSE 'robin' END, 0.5, randomblob(56), 2, 1, 2 FROM n`);
  database.close();
  const begin = performance.now();
  const log = await PredictionLog.open({ path });
  const seconds = (performance.now() - begin) / 1000;
  await log.close();
  const named = new Database(path);
  named.exec(`UPDATE predictions SET place = 'place ' || (id % 100)`);
  named.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  named.close();
  return seconds;
}

/** One page after the other; gives the median of their milliseconds. */
async function list({ managementPort }: ServiceProcess, rows: number): Promise<number> {
  const tookMs: number[] = [];
  for (const until = performance.now() + listingMs; performance.now() < until; ) {
    const begin = performance.now();
    const since = new Date(Math.random() * rows * 1000).toISOString();
    const place = `place%20${Math.floor(Math.random() * 100)}`;
    const url = `http://127.0.0.1:${managementPort}/v1/log?label=wren&place=${place}&since=${since}&limit=1000`;
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`A page of the log was ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    tookMs.push(performance.now() - begin);
  }
  return tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length / 2)] as number;
}

async function deleteHalf({ managementPort }: ServiceProcess) {
  const begin = performance.now();
  const answer = await fetch(`http://127.0.0.1:${managementPort}/v1/log?label=wren`, { method: 'DELETE' });
  if (!answer.ok) throw new Error(`The deletion was ${answer.status}: ${await answer.text()}`);
  const { deleted } = (await answer.json()) as { readonly deleted: number };
  return { deleted, seconds: (performance.now() - begin) / 1000 };
}
