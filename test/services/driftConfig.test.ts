/** No key of `drift.monitor` is without effect: each is read by what it should change (the others: test/recipes/configKeys). */
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DriftMonitor } from '../../services/drift/DriftMonitor.ts';
import { DriftState } from '../../services/drift/DriftState.ts';
import { Evaluator } from '../../services/drift/Evaluator.ts';
import { drawnRows, driftConfig, withKnowingModel, writeLogRows } from '../helpers/driftService.ts';

/** What services/main.ts reads, which has a test of its own (serve.test.ts). */
const ofMain = ['port', 'managementPort'];

test('every key is read', () =>
  withKnowingModel(async ({ dir, path, version }) => {
    await writeLogRows(`${dir}/log.db`, await drawnRows(path, 30), { modelVersion: version });
    const config = driftConfig(dir, []);
    const read = new Set<string>();
    const monitor = new Proxy(config.drift.monitor, {
      get(target, key, receiver) {
        read.add(String(key));
        return Reflect.get(target, key, receiver);
      },
    });
    const watched = { ...config, drift: { ...config.drift, monitor } };
    // As createDriftService does it.
    const state = await DriftState.open(monitor.state, monitor.keepWindows);
    const service = new DriftMonitor(watched.drift, new Evaluator(watched), state, pino({ level: 'silent' }));
    await service.start();
    assert.is(service.windows(10).length, 2);
    await service.close();
    const unread = Object.keys(config.drift.monitor).filter((key) => !read.has(key) && !ofMain.includes(key));
    assert.equal(unread, []);
  }));

test('only so many windows are kept, and another version than that of the reference may be looked at', () =>
  withKnowingModel(async ({ dir, path }) => {
    await writeLogRows(`${dir}/log.db`, await drawnRows(path, 100), { modelVersion: 'another' });
    const config = driftConfig(dir, ['drift.monitor.model_version=another', 'drift.monitor.keep_windows=3']);
    const { state, keepWindows } = config.drift.monitor;
    const logger = pino({ level: 'silent' });
    const service = new DriftMonitor(
      config.drift,
      new Evaluator(config),
      await DriftState.open(state, keepWindows),
      logger,
    );
    await service.start();
    assert.is(service.windowsClosed, 5);
    assert.is(service.windows(10).length, 3);
    assert.is(service.sides?.modelVersion, 'another');
    await service.close();
  }));

test.run();
