/** `npm run hostile`: clients that nobody wants, against a service in a process of its own, with one beside them that behaves. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeTinyModel } from '../../test/helpers/tinyModel.ts';
import { machine, printTable } from '../machine.ts';
import type { Attack } from './Attack.ts';
import { Bystander, type BystanderReport } from './Bystander.ts';
import { headerFloods, pathTraversal, pipelining, smuggling } from './framing.ts';
import { fuzzedAudio, malformedForms } from './fuzz.ts';
import { kills } from './kills.ts';
import { ServiceProcess } from './ServiceProcess.ts';
import { idleSockets, slowBodies, slowHeaders, slowReaders } from './slowClients.ts';
import { bombs, heavyBombs, hugeUploads, liars, truncatedUploads } from './uploads.ts';
import { Tally } from './wire.ts';

const usage = `Usage: npm run hostile -- [NAME…] [--scale 1] [--kills 50] [--model CHECKPOINT]

Runs the attacks whose name contains a NAME, all without one; --scale makes them smaller or larger. Needs ffmpeg on the PATH and
12,000 file descriptors. Prints a table and writes bench/results/hostile.json; exits with 1 where something was found.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    kills: { type: 'string', default: '50' },
    model: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const scale = Number(values.scale);
const times = Number(values.kills);
if (!(scale > 0) || !(times >= 0)) {
  console.error(usage);
  process.exit(2);
}
const scaled = (count: number) => Math.max(1, Math.round(count * scale));
const nobody: Attack = {
  name: 'nobody',
  describe: 'ten seconds for comparison',
  expected: /./,
  run: async () => {
    await sleep(10_000);
    return new Tally();
  },
};
const attacks: readonly Attack[] = [
  nobody,
  smuggling(),
  pathTraversal(),
  headerFloods(scaled(500)),
  pipelining(scaled(1000)),
  liars(),
  truncatedUploads(scaled(500)),
  malformedForms(scaled(2000)),
  fuzzedAudio(scaled(5000)),
  bombs(heavyBombs),
  hugeUploads(scaled(16), 200),
  slowHeaders(scaled(200), 60),
  slowBodies(scaled(200), 120),
  slowReaders(scaled(50), 240),
  idleSockets(scaled(10_000), 90),
];

interface Row extends BystanderReport {
  readonly name: string;
  readonly describe: string;
  readonly seconds: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly beforeMiB: number;
  readonly peakMiB: number;
  readonly findings: readonly string[];
}

async function attacked(service: ServiceProcess, attack: Attack): Promise<Row> {
  const beforeMiB = await service.memoryMiB();
  let peakMiB = beforeMiB;
  const watch = setInterval(async () => {
    peakMiB = Math.max(peakMiB, await service.memoryMiB());
  }, 100);
  const bystander = await Bystander.start(service.port);
  const begin = performance.now();
  const tally = await attack.run(service.port);
  const seconds = (performance.now() - begin) / 1000;
  // A short attack says little about anybody's latency: the time after it counts too.
  await sleep(Math.max(0, 5000 - 1000 * seconds));
  const report = await bystander.stop();
  clearInterval(watch);
  const unexpected = [...tally.counts].filter(([answer]) => !attack.expected.test(answer));
  const findings = [
    ...(service.alive ? [] : ['the service died']),
    ...unexpected.map(([answer, count]) => `${answer} x ${count}`),
    ...tally.problems.slice(0, 5),
    ...(tally.problems.length > 5 ? [`and ${tally.problems.length - 5} more`] : []),
    ...(report.failures > 0 ? [`${report.failures} requests of the bystander failed`] : []),
  ];
  const { name, describe } = attack;
  return {
    name,
    describe,
    seconds,
    answers: Object.fromEntries(tally.counts),
    beforeMiB,
    peakMiB,
    findings,
    ...report,
  };
}

const dir = await mkdtemp(join(tmpdir(), 'autobird-hostile-'));
const rows: Row[] = [];
try {
  const model = values.model ?? (await writeTinyModel(`${dir}/tiny.safetensors`));
  const overrides = [
    `service.models=[{name: default, checkpoint: '${model}'}]`,
    `service.log.path=${dir}/log.db`,
    'service.max_connections=12000',
  ];
  const chosen = attacks.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  let service = await ServiceProcess.start(dir, overrides);
  for (const attack of chosen) {
    console.error(`${attack.name}: ${attack.describe}`);
    rows.push(await attacked(service, attack));
    for (const finding of rows.at(-1)?.findings ?? []) console.error(`  ${finding}`);
    if (!service.alive) service = await ServiceProcess.start(dir, overrides);
  }
  await service.end('SIGTERM');
  const killed =
    times > 0 && (positionals.length === 0 || positionals.includes('kill'))
      ? await kills(dir, overrides, times)
      : undefined;
  printTable(
    ['attack', 's', 'answers', 'MiB before', 'peak', 'bystander', 'p50 ms', 'p99 ms', 'findings'],
    rows.map((row) => [
      row.name,
      row.seconds.toFixed(1),
      Object.entries(row.answers)
        .map(([answer, count]) => `${answer} x ${count}`)
        .join(', '),
      String(row.beforeMiB),
      String(row.peakMiB),
      String(row.requests),
      row.p50Ms.toFixed(0),
      row.p99Ms.toFixed(0),
      String(row.findings.length),
    ]),
  );
  const wrong = rows.flatMap(({ name, findings }) => findings.map((finding) => `${name}: ${finding}`));
  if (killed !== undefined) {
    const { answered, lost, doubled, different } = killed;
    console.log(
      `kill -9 ${killed.kills} times: ${answered} answered, ${killed.rows} rows, ${lost} lost, ${doubled} doubled, ${different} different`,
    );
    if (lost + doubled + different > 0 || answered === 0) wrong.push('the log and the answers differ');
  }
  for (const text of wrong) console.log(text);
  console.log(`${rows.length} attacks, ${wrong.length} findings`);
  await mkdir(`${import.meta.dirname}/../results`, { recursive: true });
  await writeFile(
    `${import.meta.dirname}/../results/hostile.json`,
    `${JSON.stringify({ machine: machine(), scale, rows, kills: killed ?? null }, null, 2)}\n`,
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await rm(dir, { recursive: true, force: true });
}
