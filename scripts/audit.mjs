#!/usr/bin/env node
// `npm run audit`: no secret in the repository, no package that is not the one that was chosen, none with a known hole.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkSecrets } from './check-secrets.mjs';
import { readJson, root } from './setup/places.mjs';
import { say } from './setup/report.mjs';
import { closingLine } from './test/judge.mjs';

/** A line for each package of a lock file that could be another one tomorrow, or comes from elsewhere. */
export function lockProblems({ packages = {} }) {
  return Object.entries(packages).flatMap(([path, { version, integrity, resolved, link }]) => {
    if (path === '' || link) return [];
    if (!/^sha512-/.test(integrity ?? '')) return [`${path} ${version} has no sha512 in package-lock.json`];
    // Written without addresses: the registry that npm is set to, held against the hash.
    if (resolved !== undefined) return [`${path} comes from ${resolved}`];
    return [];
  });
}

/** `{ problems }` of what `npm audit --json` printed, or `{ unknown }`: why it could not be found out. */
export function auditProblems(printed) {
  let report;
  try {
    report = JSON.parse(printed);
  } catch {
    return { unknown: 'npm audit gave no answer' };
  }
  if (report.vulnerabilities === undefined) {
    return { unknown: `the registry does not say (${report.message ?? report.error?.summary ?? 'no reason given'})` };
  }
  const grave = Object.values(report.vulnerabilities).filter(({ severity }) => /^(high|critical)$/.test(severity));
  return {
    problems: grave.map(({ name, severity, range }) => `${name} ${range}: a ${severity} vulnerability is known`),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const judge = (name, problems) => {
    totals[problems.length > 0 ? 'failed' : 'passed'] += 1;
    say(`${problems.length > 0 ? '✗' : '✓'} ${name}`);
    for (const problem of problems) say(`    | ${problem}`);
  };
  const { files, problems } = checkSecrets();
  judge(`no secrets in ${files} files`, files < 100 ? [`only ${files} files were found`] : problems);
  const lock = readJson(join(root, 'package-lock.json'));
  const count = Object.keys(lock?.packages ?? {}).length;
  judge(`${count} packages are pinned by hash`, count < 100 ? ['package-lock.json is missing'] : lockProblems(lock));
  const args = ['audit', '--json', '--omit=dev', '--package-lock-only', '--fetch-retries=0', '--fetch-timeout=20000'];
  const { stdout } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, timeout: 60_000 });
  const found = auditProblems(stdout ?? '');
  if (found.unknown === undefined) judge('no high or critical vulnerability is known of a package', found.problems);
  else {
    totals.skipped += 1;
    say(`- known vulnerabilities: skipped: ${found.unknown}`);
  }
  say(closingLine(totals));
  process.exitCode = totals.failed > 0 ? 1 : 0;
}
