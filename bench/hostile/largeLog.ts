/** A prediction log of a million rows, written by an older autobird: its pages are read, or half of it is deleted. */
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'libsql';
import { downgrade, oldestFormat } from '../../services/database/tables.ts';
import { logTables } from '../../services/predictionLog/logTables.ts';
import { PredictionLog } from '../../services/predictionLog/PredictionLog.ts';
import { randomFor } from '../../src/random.ts';
import { median } from '../machine.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';

/** @param log where the log is kept that services get a copy of; written where it is not there */
export function largeLog(rows: number, readS: number, log: string): readonly Attack[] {
  const own = {
    async furnish(dir: string) {
      if (!(await stat(log).catch(() => null))) await writeLargeLog(log, rows);
      await copyFile(log, `${dir}/log.db`);
    },
  };
  return [
    {
      name: 'large log, read',
      describe: `pages of ${rows} rows by label, place and time, one after the other`,
      expected: /^200$/,
      own,
      async run({ managementPort }) {
        const responses = new ResponseCounts();
        const tookMs: number[] = [];
        const random = randomFor(1, 'pages');
        for (const until = performance.now() + 1000 * readS; performance.now() < until; ) {
          const begin = performance.now();
          const since = new Date(random.int(rows) * 1000).toISOString();
          const query = `label=wren&place=place%20${random.int(100)}&since=${since}&limit=1000`;
          const response = await fetch(`http://127.0.0.1:${managementPort}/v1/log?${query}`);
          await response.arrayBuffer();
          responses.add(String(response.status));
          tookMs.push(performance.now() - begin);
        }
        responses.notes.push(`a page in ${median(tookMs).toFixed(0)} ms (median)`);
        return responses;
      },
    },
    {
      name: 'large log, delete',
      describe: `half of ${rows} rows deleted`,
      expected: /^200$/,
      own,
      async run({ managementPort }) {
        const responses = new ResponseCounts();
        const response = await fetch(`http://127.0.0.1:${managementPort}/v1/log?label=wren`, { method: 'DELETE' });
        const { deleted } = (await response.json()) as { readonly deleted?: number };
        responses.add(String(response.status));
        if (deleted !== Math.floor(rows / 2)) responses.problems.push(`${deleted} of ${rows / 2} rows were deleted`);
        return responses;
      },
    },
  ];
}

async function writeLargeLog(path: string, rows: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await (await PredictionLog.open({ path })).close();
  const old = new Database(path);
  downgrade(old, logTables, oldestFormat(logTables));
  old.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO predictions (request_id, part, time_ms, route, file_name, file_sha256, file_bytes, model, model_version,
      shadow, label, score, scores, clips, receive_ms, predict_ms)
    SELECT hex(randomblob(16)), 0, i * 1000, '/classify/', 'night ' || (i % 1000) || '.wav', hex(randomblob(32)), 100000,
    'm', 'v1', 0, CASE i % 2 WHEN 0 THEN 'wren' ELSE 'robin' END, 0.5, randomblob(56), 2, 1, 2 FROM n`);
  old.close();
  const begin = performance.now();
  const log = await PredictionLog.open({ path });
  const upgradeS = (performance.now() - begin) / 1000;
  console.error(`  a log of ${rows} rows in the oldest format was brought up to date in ${upgradeS.toFixed(1)} s`);
  await log.close();
  const current = new Database(path);
  current.exec(`UPDATE predictions SET place = 'place ' || (id % 100)`);
  current.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  current.close();
}
