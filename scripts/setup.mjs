#!/usr/bin/env node
// `autobird setup`: fetches LibTorch and compiles the addon. Plain Node, no packages: it is what installs them.
import { parseArgs } from 'node:util';
import { SetupError, say, totalTime } from './setup/report.mjs';
import { STEPS, setUp } from './setup/steps.mjs';

const HELP = `Usage: autobird setup [--only STEP,…] [--cuda | --cpu] [--offline]

Makes autobird ready to run: npm packages (in a clone), LibTorch, the native addon, compiled TypeScript (in a clone).
What is done already is skipped, so it can be repeated and interrupted at any time.

  --only STEP,…  only these of ${STEPS.join(', ')}
  --cuda         LibTorch with CUDA (Linux; about 4.5 GB); --cpu goes back
  --offline      never use the network: everything must be in the caches

LibTorch 2.11 comes from, in this order: the folder LIBTORCH names; the user cache (AUTOBIRD_CACHE, else
$XDG_CACHE_HOME/autobird, else ~/.cache/autobird); an installed Python torch 2.11; the Python package index, by pip.
`;

try {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      cuda: { type: 'boolean', default: false },
      cpu: { type: 'boolean', default: false },
      offline: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  if (values.cuda && values.cpu) throw usage('--cuda and --cpu exclude each other');
  const only = values.only?.split(',') ?? STEPS;
  const unknown = only.find((name) => !STEPS.includes(name));
  if (unknown !== undefined) throw usage(`--only knows ${STEPS.join(', ')}, but received '${unknown}'`);
  await setUp({
    only,
    offline: values.offline,
    ...(values.cuda ? { variant: 'cuda' } : values.cpu ? { variant: 'cpu' } : {}),
  });
  say(`Ready in ${totalTime()}.`);
} catch (error) {
  if (error.code?.startsWith('ERR_PARSE_ARGS') || error.code === 'usage') {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
  process.stderr.write(`✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exit(1);
}

function usage(message) {
  return Object.assign(new Error(message), { code: 'usage' });
}
