/**
 * A worker is killed, and then every replacement while it starts: at the moment it is there, loads LibTorch, or has the
 * log.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { eventually } from '../../test/helpers/eventually.ts';
import { childrenOf } from '../memory.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import type { ServiceProcess } from './ServiceProcess.ts';

/** A file that is mapped by then. */
const moments = ['libtorch_cpu', 'log.db-shm', ''];

/** Tries of 20 ms: pauses grow to a minute, and a busy machine starts a worker in ten seconds. */
const mostTries = 6000;

/** The first process waits 1, 2, 4 … s before it starts each replacement. */
export function killedReplacement(count: number): Attack {
  return {
    name: 'killed replacement',
    describe: `one of two processes is killed, and ${count} that should take its place while they start`,
    expected: /^(killed while it started|took the place)$/,
    own: { settings: ['service.workers=2'] },
    async prepare(service) {
      await whole(service);
      const victim = await secondProcess(service, undefined);
      process.kill(victim, 'SIGKILL');
      // It is held, so that it does not serve the bystander, whose connection would end with it.
      process.kill(await secondProcess(service, victim), 'SIGSTOP');
    },
    async run(service) {
      const counts = new ResponseCounts();
      const logged = (await readFile(`${service.dir}/service.log`, 'utf8')).length;
      let last: number | undefined;
      for (let i = 0; i < count; i++) {
        const pid = await secondProcess(service, last);
        process.kill(pid, 'SIGCONT');
        const moment = moments[i % moments.length] as string;
        await eventually(async () => mapsOf(pid).includes(moment), `A replacement never has ${moment}`, mostTries);
        process.kill(pid, 'SIGKILL');
        last = pid;
      }
      await whole(service);
      counts.add('took the place');
      const text = (await readFile(`${service.dir}/service.log`, 'utf8')).slice(logged);
      for (const [words, outcome] of [
        ['A worker did not start', 'killed while it started'],
        ['A worker died', 'killed while it served'],
      ] as const) {
        const times = text.split(words).length - 1;
        if (times > 0) counts.add(outcome, times);
      }
      return counts;
    },
  };
}

/** Waits until both processes serve. */
async function whole({ port }: ServiceProcess): Promise<void> {
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } });
    return (await response.text()) === '{"status":"ready"}';
  };
  await eventually(ready, 'A process is still missing', mostTries);
}

/** The second process, as soon as there is one that is not `previous`. */
async function secondProcess({ pid }: ServiceProcess, previous: number | undefined): Promise<number> {
  let second: number | undefined;
  const isThere = async () => {
    second = childrenOf(pid)[1];
    return second !== undefined && second !== previous;
  };
  await eventually(isThere, 'No process takes the place of the dead one', mostTries);
  return second as number;
}

function mapsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/maps`, 'utf8');
}
