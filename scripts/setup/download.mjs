import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setupCommand } from './places.mjs';
import { duration, megabytes, SetupError } from './report.mjs';
import { firstLine, run } from './run.mjs';
import { pipHint } from './tools.mjs';

/** The Python that has pip, or null. */
export function findPip() {
  return ['python3', 'python'].find((python) => firstLine(python, ['-m', 'pip', '--version'])) ?? null;
}

/** Refuses early when the disk is too full; sizes are measured on Linux x86_64 and generous elsewhere. */
export function checkSpace(directory, bytes) {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < bytes) {
    throw new SetupError(
      `LibTorch needs ${megabytes(bytes)} in ${directory} while it is unpacked, but only ${megabytes(bavail * bsize)} are free. ` +
        'Make room, or set AUTOBIRD_CACHE to a folder on another disk.',
    );
  }
}

/**
 * Brings one wheel into `directory` by pip and checks its sha256. A wheel that is there already (from a set-up that was
 * interrupted later) is checked and used; what an interrupted pip left behind is removed. Returns the wheel's path.
 */
export async function fetchWheel(wheel, platform, directory, { offline, progress }) {
  mkdirSync(directory, { recursive: true });
  for (const leftover of readdirSync(directory).filter((name) => name.startsWith('part-'))) {
    rmSync(join(directory, leftover), { recursive: true, force: true });
  }
  const target = join(directory, `${wheel.name}-${wheel.version}-${platform.name}.whl`);
  if (existsSync(target)) {
    if ((await sha256(target)) === wheel.sha256) return target;
    rmSync(target);
  }
  if (offline) {
    throw new SetupError(
      `${wheel.name} ${wheel.version} is not in the cache ${directory}, and --offline forbids to fetch it. Run \`${setupCommand()}\` ` +
        'once with a network, copy the cache folder from another machine, or set LIBTORCH to a LibTorch folder.',
    );
  }
  const python = findPip();
  if (!python) throw new SetupError(`pip fetches LibTorch, and it was not found. ${pipHint()}`);
  const begun = performance.now();
  progress(`fetching ${wheel.name} ${wheel.version}`);
  const part = mkdtempSync(join(directory, 'part-'));
  try {
    const tags = platform.tags.flatMap((tag) => ['--platform', tag]);
    const args = [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--no-cache-dir',
      '--disable-pip-version-check',
    ];
    args.push('--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312', '--abi', 'none', ...tags);
    await run(python, [...args, '--progress-bar', 'off', '-d', part, `${wheel.name}==${wheel.version}`], {
      what: `pip download ${wheel.name}==${wheel.version}`,
    });
    const [file] = readdirSync(part).filter((name) => name.endsWith('.whl'));
    if (!file) throw new SetupError(`pip download ${wheel.name}==${wheel.version} ended well but brought no wheel`);
    const actual = await sha256(join(part, file));
    if (actual !== wheel.sha256) {
      throw new SetupError(
        `${file} has sha256 ${actual} but ${wheel.sha256} was expected. It was removed and nothing was installed. ` +
          'Check which package index or mirror pip is using (`python3 -m pip config list`), then run the set-up again.',
      );
    }
    renameSync(join(part, file), target);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  progress(`  ${megabytes(statSync(target).size)}, sha256 verified, ${duration(performance.now() - begun)}`);
  return target;
}

async function sha256(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
