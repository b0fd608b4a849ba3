/** Requests that two servers may read differently: where they begin, where they end, what they are for. */
import { concurrently } from '../../src/concurrently.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { exchange, lastStatus, statuses } from './wire.ts';

/** A request inside a body: there may be no response to it. */
const smuggled = 'GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n';

const shapes: readonly (readonly [name: string, bytes: string])[] = [
  [
    'length and chunks',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'two lengths',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ],
  [
    'list of lengths',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}`,
  ],
  ['signed length', `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n${smuggled}`],
  ['negative length', `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n${smuggled}`],
  [
    'length that overflows',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551616\r\n\r\n${smuggled}`,
  ],
  ['unknown coding', `POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n${smuggled}`],
  [
    'chunked, then another',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'tab in the coding',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'space before the colon',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'folded header',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'bare line feeds',
    `POST /classify HTTP/1.1\nHost: localhost\nContent-Length: 0\nTransfer-Encoding: chunked\n\n0\n\n${smuggled}`,
  ],
  ['NUL in a name', `GET / HTTP/1.1\r\nHost: localhost\r\nX\0A: b\r\n\r\n${smuggled}`],
  [
    'chunk size that overflows',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nRIFF`,
  ],
  [
    'chunk extension without end',
    `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n4;${'a'.repeat(40_000)}\r\nRIFF\r\n0\r\n\r\n`,
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['no version', 'GET /\r\n\r\n'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS hello', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ['unknown method', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n'],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  [
    'upgrade to h2c',
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  ],
];

export function smuggling(timeoutMs = 1500): Attack {
  return {
    name: 'framing',
    describe: `${shapes.length} shapes of smuggled or impossible requests: one response at most each`,
    expected: /^(200|4\d\d|501|505|closed)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently(shapes, 8, undefined, async ([name, bytes]) => {
        const text = await exchange(port, [bytes], { timeoutMs });
        const seen = statuses(text);
        responses.add(lastStatus(text));
        if (seen.length > 1) responses.problems.push(`${name}: ${seen.length} responses (${seen.join(', ')})`);
        if (text.includes('"models"')) responses.problems.push(`${name}: there was a response to the smuggled request`);
      });
      return responses;
    },
  };
}

export function pipelining(depth: number): Attack {
  return {
    name: 'pipelining',
    describe: `${depth} requests at once on each of 8 connections, a response to each`,
    expected: /^200$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      const requests = `${'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(depth - 1)}GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      await concurrently(Array(8).fill(requests) as string[], 8, undefined, async (bytes) => {
        const seen = statuses(await exchange(port, [bytes], { timeoutMs: 60_000 }));
        for (const status of seen) responses.add(status);
        if (seen.length !== depth) responses.problems.push(`${seen.length} of ${depth} responses`);
      });
      return responses;
    },
  };
}

export function headerFloods(count: number): Attack {
  const floods = [
    `X-A: ${'a'.repeat(1 << 20)}\r\n`,
    Array.from({ length: 5000 }, (_, i) => `X-${i}: a\r\n`).join(''),
    'Cookie: a=b\r\n'.repeat(3000),
    `Authorization: Bearer ${'a.'.repeat(20_000)}\r\n`,
  ];
  const paths = ['/', `/${'a'.repeat(60_000)}`, `/?${'a=b&'.repeat(20_000)}`];
  return {
    name: 'header floods',
    describe: `${count} requests with a megabyte of header, 5,000 headers, an endless address`,
    expected: /^(431|404|414|400|200|closed)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently([...Array(count).keys()], 16, undefined, async (i) => {
        const head = `GET ${paths[i % paths.length]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${floods[i % floods.length]}\r\n`;
        responses.add(lastStatus(await exchange(port, [head])));
      });
      return responses;
    },
  };
}

const climbs = [
  '/../../../../etc/passwd',
  '/docs/static/../../../../../etc/passwd',
  '/docs/static/..%2f..%2f..%2f..%2fetc%2fpasswd',
  '/docs/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/docs/static/..%5c..%5c..%5cetc%5cpasswd',
  '/docs/static/....//....//etc/passwd',
  '/docs/static/%00/etc/passwd',
  '/docs/static//etc/passwd',
  '/docs/static/%c0%ae%c0%ae/etc/passwd',
  '/files/../../etc/passwd',
  '/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '/redoc/../../package.json',
  '/v1/models/..%2f..%2fetc%2fpasswd',
  '/v1/models/%2e%2e',
  '/v1/models/%zz',
  'file:///etc/passwd',
  'http://127.0.0.1/etc/passwd',
  '//etc/passwd',
];

export function pathTraversal(): Attack {
  return {
    name: 'path traversal',
    describe: `${climbs.length} ways out of a folder`,
    expected: /^4\d\d$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently(climbs, 8, undefined, async (path) => {
        const text = await exchange(port, [`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`]);
        responses.add(lastStatus(text));
        if (lastStatus(text) === '200') responses.problems.push(`${path}: ${text.slice(0, 200)}`);
        if (/root:|"dependencies"/.test(text)) responses.problems.push(`${path} showed a file`);
      });
      return responses;
    },
  };
}
