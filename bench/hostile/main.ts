/** `npm run hostile`: clients that nobody wants, against a service in a process of its own, with one beside them that behaves. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeTinyModel } from '../../test/helpers/tinyModel.ts';
import { machine, printTable } from '../machine.ts';
import type { Attack } from './Attack.ts';
import { Bystander, type BystanderReport } from './Bystander.ts';
import { bigDelete } from './bigDelete.ts';
import { headerFloods, pathTraversal, pipelining, smuggling } from './framing.ts';
import { fuzzedAudio, malformedForms } from './fuzz.ts';
import { kills } from './kills.ts';
import { ServiceProcess } from './ServiceProcess.ts';
import { idleSockets, slowBodies, slowHeaders, slowReaders } from './slowClients.ts';
import { heldAnnouncements, rebinding, slowDrips, unreadableFolder } from './unfair.ts';
import { bombs, heavyBombs, hugeUploads, liars, truncatedUploads } from './uploads.ts';
import { Tally } from './wire.ts';

const usage = `Usage: npm run hostile -- [NAME…] [--scale 1] [--kills 50] [--model CHECKPOINT]

Runs the attacks whose name contains a NAME (also: kill, delete), all without one; --scale makes them smaller or larger. Needs ffmpeg on the PATH and
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
  heldAnnouncements(scaled(200), 20),
  slowDrips(scaled(16), 20),
  rebinding(),
  unreadableFolder(),
];

/** A short attack says little about anybody's latency. */
const leastMs = 5000;
/** A bystander may wait so much longer than beside an equally busy process that does not touch the service. */
const mostFold = 2;

interface Row extends BystanderReport {
  readonly name: string;
  readonly describe: string;
  readonly seconds: number;
  readonly answers: Readonly<Record<string, number>>;
  /** Of the bystander while the same attack goes against another process, which does not touch the service. */
  readonly besideP99Ms: number;
  readonly beforeMiB: number;
  readonly peakMiB: number;
  readonly findings: readonly string[];
}

/** What the machine alone costs the bystander: the same attack, against a service that is not the bystander's. */
async function beside(service: ServiceProcess, other: ServiceProcess, attack: Attack): Promise<number> {
  const bystander = await Bystander.start(service.port);
  const begin = performance.now();
  await attack.run(other.port, other.dir);
  await sleep(Math.max(0, leastMs - (performance.now() - begin)));
  return (await bystander.stop()).p99Ms;
}

async function attacked(service: ServiceProcess, attack: Attack, besideP99Ms: number): Promise<Row> {
  const beforeMiB = await service.memoryMiB();
  let peakMiB = beforeMiB;
  const watch = setInterval(async () => {
    peakMiB = Math.max(peakMiB, await service.memoryMiB());
  }, 100);
  const bystander = await Bystander.start(service.port);
  const begin = performance.now();
  const tally = await attack.run(service.port, service.dir);
  const seconds = (performance.now() - begin) / 1000;
  // A short attack says little about anybody's latency: the time after it counts too.
  await sleep(Math.max(0, leastMs - 1000 * seconds));
  const report = await bystander.stop();
  clearInterval(watch);
  const unexpected = [...tally.counts].filter(([answer]) => !attack.expected.test(answer));
  const findings = [
    ...(service.alive ? [] : ['the service died']),
    ...unexpected.map(([answer, count]) => `${answer} x ${count}`),
    ...tally.problems.slice(0, 5),
    ...(tally.problems.length > 5 ? [`and ${tally.problems.length - 5} more`] : []),
    ...(report.p99Ms > mostFold * besideP99Ms
      ? [`p99 of the bystander is ${report.p99Ms.toFixed(0)} ms, ${besideP99Ms.toFixed(0)} beside a busy process`]
      : []),
    ...(report.failures > 0 ? [`${report.failures} requests of the bystander failed`] : []),
  ];
  const { name, describe } = attack;
  return {
    name,
    describe,
    seconds,
    besideP99Ms,
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
  const settingsIn = (folder: string) => [
    `service.models_dir=${folder}/models`,
    `service.log.path=${folder}/log.db`,
    'service.max_connections=12000',
    'service.reload_s=0.5',
  ];
  const startIn = async (folder: string) => {
    await mkdir(`${folder}/models`, { recursive: true });
    await copyFile(model, `${folder}/models/default.safetensors`);
    return await ServiceProcess.start(folder, settingsIn(folder));
  };
  const chosen = attacks.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  let service = await startIn(dir);
  let other = await startIn(`${dir}/other`);
  for (const attack of chosen) {
    console.error(`${attack.name}: ${attack.describe}`);
    const besideP99Ms = await beside(service, other, attack);
    if (!other.alive) other = await startIn(`${dir}/other`);
    rows.push(await attacked(service, attack, besideP99Ms));
    for (const finding of rows.at(-1)?.findings ?? []) console.error(`  ${finding}`);
    if (!service.alive) service = await startIn(dir);
  }
  await service.end('SIGTERM');
  await other.end('SIGTERM');
  const killed =
    times > 0 && (positionals.length === 0 || positionals.includes('kill'))
      ? await kills(dir, settingsIn(dir), times)
      : undefined;
  const big =
    positionals.length === 0 || positionals.includes('delete')
      ? await bigDelete(startIn, dir, scaled(1_000_000))
      : undefined;
  printTable(
    ['attack', 's', 'answers', 'MiB before', 'peak', 'bystander', 'p50 ms', 'p99 ms', 'p99 beside', 'findings'],
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
      row.besideP99Ms.toFixed(0),
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
  if (big !== undefined) {
    console.log(
      `a log of ${big.rows} rows: up to date in ${big.upgradeS.toFixed(1)} s, started in ${big.startS.toFixed(1)} s; ${big.deleted} rows deleted in ${big.deleteS.toFixed(0)} s, a page in ${big.pageMs.toFixed(0)} ms (median)`,
    );
    printTable(
      ['beside', 'bystander', 'p50 ms', 'p99 ms', 'longest ms', 'failures'],
      Object.entries(big.bystanders).map(([what, { requests, p50Ms, p99Ms, maxMs, failures }]) => [
        what,
        String(requests),
        ...[p50Ms, p99Ms, maxMs, failures].map((value) => value.toFixed(0)),
      ]),
    );
    for (const [what, { failures }] of Object.entries(big.bystanders)) {
      if (failures > 0) wrong.push(`${what}: ${failures} requests of the bystander failed`);
    }
    const { listing, listingElsewhere, deletion, deletionElsewhere } = big.bystanders;
    if (listing.p99Ms > mostFold * listingElsewhere.p99Ms) wrong.push('listings hold the bystander up');
    if (deletion.p99Ms > mostFold * deletionElsewhere.p99Ms) wrong.push('a deletion holds the bystander up');
  }
  for (const text of wrong) console.log(text);
  console.log(`${rows.length} attacks, ${wrong.length} findings`);
  await mkdir(`${import.meta.dirname}/../results`, { recursive: true });
  await writeFile(
    `${import.meta.dirname}/../results/hostile.json`,
    `${JSON.stringify({ machine: machine(), scale, rows, kills: killed ?? null, big: big ?? null }, null, 2)}\n`,
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  await rm(dir, { recursive: true, force: true });
}
