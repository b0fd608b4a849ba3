import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkSpace, fetchWheel, findPip } from './download.mjs';
import { withLock } from './lock.mjs';
import { cacheDir, libtorchRecord, makeFolderSync, readJson } from './places.mjs';
import { megabytes, SetupError } from './report.mjs';
import { run } from './run.mjs';
import { isWanted, platformOf, TORCH_MINOR, TORCH_VERSION, wheelsOf } from './wheels.mjs';

// Measured on Linux x86_64: wheels + unpacked files, with a tenth to spare.
const SPACE = { cpu: 1.3e9, cuda: 7.5e9 };

const EXTENSION = process.platform === 'darwin' ? 'dylib' : 'so';

/** What a folder holds: `{ path, version, variant }`, or null when it is no LibTorch. */
export function inspect(path) {
  if (!existsSync(join(path, 'lib', `libtorch_cpu.${EXTENSION}`))) return null;
  const version = readVersion(path);
  if (!version) return null;
  const variant = existsSync(join(path, 'lib', `libtorch_cuda.${EXTENSION}`)) ? 'cuda' : 'cpu';
  return { path, version, variant };
}

function readVersion(path) {
  const file = join(path, 'include/torch/headeronly/version.h');
  if (!existsSync(file)) return readPythonVersion(path);
  const text = readFileSync(file, 'utf8');
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`#define TORCH_VERSION_${part} (\\d+)`).exec(text)?.[1],
  );
  return parts.every(Boolean) ? parts.join('.') : null;
}

/** Before 2.8 the header was elsewhere; version.py or build-version say enough for a message that refuses. */
function readPythonVersion(path) {
  for (const name of ['version.py', 'build-version']) {
    const file = join(path, name);
    const version = existsSync(file) && /\b(\d+\.\d+\.\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
    if (version) return version;
  }
  return null;
}

/**
 * Finds LibTorch, or fetches it, and records the choice for the build and the loader. Sources in order: LIBTORCH, the
 * one this clone uses already, the user cache, an installed Python torch of the same minor version, the package index.
 * `variant`: `cpu`, `cuda`, or undefined for "cpu, unless this clone has CUDA already".
 */
export async function provideLibtorch({ variant, offline, progress }) {
  const found = fromEnvironment(variant) ?? fromRecord(variant) ?? fromCache(variant) ?? fromPython(variant, progress);
  const libtorch = found ?? (await fromIndex(variant ?? 'cpu', offline, progress));
  mkdirSync(dirname(libtorchRecord), { recursive: true });
  const text = `${JSON.stringify(libtorch, null, 2)}\n`;
  if (!existsSync(libtorchRecord) || readFileSync(libtorchRecord, 'utf8') !== text) {
    const aside = `${libtorchRecord}.${process.pid}`;
    writeFileSync(aside, text);
    renameSync(aside, libtorchRecord);
  }
  return libtorch;
}

const isMinor = (version) => version.startsWith(`${TORCH_MINOR}.`);

const serves = (libtorch, variant) =>
  libtorch && isMinor(libtorch.version) && (variant !== 'cuda' || libtorch.variant === 'cuda');

function fromEnvironment(variant) {
  const path = process.env.LIBTORCH;
  if (!path) return null;
  const libtorch = inspect(resolve(path));
  if (!libtorch) {
    throw new SetupError(
      `LIBTORCH=${path} is no LibTorch folder: expected lib/libtorch_cpu.${EXTENSION} and include/torch/ in it. Correct it or unset it.`,
    );
  }
  if (!isMinor(libtorch.version)) {
    throw new SetupError(
      `LIBTORCH=${path} holds LibTorch ${libtorch.version}, but autobird is written for ${TORCH_MINOR}: minor versions are not binary ` +
        'compatible. Point it at a 2.11 folder, or unset it and the right one is fetched.',
    );
  }
  if (variant === 'cuda' && libtorch.variant !== 'cuda') {
    throw new SetupError(
      `LIBTORCH=${path} is a CPU build, but --cuda was asked for. Unset LIBTORCH, or point it at a CUDA build.`,
    );
  }
  return { ...libtorch, source: 'LIBTORCH' };
}

function fromRecord(variant) {
  const record = readJson(libtorchRecord);
  const libtorch = record?.path && inspect(record.path);
  if (!serves(libtorch, variant) || (variant === 'cpu' && libtorch.variant !== 'cpu')) return null;
  return { ...libtorch, source: record.source };
}

function cachePath(variant, platform) {
  return join(cacheDir(), `libtorch-${TORCH_VERSION}-${variant}-${platform.name}`);
}

function fromCache(variant) {
  const platform = platformOf();
  if (!platform) return null;
  for (const candidate of variant ? [variant] : ['cpu', 'cuda']) {
    const libtorch = inspect(join(cachePath(candidate, platform), 'torch'));
    if (serves(libtorch, variant)) return { ...libtorch, source: 'cache' };
  }
  return null;
}

// Asks Python where it keeps packages; torch itself is not imported, which would take seconds.
const SITE_PACKAGES = `
import site, sys, sysconfig
print("\\n".join([sysconfig.get_path("platlib"), *getattr(site, "getsitepackages", list)(), site.getusersitepackages()]))`;

function fromPython(variant, progress) {
  const result = spawnSync('python3', ['-c', SITE_PACKAGES], { encoding: 'utf8' });
  if (result.error || result.status !== 0) return null;
  for (const folder of new Set(result.stdout.trim().split('\n'))) {
    const path = join(folder, 'torch');
    const libtorch = existsSync(path) ? inspect(realpathSync(path)) : null;
    if (!serves(libtorch, variant)) continue;
    // An installed torch may lack the NVIDIA wheels beside it; what cannot be opened is no use to us.
    const open = 'import ctypes, sys; ctypes.CDLL(sys.argv[1])';
    const opened = spawnSync('python3', ['-c', open, join(libtorch.path, 'lib', `libtorch_cpu.${EXTENSION}`)], {
      encoding: 'utf8',
    });
    if (opened.status === 0) return { ...libtorch, source: 'python' };
    progress(`passing over ${path}: ${opened.stderr.trim().split('\n').at(-1)}`);
  }
  return null;
}

async function fromIndex(variant, offline, progress) {
  const platform = platformOf();
  if (!platform) {
    throw new SetupError(
      `No LibTorch wheel is known for ${process.platform}-${process.arch}${process.platform === 'linux' ? ' with this C library' : ''} ` +
        '(known: Linux x86_64 and aarch64 with glibc 2.28 or newer, macOS arm64). Build or unpack LibTorch 2.11 yourself and set ' +
        'LIBTORCH to the folder that holds its lib and include.',
    );
  }
  if (variant === 'cuda' && !platform.cuda)
    throw new SetupError('There is no CUDA on macOS: run the set-up without --cuda.');
  const cache = cacheDir();
  try {
    makeFolderSync(cache);
  } catch (error) {
    throw new SetupError(
      `The cache ${cache} cannot be made (${error.message}): set AUTOBIRD_CACHE to a folder of yours.`,
    );
  }
  return withLock(join(cache, 'setup.lock'), progress, async () => {
    const already = fromCache(variant);
    if (already) return already;
    const target = cachePath(variant, platform);
    removeLeftovers(cache);
    if (!offline) checkSpace(cache, SPACE[variant]);
    const downloads = join(cache, 'downloads');
    const unpacking = `${target}.unpacking-${process.pid}`;
    mkdirSync(unpacking);
    const wheels = [];
    for (const wheel of wheelsOf(platform, variant))
      wheels.push(await fetchWheel(wheel, platform, downloads, { offline, progress }));
    for (const wheel of wheels) await unpack(wheel, unpacking, variant, progress);
    const libtorch = inspect(join(unpacking, 'torch'));
    if (!libtorch)
      throw new SetupError(`The wheels were unpacked into ${unpacking}, but no LibTorch is there. Please report this.`);
    rmSync(target, { recursive: true, force: true });
    renameSync(unpacking, target);
    rmSync(downloads, { recursive: true, force: true });
    return { ...libtorch, path: join(target, 'torch'), source: 'index' };
  });
}

/** Half-unpacked folders of set-ups that were killed. Called under the lock, so none of them is in use. */
function removeLeftovers(cache) {
  for (const name of readdirSync(cache).filter((entry) => entry.includes('.unpacking-'))) {
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

// pip implies Python, and Python reads zip files: no reader of our own, no npm package before npm packages are there.
const UNZIP = `
import json, sys, zipfile
wheel, target, names = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
with zipfile.ZipFile(wheel) as z:
    for name in names: z.extract(name, target)`;
const LIST =
  'import json, sys, zipfile; print(json.dumps([[i.filename, i.file_size] for i in zipfile.ZipFile(sys.argv[1]).infolist()]))';

async function unpack(wheel, target, variant, progress) {
  const python = findPip() ?? 'python3';
  const listing = spawnSync(python, ['-c', LIST, wheel], { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (listing.status !== 0) throw new SetupError(`${wheel} cannot be read: ${listing.stderr?.trim()}`);
  const members = JSON.parse(listing.stdout).filter(([name]) => isWanted(name, variant) && !name.endsWith('/'));
  const total = members.reduce((sum, [, size]) => sum + size, 0);
  progress(`unpacking ${members.length} files, ${megabytes(total)}`);
  const names = `${target}/names.json`;
  writeFileSync(names, JSON.stringify(members.map(([name]) => name)));
  await run(python, ['-c', UNZIP, wheel, target, names], { what: `unpacking ${wheel}` });
  rmSync(names);
}
