import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generateLoad } from '../../bench/load/generateLoad.ts';
import { LatencyHistogram } from '../../bench/load/LatencyHistogram.ts';
import { failuresCsv, statsCsv, statsHistoryCsv } from '../../bench/load/locustCsv.ts';
import { originalScenario } from '../../bench/load/scenario.ts';

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const get = [{ method: 'GET', path: '/', weight: 1, headers: {} }];

test('a percentile is within one percent of the sorted values, small or large', () => {
  const histogram = new LatencyHistogram();
  const values = Array.from({ length: 10_000 }, (_, i) => 0.05 * 1.0015 ** i);
  for (const value of values) histogram.record(value);
  for (const share of [0.001, 0.5, 0.9, 0.99, 0.999]) {
    const exact = values[Math.ceil(share * values.length) - 1] as number;
    assert.ok(Math.abs(histogram.percentileMs(share) / exact - 1) < 0.01, `${share}`);
  }
  assert.is(histogram.percentileMs(1), values.at(-1));
  assert.is(histogram.count, 10_000);
});

test('histograms add up', () => {
  const [a, b] = [new LatencyHistogram(), new LatencyHistogram()];
  for (let i = 1; i <= 100; i++) (i % 2 ? a : b).record(i);
  a.add(b);
  assert.is(a.count, 100);
  assert.is(a.meanMs, 50.5);
  assert.is(a.minMs, 1);
  assert.is(a.maxMs, 100);
});

test('constant arrivals are counted once each, and what the server counts agrees', async () => {
  let served = 0;
  await withServer(
    (_, response) => {
      served++;
      response.end('hello');
    },
    async (url) => {
      const { statistics } = await generateLoad({
        ...{ url, scenario: get, rate: 100, arrivals: 'constant', durationS: 0.5, warmUpS: 0 },
      });
      assert.is(statistics.all.latency.count, served);
      assert.ok(served === 49 || served === 50, `${served}`);
      assert.is(statistics.all.bytes, 5 * served);
      assert.is(statistics.all.failures, 0);
    },
  );
});

test('what is no duration is refused, and none is recorded as one', () => {
  const histogram = new LatencyHistogram();
  for (const value of [-0.1, Number.NaN]) assert.throws(() => histogram.record(value), /Expected a duration/);
  histogram.record(0);
  assert.is(histogram.count, 1);
  assert.is(histogram.percentileMs(0.5), 0);
});

test('a load that is stopped gives what was measured until then', async () => {
  await withServer(
    (_, response) => response.end(),
    async (url) => {
      for (const load of [{ rate: 100, arrivals: 'constant' }, { clients: 2 }] as const) {
        const signal = AbortSignal.timeout(300);
        const { statistics, elapsedS } = await generateLoad({
          ...{ url, scenario: get, ...load, durationS: 60, warmUpS: 0.1, signal },
        });
        assert.ok(elapsedS < 60, `${elapsedS} s`);
        assert.ok(statistics.all.latency.count > 0);
        if ('rate' in load) assert.ok(statistics.all.latency.count <= 100 * elapsedS + 1);
      }
    },
  );
});

test('what is sent while warming up is not counted', async () => {
  let served = 0;
  await withServer(
    (_, response) => {
      served++;
      response.end();
    },
    async (url) => {
      const { statistics } = await generateLoad({
        ...{ url, scenario: get, rate: 100, arrivals: 'constant', durationS: 0.3, warmUpS: 0.3 },
      });
      assert.ok(statistics.all.latency.count < served);
    },
  );
});

test('a server that stalls for a second is seen stalling by everybody who came meanwhile', async () => {
  let stallUntil = Number.POSITIVE_INFINITY;
  await withServer(
    (_, response) => {
      // From its first request on, for one second, nobody is answered.
      if (stallUntil === Number.POSITIVE_INFINITY) stallUntil = performance.now() + 1000;
      setTimeout(() => response.end(), Math.max(0, stallUntil - performance.now()));
    },
    async (url) => {
      const { statistics } = await generateLoad({
        // Four connections: the rest waits on our side, where a closed loop would not look.
        ...{ url, scenario: get, rate: 100, arrivals: 'constant', durationS: 2, warmUpS: 0, connections: 4 },
      });
      const { latency } = statistics.all;
      assert.equal([...statistics.failures.keys()], []);
      assert.ok(latency.count >= 195, `${latency.count}`);
      // A hundred of two hundred came during the second: the median of those is half a second.
      assert.ok(latency.percentileMs(0.99) > 900, `${latency.percentileMs(0.99)}`);
      assert.ok(latency.percentileMs(0.75) > 400, `${latency.percentileMs(0.75)}`);
    },
  );
});

test('failures are named: a status, a closed connection, a late answer', async () => {
  await withServer(
    (request, response) => {
      if (request.url === '/busy') response.writeHead(503).end();
      else if (request.url === '/closed') request.socket.destroy();
      // and /late is never answered
    },
    async (url) => {
      const paths = ['/busy', '/closed', '/late'];
      const scenario = paths.map((path) => ({ method: 'GET', path, weight: 1, headers: {} }));
      const result = await generateLoad({ url, scenario, rate: 60, durationS: 0.5, warmUpS: 0, timeoutS: 2 });
      const errors = [...result.statistics.failures.values()].map(({ path, error }) => `${path} ${error}`).sort();
      assert.equal(errors, ['/busy HTTP 503', '/closed ECONNRESET', '/late timeout']);
      assert.is(result.statistics.all.failures, result.statistics.all.latency.count);
      assert.match(failuresCsv(result), /^Method,Name,Error,Occurrences,First Seen,Last Seen\r\nGET,/);
    },
  );
});

test('the original tasks arrive whole, and the tables have the columns of locust', async () => {
  const bodies: number[] = [];
  await withServer(
    (request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        if (request.method === 'POST') bodies.push(bytes - Number(request.headers['content-length']));
        response.end('"label"');
      });
    },
    async (url) => {
      const result = await generateLoad({ url, scenario: originalScenario(), clients: 4, durationS: 0.5, warmUpS: 0 });
      assert.equal([...result.statistics.byName.keys()].sort(), ['GET /', 'GET /files/', 'POST /classify/']);
      assert.ok(bodies.length > 0 && bodies.every((missing) => missing === 0));
      // Headers as locust 2.47.0 wrote them.
      const [stats, ...rows] = statsCsv(result).trimEnd().split('\r\n');
      assert.is(
        stats,
        'Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%',
      );
      assert.is(rows.length, 4);
      assert.match(rows.at(-1) as string, /^,Aggregated,\d+,0,/);
      const [history, first] = statsHistoryCsv(result, 4).split('\r\n');
      assert.is(
        history,
        'Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size',
      );
      assert.is(first?.split(',').length, history?.split(',').length);
    },
  );
});

test.run();
