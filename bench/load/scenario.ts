/** The requests of a load test, each with a weight. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';

export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly weight: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** The tasks of the original's load script: two pages and a 5 s, 16 kHz, 440 Hz sine of amplitude 0.5. */
export function originalScenario(): LoadRequest[] {
  const sine = Float64Array.from({ length: 80_000 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 16_000));
  return [
    { method: 'GET', path: '/', weight: 1, headers: {} },
    { method: 'GET', path: '/files/', weight: 2, headers: {} },
    upload('/classify/', 'dummy_audio.wav', encodeWav16(sine, 16_000), 1),
  ];
}

const Scenario = z.strictObject({
  requests: z
    .array(
      z.strictObject({
        path: z.string().startsWith('/'),
        method: z.string().default('GET'),
        weight: z.number().positive().default(1),
        /** A file to send as the multipart field `audio`; relative to the scenario. */
        audio: z.string().optional(),
      }),
    )
    .min(1),
});

/**
 * Reads a YAML or JSON scenario: `requests: [{ path: /, weight: 2 }, { path: /classify/, audio: bird.mp3 }]`.
 *
 * @throws when it cannot be read, has an unknown key or names a missing file.
 */
export async function readScenario(path: string): Promise<LoadRequest[]> {
  const { requests } = Scenario.parse(parse(await readFile(path, 'utf8')));
  return Promise.all(
    requests.map(async ({ audio, ...request }) =>
      audio === undefined
        ? { ...request, headers: {} }
        : uploadFile(request.path, resolve(dirname(path), audio), request.weight),
    ),
  );
}

/** A POST of one audio file, as a browser's form sends it. */
export async function uploadFile(path: string, file: string, weight = 1): Promise<LoadRequest> {
  return upload(path, basename(file), await readFile(file), weight);
}

function upload(path: string, name: string, content: Buffer, weight: number): LoadRequest {
  const boundary = `----autobird${randomBytes(12).toString('hex')}`;
  const type = extname(name) === '.mp3' ? 'audio/mpeg' : 'audio/wav';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="audio"; filename="${name.replace(/["\r\n]/g, '_')}"\r\nContent-Type: ${type}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return {
    method: 'POST',
    path,
    weight,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(body.length) },
    body,
  };
}
