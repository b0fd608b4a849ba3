#!/usr/bin/env node
// `autobird doctor`: what is installed, what is missing, and the command that mends it. Plain Node, leaves nothing behind.
import { parseArgs } from 'node:util';
import { examine } from './doctor/examine.mjs';

const HELP = `Usage: autobird doctor [--json]

Prints versions, CPU and GPU, decoders and the cache, and for each thing missing the command that mends it.
Exit code 1 when something is missing that autobird needs.
`;

let options;
try {
  options = parseArgs({
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  }).values;
} catch (error) {
  process.stderr.write(`${error.message}\n\n${HELP}`);
  process.exit(2);
}
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const findings = examine();
const missing = findings.filter(({ state }) => state === 'missing');
if (options.json) {
  process.stdout.write(`${JSON.stringify({ ok: missing.length === 0, findings }, null, 2)}\n`);
} else {
  const marks = { ok: '✓', absent: '-', missing: '✗' };
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { state, name, value, remedy } of findings) {
    console.log(`${marks[state]} ${name.padEnd(width)}  ${value}`);
    if (remedy) console.log(`  ${''.padEnd(width)}  → ${remedy}`);
  }
  const [remedy, ...others] = new Set(missing.map((finding) => finding.remedy));
  const names = missing.map(({ name }) => name).join(', ');
  const mend = others.length === 0 ? ` Run \`${remedy}\`.` : '';
  console.log(missing.length === 0 ? '\nReady.' : `\n${missing.length} missing: ${names}.${mend}`);
}
process.exitCode = missing.length > 0 ? 1 : 0;
