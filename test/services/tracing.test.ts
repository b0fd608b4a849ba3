// time-limit: 300
/** Spans as a collector receives them, over a real socket, and the trace of a request in its log lines. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLogger } from '../../services/http/logging.ts';
import { traceContextOf } from '../../services/http/traceContext.ts';
import { AutobirdError } from '../../src/index.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { audioForm, withService } from '../helpers/withService.ts';

interface Value {
  readonly stringValue?: string;
  readonly intValue?: string | number;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly status?: { readonly code?: number };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

interface Collected {
  readonly spans: readonly OtlpSpan[];
  readonly resource: Readonly<Record<string, string | number | undefined>>;
  /** Log lines of the service. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

function attributes(list: OtlpSpan['attributes']): Record<string, string | number | undefined> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}

/** What a service sent while `use` was at it. */
async function collected(
  overrides: readonly string[],
  use: (url: string) => Promise<void>,
  status = 200,
): Promise<Collected> {
  const exports: Export[] = [];
  const lines: string[] = [];
  const collector = fastify();
  collector.post('/v1/traces', async (request, reply) => {
    exports.push(request.body as Export);
    return reply.code(status).send({});
  });
  await collector.listen({ host: '127.0.0.1', port: 0 });
  const { port } = collector.server.address() as AddressInfo;
  const logger = createLogger('info', { write: (line) => lines.push(line) });
  try {
    const endpoint = `service.tracing.otlp_endpoint=http://127.0.0.1:${port}`;
    await withService([endpoint, ...overrides], ({ url }) => use(url), logger);
  } finally {
    await collector.close();
  }
  const resources = exports.flatMap(({ resourceSpans }) => resourceSpans);
  return {
    spans: resources.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    resource: attributes(resources[0]?.resource.attributes ?? []),
    lines: lines.map((line) => JSON.parse(line)),
  };
}

const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const sdkIsLoaded = () =>
  Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@opentelemetry/sdk-trace'));

test('an untraced service does not load the SDK', async () => {
  await withService([], async ({ url }) => {
    const response = await fetch(url);
    assert.is(response.status, 200);
    assert.is(response.headers.get('traceresponse'), null);
  });
  assert.not(sdkIsLoaded());
});

test('a prediction is a span of its caller, with its stages in it', async () => {
  let traceResponse = '';
  const { spans, resource, lines } = await collected([], async (url) => {
    const response = await fetch(`${url}/v1/predictions?top_k=2`, {
      method: 'POST',
      body: audioForm(['a.wav', chirpWav(1)]),
      headers: { traceparent: `00-${caller.traceId}-${caller.spanId}-01`, tracestate: 'vendor=1' },
    });
    assert.is(response.status, 200);
    traceResponse = response.headers.get('traceresponse') as string;
    await fetch(`${url}/livez`);
  });
  assert.ok(sdkIsLoaded());
  assert.is(resource['service.name'], 'autobird-inference');
  assert.is(spans.length, 5, spans.map(({ name }) => name).join());
  const server = spans.find(({ kind }) => kind === 2) as OtlpSpan;
  assert.is(server.name, 'POST /v1/predictions');
  assert.is(server.traceId, caller.traceId);
  assert.is(server.parentSpanId, caller.spanId);
  assert.is(server.traceState, 'vendor=1');
  assert.is(traceResponse, `00-${caller.traceId}-${server.spanId}-01`);
  const given = attributes(server.attributes);
  assert.is(given['http.request.method'], 'POST');
  assert.is(given['http.route'], '/v1/predictions');
  assert.is(given['url.path'], '/v1/predictions');
  assert.is(Number(given['http.response.status_code']), 200);
  const stages = spans
    .filter(({ kind }) => kind !== 2)
    .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
  assert.equal(
    stages.map(({ name }) => name),
    ['receive', 'decode', 'network', 'log'],
  );
  const ns = (text: string) => BigInt(text);
  for (const stage of stages) {
    assert.is(stage.parentSpanId, server.spanId);
    assert.ok(ns(stage.startTimeUnixNano) <= ns(stage.endTimeUnixNano), stage.name);
    // The two clocks may differ by a millisecond.
    assert.ok(ns(stage.startTimeUnixNano) >= ns(server.startTimeUnixNano) - 2_000_000n, stage.name);
    assert.ok(ns(stage.endTimeUnixNano) <= ns(server.endTimeUnixNano) + 2_000_000n, stage.name);
  }
  assert.is(attributes(stages[2]?.attributes ?? [])['autobird.model'], 'tiny');
  const line = lines.find(({ message }) => message === 'request') as Readonly<Record<string, unknown>>;
  assert.is(line['logging.googleapis.com/trace'], caller.traceId);
  assert.is(line['logging.googleapis.com/spanId'], server.spanId);
  assert.is(line['logging.googleapis.com/trace_sampled'], true);
  const { requestMethod, requestUrl, status, latency } = line['httpRequest'] as Readonly<Record<string, unknown>>;
  assert.equal([requestMethod, requestUrl, status], ['POST', '/v1/predictions', 200]);
  assert.match(latency as string, /^\d+\.\d{6}s$/);
});

test('a refused recording is a span with its reason, and no failure of the server', async () => {
  const { spans } = await collected([], async (url) => {
    await fetch(`${url}/classify/`, { method: 'POST', body: audioForm(['a.wav', Buffer.from('only text, no audio')]) });
  });
  const server = spans.find(({ kind }) => kind === 2) as OtlpSpan;
  assert.is(Number(attributes(server.attributes)['http.response.status_code']), 422);
  assert.not(server.status?.code);
  const failed = spans.find(({ name }) => name === 'predict');
  assert.is(attributes(failed?.attributes ?? [])['error.type'], 'not_audio');
});

test('a client that leaves ends its span', async () => {
  const { spans } = await collected([], async (url) => {
    const stop = new AbortController();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(chirpWav(1).subarray(0, 100));
        setTimeout(() => stop.abort(), 200);
      },
    });
    const options = {
      method: 'POST',
      body,
      duplex: 'half',
      signal: stop.signal,
      headers: { 'content-type': 'audio/wav' },
    };
    await fetch(`${url}/v1/predictions`, options as RequestInit).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  assert.is(attributes((spans[0] as OtlpSpan).attributes)['error.type'], 'aborted');
});

test('the share is drawn where the caller has not decided', async () => {
  const { spans, lines } = await collected(['service.tracing.sample_ratio=0'], async (url) => {
    await fetch(url);
    await fetch(url, { headers: { traceparent: `00-${caller.traceId}-${caller.spanId}-01` } });
    await fetch(url, { headers: { traceparent: `00-${caller.traceId.replaceAll('0', '1')}-${caller.spanId}-00` } });
  });
  assert.equal(
    spans.map(({ traceId }) => traceId),
    [caller.traceId],
  );
  const requests = lines.filter(({ message }) => message === 'request');
  assert.equal(
    requests.map((line) => line['logging.googleapis.com/trace_sampled']),
    [false, true, false],
  );
});

test('a collector that refuses costs a line in the log and no prediction', async () => {
  const { lines } = await collected([], async (url) => assert.is((await fetch(url)).status, 200), 400);
  const warnings = lines.filter(({ severity }) => severity === 'WARNING');
  assert.equal(
    warnings.map(({ message }) => message),
    ['Spans are lost: the collector does not take them'],
  );
});

test('an endpoint that is no address ends the start with a sentence', async () => {
  try {
    await withService(['service.tracing.otlp_endpoint=collector:4318'], async () => {});
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof AutobirdError, String(error));
    assert.match(error.message, /Expected http:\/\/HOST:4318.*otlp_endpoint but received collector:4318/);
  }
});

test("callers' headers are read as W3C and Google write them", () => {
  const { traceId, spanId } = caller;
  const read = (traceparent: string) => traceContextOf({ traceparent });
  assert.equal(read(`00-${traceId}-${spanId}-00`), { traceId, spanId, sampled: false, state: null });
  assert.is(read(`cc-${traceId}-${spanId}-03-what-comes`)?.sampled, true);
  const wrong = [
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    'x'.repeat(5000),
    '',
  ];
  for (const text of wrong) assert.is(read(text), null, text);
  const cloud = (text: string) => traceContextOf({ 'x-cloud-trace-context': text });
  assert.equal(cloud(`${traceId}/255;o=1`), { traceId, spanId: '00000000000000ff', sampled: true, state: null });
  assert.equal(cloud(traceId), { traceId, spanId: null, sampled: false, state: null });
  assert.is(cloud(`${traceId}/x`), null);
});

test.run();
