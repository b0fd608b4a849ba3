/** What an attack costs the bystander, beside what the same attack costs it on another service. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './Attack.ts';
import { Bystander, type BystanderReport } from './Bystander.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import type { ServiceProcess } from './ServiceProcess.ts';

/** A short attack says little about anybody's latency: the time after it counts too. */
const leastMs = 5000;
/** The bystander's p99 may be so many times that beside the same attack on another service. */
const mostRatio = 2;

export interface AttackReport {
  readonly name: string;
  readonly describe: string;
  readonly seconds: number;
  readonly responses: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly bystander: BystanderReport;
  /** The bystander while the same attack goes against another service: what the machine alone costs it. */
  readonly elsewhere: BystanderReport;
  /** Of both p99. */
  readonly ratio: number;
  readonly memoryBeforeMiB: number;
  readonly memoryPeakMiB: number;
  /** What is wrong, for people. */
  readonly findings: readonly string[];
}

/** @param other a service like `service`, which the bystander does not use */
export async function measure(attack: Attack, service: ServiceProcess, other: ServiceProcess): Promise<AttackReport> {
  const elsewhere = (await attackBeside(attack, other, service)).bystander;
  const memoryBeforeMiB = service.memoryMiB();
  let memoryPeakMiB = memoryBeforeMiB;
  const watch = setInterval(() => {
    memoryPeakMiB = Math.max(memoryPeakMiB, service.memoryMiB());
  }, 100);
  const { responses, seconds, bystander } = await attackBeside(attack, service, service).finally(() =>
    clearInterval(watch),
  );
  const ratio = bystander.p99Ms / elsewhere.p99Ms;
  const { problems, notes, counts } = responses;
  const findings = [
    ...(service.alive ? [] : ['the service died']),
    ...[...counts].filter(([name]) => !attack.expected.test(name)).map(([name, count]) => `${name} x ${count}`),
    ...problems.slice(0, 5),
    ...(problems.length > 5 ? [`and ${problems.length - 5} more`] : []),
    ...(ratio > mostRatio ? [`the p99 of the bystander is ${ratio.toFixed(1)} times that beside a busy process`] : []),
    ...(bystander.failed > 0 ? [`${bystander.failed} requests of the bystander failed`] : []),
  ];
  const { name, describe } = attack;
  const measured = { seconds, bystander, elsewhere, ratio, memoryBeforeMiB, memoryPeakMiB };
  return { name, describe, responses: Object.fromEntries(counts), notes, findings, ...measured };
}

/** An attack that could not go on is a finding: the others are measured all the same. */
function failedResponses(error: Error): ResponseCounts {
  const responses = new ResponseCounts();
  const { message, cause } = error;
  responses.problems.push(`the attack failed: ${cause instanceof Error ? `${message}: ${cause.message}` : message}`);
  return responses;
}

/** Attacks `attacked` while a bystander uses `used`. */
async function attackBeside(
  attack: Attack,
  attacked: ServiceProcess,
  used: ServiceProcess,
): Promise<{ readonly responses: ResponseCounts; readonly seconds: number; readonly bystander: BystanderReport }> {
  await attack.prepare?.(attacked);
  const bystander = await Bystander.start(used.port);
  const begin = performance.now();
  const responses = await attack.run(attacked).catch(failedResponses);
  const tookMs = performance.now() - begin;
  await sleep(Math.max(0, leastMs - tookMs));
  return { responses, seconds: tookMs / 1000, bystander: await bystander.stop() };
}
