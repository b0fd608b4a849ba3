/**
 * Closed-loop load by wrk, which takes a tenth of a core where a generator in Node takes a half: both sides share it
 * with us.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface WrkFigures {
  readonly requests: number;
  readonly seconds: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * @param audio file that is posted; null for GET
 * @param seconds wrk takes whole ones: rounded up
 */
export async function wrk(url: string, audio: string | null, clients: number, seconds: number): Promise<WrkFigures> {
  const args = [
    '-t1',
    `-c${clients}`,
    `-d${Math.ceil(seconds)}`,
    '--timeout',
    '60',
    '-s',
    `${import.meta.dirname}/upload.lua`,
    url,
  ];
  const { AUDIO: _none, ...env } = process.env;
  const { stdout } = await promisify(execFile)('wrk', args, {
    env: audio === null ? env : { ...env, AUDIO: audio },
  }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('wrk is not there: apt-get install -y wrk') : error;
  });
  const figures = /^FIGURES (.*)$/m.exec(stdout)?.[1];
  if (figures === undefined) throw new Error(`wrk gave no figures:\n${stdout}`);
  return JSON.parse(figures) as WrkFigures;
}
