/**
 * Where the commands begin, before and after the set-up: plain Node that is in the repository, so that npm and npx find it,
 * executable, whatever is or is not compiled.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root, setupCommand } from '../scripts/setup/places.mjs';

const compiled = new URL('../dist/src/cli/start.js', import.meta.url);
// They make the rest run, so they run without it.
const SCRIPTS = ['setup', 'doctor'];

export async function run(words) {
  const start = await findStart();
  if (start) return start(words);
  if (SCRIPTS.includes(words[0])) {
    process.argv = [...process.argv.slice(0, 2), ...words.slice(1)];
    return import(`../scripts/${words[0]}.mjs`);
  }
  process.stderr.write(`autobird: ${root} is not set up: run \`${setupCommand()}\` there first.\n`);
  process.exitCode = 1;
}

/** The compiled command line, or null where it was not compiled or its npm packages are gone. */
async function findStart() {
  if (!existsSync(fileURLToPath(compiled))) return null;
  try {
    return (await import(compiled.href)).start;
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}
