import { execFile, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findProgram } from './findProgram.ts';

const run = promisify(execFile);

/** Where PostgreSQL's server programs are, newest first by Debian's places; null where they are not installed. */
export function postgresPrograms(): string | null {
  const debian = '/usr/lib/postgresql';
  // Debian keeps them off the PATH, behind this program.
  const versions = findProgram('pg_ctlcluster') ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = versions.map((version) => join(debian, version, 'bin'));
  const { stdout, status } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  if (status === 0) places.push(stdout.trim());
  return places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'pg_ctl'))) ?? null;
}

/** A PostgreSQL server of our own in a folder, on a port of its own, stopped and started at will. */
export class PostgresServer {
  static readonly password = 'p4ss:w@rd/%';
  readonly #programs: string;
  readonly #dir: string;
  readonly #port: number;
  readonly #owner: { readonly uid: number; readonly gid: number } | null;
  #databases = 0;

  private constructor(programs: string, dir: string, port: number) {
    this.#programs = programs;
    this.#dir = dir;
    this.#port = port;
    this.#owner = process.getuid?.() === 0 ? ownerOf('postgres') : null;
  }

  static async start(programs: string, dir: string): Promise<PostgresServer> {
    const server = new PostgresServer(programs, join(dir, 'postgres'), await freePort());
    mkdirSync(server.#dir);
    // The server refuses to run as root.
    if (server.#owner !== null) {
      chownSync(dir, server.#owner.uid, server.#owner.gid);
      chownSync(server.#dir, server.#owner.uid, server.#owner.gid);
    }
    await server.#run('initdb', [
      '-D',
      'data',
      '-U',
      'autobird',
      '--auth=trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    await server.start();
    const client = new pg.Client({ host: '127.0.0.1', port: server.#port, user: 'autobird', database: 'postgres' });
    await client.connect();
    await client.query(`ALTER USER autobird PASSWORD '${PostgresServer.password}'`);
    await client.end();
    await server.#run('bash', ['-c', "sed -i 's/trust$/scram-sha-256/' data/pg_hba.conf"]);
    await server.#run('pg_ctl', ['-D', 'data', 'reload']);
    return server;
  }

  async start(): Promise<void> {
    const options = `-p ${this.#port} -k ${this.#dir} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40`;
    await this.#run('pg_ctl', ['-D', 'data', '-w', '-t', '60', '-l', 'log', '-o', options, 'start']);
  }

  /** `immediate`: as a crash would. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#run('pg_ctl', ['-D', 'data', '-w', '-m', mode, 'stop']);
  }

  /** The address of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `test${++this.#databases}`;
    await this.query(this.#url('postgres'), `CREATE DATABASE ${name}`);
    return this.#url(name);
  }

  async query<Row extends pg.QueryResultRow>(
    url: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  #url(database: string): string {
    return `postgresql://autobird:${encodeURIComponent(PostgresServer.password)}@127.0.0.1:${this.#port}/${database}`;
  }

  async #run(program: string, words: readonly string[]): Promise<void> {
    const path = program === 'bash' ? program : join(this.#programs, program);
    await run(path, [...words], { cwd: this.#dir, ...this.#owner, env: { PATH: process.env['PATH'] } });
  }
}

function ownerOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
