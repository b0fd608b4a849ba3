/** `npm run hostile`: hostile clients against a service in a process of its own, beside one that behaves. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeTinyModel } from '../../test/helpers/tinyModel.ts';
import { machine, printTable } from '../machine.ts';
import type { Attack } from './Attack.ts';
import { attacksOf } from './attacks.ts';
import { kills } from './kills.ts';
import { type AttackReport, measure } from './measure.ts';
import { ServiceProcess } from './ServiceProcess.ts';

const usage = `Usage: npm run hostile -- [NAME…] [--scale 1] [--kills 50] [--model CHECKPOINT]

Runs the attacks whose name contains a NAME (kill -9 is one), all without one; --scale makes them smaller or larger.
Needs ffmpeg on the PATH and 12,000 file descriptors. Prints a table and writes bench/results/hostile.json; exits with 1
where something was found.`;

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
const killTimes = Number(values.kills);
const isChosen = (name: string) => positionals.length === 0 || positionals.some((part) => name.includes(part));
const killName = 'kill -9';
const dir = join(tmpdir(), `autobird-hostile-${process.pid}`);
const attacks = attacksOf(scale, `${dir}/large/log.db`).filter(({ name }) => isChosen(name));
if (!(scale > 0) || !(killTimes >= 0) || (attacks.length === 0 && !isChosen(killName))) {
  console.error(usage);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  await attackAll();
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
// Services that an error has left behind end with this process.
process.exit();

type Two = readonly [service: ServiceProcess, other: ServiceProcess];

async function attackAll(): Promise<void> {
  const before = machine();
  await mkdir(dir);
  const model = values.model ?? (await writeTinyModel(`${dir}/tiny.safetensors`));
  const folderOf = (name: string) => `${dir}/${name.replaceAll(/[^a-z0-9]+/g, '-')}`;
  const start = async (name: string, { settings, furnish }: NonNullable<Attack['own']> = {}) => {
    const folder = folderOf(name);
    await mkdir(`${folder}/models`, { recursive: true });
    await copyFile(model, `${folder}/models/default.safetensors`);
    await furnish?.(folder);
    return await ServiceProcess.start(folder, settings);
  };
  const startTwo = async (name: string, own?: Attack['own']): Promise<Two> => [
    await start(name, own),
    await start(`${name} elsewhere`, own),
  ];
  const endBoth = (services: Two) => Promise.all(services.map((service) => service.end('SIGTERM')));

  const reports: AttackReport[] = [];
  let shared: Two | null = null;
  for (const one of attacks) {
    console.error(`${one.name}: ${one.describe}`);
    const services: Two = one.own ? await startTwo(one.name, one.own) : (shared ?? (await startTwo('shared')));
    const report = await measure(one, ...services);
    reports.push(report);
    const counts = Object.entries(report.responses).map(([response, count]) => `${response} x ${count}`);
    console.error(`  ${[...counts, ...report.notes, `${report.seconds.toFixed(1)} s`].join(', ')}`);
    for (const finding of report.findings) console.error(`  FOUND: ${finding}`);
    const goOn = !one.own && services.every(({ alive }) => alive);
    if (!goOn) await endBoth(services);
    if (!one.own) shared = goOn ? services : null;
  }
  if (shared !== null) await endBoth(shared);
  const findings = reports.flatMap(({ name, findings }) => findings.map((text) => `${name}: ${text}`));

  console.log(`${before.cpu}, ${before.cores} cores, load ${before.load1min} before, scale ${scale}`);
  printTable(
    ['attack', 'served', 'failed', 'p50 ms', 'p99 ms', 'p99 ms beside a busy process', 'ratio', 'memory MiB', 'found'],
    reports.map(({ name, bystander, elsewhere, ratio, memoryBeforeMiB, memoryPeakMiB, findings }) => [
      name,
      String(bystander.served),
      String(bystander.failed),
      ...[bystander.p50Ms, bystander.p99Ms, elsewhere.p99Ms].map((ms) => ms.toFixed(0)),
      ratio.toFixed(2),
      `${memoryBeforeMiB} to ${memoryPeakMiB}`,
      String(findings.length),
    ]),
  );
  let killed: Awaited<ReturnType<typeof kills>> | null = null;
  if (killTimes > 0 && isChosen(killName)) {
    await (await start(killName)).end('SIGTERM');
    killed = await kills(folderOf(killName), killTimes);
    const { predicted, rows, lost, doubled, different } = killed;
    console.log(
      `${killName}, ${killTimes} times: ${predicted} predictions were sent, ${rows} rows, ${lost} lost, ${doubled} doubled, ${different} different`,
    );
    if (lost + doubled + different > 0 || predicted === 0) findings.push(`${killName}: log and responses differ`);
  }
  console.log(findings.length > 0 ? `Found:\n${findings.join('\n')}` : 'Nothing was found.');
  const results = `${import.meta.dirname}/../results`;
  await mkdir(results, { recursive: true });
  const written = { machine: before, scale, reports, kills: killed };
  await writeFile(`${results}/hostile.json`, `${JSON.stringify(written, null, 2)}\n`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
