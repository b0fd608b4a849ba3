import { stripVTControlCharacters } from 'node:util';

/**
 * What a finished test file amounts to: `{ passed, failed, skipped, problems, skips }`. `problems` are failures that no
 * test reported itself: a crash, a time limit, a file that ran nothing.
 */
export function judgeTestFile({ output, code, signal, timedOut }, limitS) {
  const text = stripVTControlCharacters(output);
  const sum = (label) =>
    [...text.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0);
  const total = sum('Total');
  const passed = sum('Passed');
  const skips = reasons(text);
  const skipped = sum('Skipped') + skips.length;
  const problems = [];
  const ended = /^ {2}Total: +\d+$/m.test(text);
  if (timedOut)
    problems.push(`stopped after its time limit of ${limitS} s (a line \`// time-limit: …\` gives it more)`);
  else if (signal) problems.push(`crashed with ${signal}${ended ? ' after its tests' : ''}`);
  else if (!ended) problems.push(`ended with exit code ${code} and without a summary: did it call test.run()?`);
  else if (total === 0 && skipped === 0) problems.push('ran no test');
  else if (code !== 0 && passed === total) problems.push(`ended with exit code ${code} although its tests passed`);
  // uvu counts nothing as failed when a `before` hook throws, but then fewer passed than there are.
  return { passed, failed: total - passed + problems.length, skipped, problems, skips };
}

/** The native test program prints `ok name`, `not ok name: why` or `skip name: why`, a line each. */
export function judgeNative({ output, code, signal, timedOut }, limitS) {
  const count = (pattern) => [...output.matchAll(pattern)].length;
  const passed = count(/^ok /gm);
  const reported = count(/^not ok /gm);
  const skips = [...output.matchAll(/^skip (.*)$/gm)].map((match) => match[1]);
  const problems = [];
  if (timedOut) problems.push(`stopped after its time limit of ${limitS} s`);
  else if (signal) problems.push(`crashed with ${signal}`);
  else if (passed + reported === 0) problems.push('ran no test');
  else if (code !== 0 && reported === 0) problems.push(`ended with exit code ${code} although its tests passed`);
  else if (code === 0 && reported > 0) problems.push('ended with exit code 0 although tests failed');
  return { passed, failed: reported + problems.length, skipped: skips.length, problems, skips };
}

/** A test that cannot run here prints `# skip: reason` on a line. */
function reasons(text) {
  return [...text.matchAll(/# skip: (.*)$/gm)].map((match) => match[1].trim());
}

/** The plain closing line: `12 passed, 0 failed, 1 skipped`. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
