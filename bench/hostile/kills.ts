/**
 * `kill -9` at random instants under load. What was answered must be in the log, once; a row more is an answer that was on its
 * way when the process died, and the client of that one knows that it has none.
 */
import Database from 'libsql';
import { chirpWav } from '../../test/helpers/tinyModel.ts';
import { ServiceProcess } from './ServiceProcess.ts';

export interface KillReport {
  readonly kills: number;
  readonly answered: number;
  readonly rows: number;
  /** Answered, but not in the log. */
  readonly lost: number;
  /** In the log twice. */
  readonly doubled: number;
  /** In the log, and another label was answered. */
  readonly different: number;
}

export async function kills(dir: string, overrides: readonly string[], times: number): Promise<KillReport> {
  const answered = new Map<string, string>();
  const body = chirpWav(1);
  for (let round = 0; round < times; round++) {
    const service = await ServiceProcess.start(dir, overrides);
    const client = async (name: number) => {
      for (let i = 0; service.alive; i++) {
        const id = `kill-${round}-${name}-${i}`;
        const headers = { 'content-type': 'audio/wav', 'x-request-id': id };
        try {
          const url = `http://127.0.0.1:${service.port}/classify`;
          const answer = await fetch(url, { method: 'POST', body: Buffer.from(body), headers });
          const label = (await answer.json()) as string;
          if (answer.status === 200) answered.set(id, label);
        } catch {
          return;
        }
      }
    };
    const load = [0, 1, 2, 3].map(client);
    await new Promise((resolve) => setTimeout(resolve, 20 + 600 * Math.random()));
    await service.end('SIGKILL');
    await Promise.all(load);
  }
  // The last start mends what the last kill left.
  const last = await ServiceProcess.start(dir, overrides);
  await last.end('SIGTERM');
  const database = new Database(`${dir}/log.db`);
  const rows = database.prepare("SELECT request_id, label FROM predictions WHERE request_id LIKE 'kill-%'").all() as {
    request_id: string;
    label: string | null;
  }[];
  database.close();
  const labels = new Map(rows.map(({ request_id: id, label }) => [id, label]));
  return {
    kills: times,
    answered: answered.size,
    rows: rows.length,
    lost: [...answered.keys()].filter((id) => !labels.has(id)).length,
    doubled: rows.length - labels.size,
    // The original route names the no-event label; the log has none there.
    different: [...answered].filter(([id, label]) => labels.get(id) !== label && labels.get(id) !== null).length,
  };
}
