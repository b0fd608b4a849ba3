// Keys and passwords have no place in the repository: every tracked file is looked at for what looks like one.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './setup/places.mjs';

/** What keys look like; the assignment of a long random text to a telling name is one too. */
const KINDS = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['a key of autobird', /\babk_[\w-]{43}\b/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a Google API key', /\bAIza[\w-]{35}\b/],
  ['a Google OAuth secret', /\bGOCSPX-[\w-]{28}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a PyPI token', /\bpypi-[\w-]{50,}/],
  ['a Hugging Face token', /\bhf_[A-Za-z]{34}\b/],
  ['a Slack token', /\bxox[abprs]-[\w-]{10,}/],
  ['a JSON Web Token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
  // Capitals stand for somebody's own: postgresql://USER:PASSWORD@HOST.
  ['a password in an address', /\b[a-z][a-z+]*:\/\/[^\s:/@$'"<>{}]+:(?![A-Z]+@)[^\s:/@$'"<>{}]{6,}@/],
  ['a secret with a name', /(?:api_?key|secret|token|passw(?:or)?d)["']?\s*[:=]\s*["']?([A-Za-z0-9+/_-]{24,})["']?/i],
];

/** Bits of information a character; random texts have 4 and more, words less. */
function entropy(text) {
  const counts = new Map();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}

/** A line for each place of `text` that looks like a key, without the key itself. */
export function findSecrets(path, text) {
  return text.split('\n').flatMap((line, index) =>
    KINDS.flatMap(([kind, pattern]) => {
      const match = pattern.exec(line);
      if (match === null) return [];
      const value = match[1];
      if (value !== undefined && (entropy(value) < 3.7 || !/\d/.test(value))) return [];
      return [`${path}:${index + 1} holds ${kind}: take it out, and make another one, for this one is known now`];
    }),
  );
}

/** `{ files, problems }` over all files that git tracks. */
export function checkSecrets() {
  const listed = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  const paths = (listed.stdout ?? '').split('\0').filter((path) => path !== '');
  const files = paths.filter((path) => (statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0) < 8 << 20);
  return {
    files: files.length,
    problems: files.flatMap((path) => findSecrets(path, readFileSync(join(root, path), 'utf8'))),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { files, problems } = checkSecrets();
  // A list that is empty passes happily: there have to be files.
  if (files < 100) problems.push(`only ${files} files were found: is this a git repository?`);
  for (const problem of problems) console.log(problem);
  console.log(`${files} files hold no secrets, but for ${problems.length}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
