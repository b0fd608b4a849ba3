/**
 * `kill -9` at random instants under load. A prediction that was sent must be in the log, once. A row more is one that
 * was on its way when the process died, and its client knows that it has none.
 */
import Database from 'libsql';
import { chirpWav } from '../../test/helpers/tinyModel.ts';
import { ServiceProcess } from './ServiceProcess.ts';

export interface KillReport {
  /** Predictions that clients have received. */
  readonly predicted: number;
  readonly rows: number;
  /** Received, but not in the log. */
  readonly lost: number;
  /** In the log twice. */
  readonly doubled: number;
  /** In the log, and another label was received. */
  readonly different: number;
}

/** @param dir of a service; its models are in it */
export async function kills(dir: string, times: number): Promise<KillReport> {
  const received = new Map<string, string>();
  const body = chirpWav(1);
  for (let round = 0; round < times; round++) {
    const service = await ServiceProcess.start(dir);
    const client = async (name: number) => {
      for (let i = 0; service.alive; i++) {
        const id = `kill-${round}-${name}-${i}`;
        const headers = { 'content-type': 'audio/wav', 'x-request-id': id };
        try {
          const url = `http://127.0.0.1:${service.port}/classify`;
          const response = await fetch(url, { method: 'POST', body: Buffer.from(body), headers });
          const label = (await response.json()) as string;
          if (response.status === 200) received.set(id, label);
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
  const last = await ServiceProcess.start(dir);
  await last.end('SIGTERM');
  const database = new Database(`${dir}/log.db`);
  const rows = database.prepare("SELECT request_id, label FROM predictions WHERE request_id LIKE 'kill-%'").all() as {
    request_id: string;
    label: string | null;
  }[];
  database.close();
  const labels = new Map(rows.map(({ request_id: id, label }) => [id, label]));
  return {
    predicted: received.size,
    rows: rows.length,
    lost: [...received.keys()].filter((id) => !labels.has(id)).length,
    doubled: rows.length - labels.size,
    // The original route names the no-event label; the log has none there.
    different: [...received].filter(([id, label]) => labels.get(id) !== label && labels.get(id) !== null).length,
  };
}
