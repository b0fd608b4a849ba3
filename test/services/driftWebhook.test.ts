// time-limit: 300
/** The webhook of the drift alarm, with a real receiver: delivered once, tried again, kept over a restart, its address kept quiet. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DriftState } from '../../services/drift/DriftState.ts';
import { Webhook, webhookUrl } from '../../services/drift/Webhook.ts';
import { drawnRows, driftConfig, runDriftService, withKnowingModel, writeLogRows } from '../helpers/driftService.ts';
import { eventually } from '../helpers/eventually.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

interface Receiver {
  readonly url: string;
  readonly port: number;
  // biome-ignore lint/suspicious/noExplicitAny: bodies as receivers see them
  readonly bodies: any[];
  close(): Promise<void>;
}

/** Responds with these statuses, then with 200; 0 for no response at all. */
async function receiver(statuses: number[] = [], port = 0): Promise<Receiver> {
  const bodies: unknown[] = [];
  const server: Server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    bodies.push(JSON.parse(text));
    const status = statuses.shift() ?? 200;
    if (status !== 0) response.writeHead(status).end('ok');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${own}/hook/s3cret`, port: own, bodies, close };
}

const body = (n: number) => JSON.stringify({ n });
const end = (n: number) => ({ timeMs: n, rows: 1 });

/** A state with notices `{ n: 1 }`, `{ n: 2 }`, … */
async function stateWith(dir: string, notices: number): Promise<DriftState> {
  const state = await DriftState.open(`${dir}/drift.db`, 100);
  for (let n = 1; n <= notices; n++) state.add('series', { end: end(n), point: {}, alarm: {} } as never, body(n));
  return state;
}

test('the alarm is told once when it is raised and once when it is cleared, also over a restart', () =>
  withKnowingModel(async ({ dir, path, version }) => {
    const { url, bodies, close } = await receiver();
    const log = `${dir}/log.db`;
    const at = (minute: number) => ({ modelVersion: version, fromMs: Date.UTC(2026, 0, 1, 0, minute) });
    const config = driftConfig(dir, ['drift.monitor.every_s=0.2', `drift.monitor.webhook.url=${url}`]);
    await writeLogRows(log, await drawnRows(path, 40, { seed: 1 }), at(0));
    await runDriftService(config, async ({ management }) => {
      await writeLogRows(log, await drawnRows(path, 40, { seed: 2, shift: 3 }), at(10));
      await eventually(async () => bodies.length > 0, 'it is told', 1500);
      const metrics = (await management.inject('/metrics')).body;
      assert.match(metrics, /^autobird_drift_webhook_failures_total 0$/m);
      assert.not.match(metrics, /s3cret/);
    });
    await runDriftService(config, async () => {
      await sleep(600);
      assert.is(bodies.length, 1, 'a restart does not repeat it');
      await writeLogRows(log, await drawnRows(path, 40, { seed: 3 }), at(20));
      await eventually(async () => bodies.length > 1, 'it is told', 1500);
    });
    await close();
    assert.equal(
      bodies.map(({ event, model_version, window }) => [event, model_version, window.rows]),
      [
        ['raised', version, 20],
        ['cleared', version, 20],
      ],
    );
    const [raised] = bodies;
    assert.match(raised.text, /^autobird: drift alarm raised \(model .*energy_mean/);
    assert.is(raised.since, raised.window.to);
    assert.ok(raised.share_of_drifted_columns >= 0.5 && raised.drifted_columns.includes('mel_mean'));
  }));

test('a notice is tried again after a 500, a refused connection and silence, in order, and kept over a restart', () =>
  withTempDir(async (dir) => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(line) });
    const first = await receiver([500, 0]);
    let state = await stateWith(dir, 2);
    let webhook = new Webhook(first.url, 0.2, state, logger);
    webhook.deliver();
    await eventually(async () => webhook.failures === 2, 'two tries fail', 500);
    assert.equal(first.bodies, [{ n: 1 }, { n: 1 }]);
    await first.close();
    await eventually(async () => webhook.failures === 3, 'the connection is refused', 500);
    await webhook.close();
    state.close();

    const second = await receiver([], first.port);
    state = await stateWith(dir, 2);
    webhook = new Webhook(second.url, 5, state, logger);
    webhook.deliver();
    await eventually(async () => state.oldestNotice() === null, 'they are delivered');
    webhook.deliver();
    await sleep(100);
    assert.equal(second.bodies, [{ n: 1 }, { n: 2 }]);
    await webhook.close();
    state.close();
    await second.close();
    const said = lines.join('');
    for (const problem of ['status 500', 'TimeoutError', 'ECONNREFUSED']) assert.match(said, problem);
    assert.not.match(said, /s3cret|127\.0\.0\.1/);
  }));

test('an address that cannot be used is refused without being repeated', () => {
  for (const wrong of ['s3cret', 'ftp://s3cret', `https://me:${'s3cret'}@example.org/`]) {
    assert.throws(
      () => webhookUrl(wrong),
      ({ message }: Error) => /drift\.monitor\.webhook\.url/.test(message) && !/s3cret/.test(message),
    );
  }
});

test.run();
