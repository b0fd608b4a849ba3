import { pino } from 'pino';
import { Counter, Gauge, Histogram } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { merged, ServiceRegistry } from '../../services/http/ServiceRegistry.ts';

test('a metric that cannot be read costs itself only, and is logged once', async () => {
  const lines: string[] = [];
  const registry = new ServiceRegistry(pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }));
  const registers = [registry];
  const fail = () => {
    throw new Error('the disk is gone');
  };
  new Gauge({ name: 'broken', help: 'h', registers, collect: fail });
  new Histogram({ name: 'broken_too', help: 'h', registers, collect: async () => fail() });
  new Counter({ name: 'good', help: 'h', registers }).inc(3);
  for (let i = 0; i < 3; i++) assert.match(await registry.metrics(), /^good 3$/m);
  assert.not.match(await registry.metrics(), /^broken \d/m);
  assert.is((await registry.getMetricsAsJSON()).length, 3);
  assert.is(lines.length, 2);
  assert.match(lines.join(''), /the disk is gone.*"metric":"broken"/);
});

test('what was counted is counters and histograms, and those of several processes are added', async () => {
  const registry = new ServiceRegistry(pino({ level: 'silent' }));
  const registers = [registry];
  new Gauge({ name: 'now', help: 'h', registers }).set(7);
  new Counter({ name: 'all', help: 'h', registers, labelNames: ['a'] }).inc({ a: 'b' }, 2);
  new Histogram({ name: 'times', help: 'h', registers, buckets: [1] }).observe(0.5);
  const counted = await registry.counted();
  assert.equal(
    counted.map(({ name }) => name),
    ['all', 'times'],
  );
  const text = await merged([counted, counted]).metrics();
  assert.match(text, /^all\{a="b"\} 4$/m);
  assert.match(text, /^times_bucket\{le="1"\} 2$/m);
});

test.run();
