import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { addonPath, audioAddonPath } from '../setup/addon.mjs';
import { findPip } from '../setup/download.mjs';
import { inspect } from '../setup/libtorch.mjs';
import { missingPackages } from '../setup/packages.mjs';
import { cacheDir, isClone, libtorchRecord, readJson, root, setupCommand } from '../setup/places.mjs';
import { megabytes } from '../setup/report.mjs';
import { firstLine } from '../setup/run.mjs';
import { FFMPEG_PACKAGES, findTools, installCommand } from '../setup/tools.mjs';
import { platformOf } from '../setup/wheels.mjs';

const require = createRequire(join(root, 'package.json'));

/**
 * Everything that autobird stands on, in the order in which it is needed: `{ name, state, value, remedy }`. `state` is
 * `ok`, `absent` (it works without) or `missing` (it does not); `remedy` is the command that mends it.
 */
export function examine() {
  const addon = tryAddon();
  return [node(), ...packages(), autobird(), ...tools(), libtorch(), ...addonFindings(addon), ...decoders(), cache()];
}

const ok = (name, value) => ({ name, state: 'ok', value, remedy: null });
const absent = (name, value, remedy) => ({ name, state: 'absent', value, remedy });
const missing = (name, value, remedy) => ({ name, state: 'missing', value, remedy });

function node() {
  const { node: wanted } = readJson(join(root, 'package.json')).engines;
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = /(\d+)\.(\d+)/.exec(wanted).slice(1).map(Number);
  const isNew = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  const value = `${process.version} on ${process.platform} ${process.arch}`;
  return isNew
    ? ok('Node', value)
    : missing('Node', `${value}, but ${wanted} is needed`, 'install it from https://nodejs.org/en/download');
}

// An installed package came with them.
function packages() {
  if (!isClone) return [];
  const names = missingPackages();
  if (names.length === 0) return [ok('npm packages', 'installed')];
  return [missing('npm packages', `not installed: ${names.length}, ${names[0]} first`, setupCommand())];
}

function autobird() {
  const value = `${readJson(join(root, 'package.json')).version} in ${root}`;
  const isCompiled = existsSync(join(root, 'dist/src/cli/start.js'));
  return isCompiled ? ok('autobird', value) : missing('autobird', `${value}, not compiled`, setupCommand());
}

// A machine with a finished addon needs none of them.
function tools() {
  const { compiler, cmake, ninja, ffmpeg } = findTools();
  const needed = existsSync(addonPath) ? absent : missing;
  const pip = findPip();
  const needsPip = inspectRecord() || process.env.LIBTORCH ? absent : missing;
  return [
    compiler
      ? ok('C++ compiler', compiler.version)
      : needed('C++ compiler', 'none for C++20', installCommand('build-essential')),
    cmake ? ok('CMake', cmake) : needed('CMake', 'none from 3.21 on', installCommand('cmake')),
    ninja ? ok('Ninja', ninja) : absent('Ninja', 'not found: the build is slower', installCommand('ninja-build')),
    pip
      ? ok('pip', firstLine(pip, ['-m', 'pip', '--version']))
      : needsPip('pip', 'not found: it fetches LibTorch', installCommand('python3-pip')),
    ffmpeg
      ? ok('FFmpeg libraries', ffmpeg)
      : absent(
          'FFmpeg libraries',
          'not found: decoding is slower',
          `${installCommand(...FFMPEG_PACKAGES)}; then ${setupCommand()}`,
        ),
  ];
}

function inspectRecord() {
  const record = readJson(libtorchRecord);
  return record?.path ? inspect(record.path) : null;
}

function libtorch() {
  const record = readJson(libtorchRecord);
  const there = inspectRecord();
  if (there) return ok('LibTorch', `${there.version} (${there.variant}, from ${record.source}) in ${there.path}`);
  if (record) return missing('LibTorch', `${record.version} is gone from ${record.path}`, setupCommand());
  if (!platformOf() && !process.env.LIBTORCH) {
    return missing(
      'LibTorch',
      'no wheel is known for this platform',
      'set LIBTORCH to a LibTorch 2.11 folder, then run the set-up',
    );
  }
  return missing('LibTorch', 'not set up', setupCommand());
}

// In a child process, as a binary that does not fit may crash.
function tryAddon() {
  if (!existsSync(addonPath)) return { error: 'not built' };
  const script = `const addon = require(process.argv[1]); addon.initialize((code, message) => new Error(message));
    process.stdout.write(JSON.stringify(addon.runtimeInfo()));`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawnSync(process.execPath, ['--eval', script, addonPath], { encoding: 'utf8', env, timeout: 60_000 });
  if (child.status === 0) return { info: JSON.parse(child.stdout.slice(child.stdout.indexOf('{'))) };
  const message = /^(?:\w*Error): (.*)$/m.exec(child.stderr)?.[1];
  return {
    error: child.signal ? `crashes with ${child.signal} (docs/troubleshooting.md)` : (message ?? child.stderr.trim()),
  };
}

function addonFindings({ info, error }) {
  if (!info) return [missing('addon', error, setupCommand()), cpu(null), gpu(null)];
  const value = `built with LibTorch ${info.torchBuilt}, runs with ${info.torchLoaded}`;
  return [ok('addon', value), cpu(info), gpu(info)];
}

function cpu(info) {
  const model = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`;
  if (!info) return ok('CPU', model);
  const bf16 = info.cpuBf16 ? 'bf16: yes' : 'bf16: no, f32 is used';
  return ok(
    'CPU',
    `${model}, ${info.cpuCapability}, ${bf16}${info.cpuFeatures.length > 0 ? ` (${info.cpuFeatures.join(' ')})` : ''}`,
  );
}

function gpu(info) {
  if (info?.cudaAvailable) {
    return ok('GPU', info.cudaDevices.map(({ name, totalBytes }) => `${name}, ${megabytes(totalBytes)}`).join('; '));
  }
  if (info?.cudaFailure) {
    return absent(
      'GPU',
      `CUDA cannot be loaded: ${info.cudaFailure}`,
      `${setupCommand('--cuda')}; docs/troubleshooting.md`,
    );
  }
  const driver = firstLine('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']);
  if (!driver) return absent('GPU', 'none found, the CPU is used', null);
  if (inspectRecord()?.variant === 'cuda') {
    return absent(
      'GPU',
      `${driver}, but CUDA does not start`,
      'update the NVIDIA driver (CUDA 13 needs 580 or newer); docs/troubleshooting.md',
    );
  }
  return absent('GPU', `${driver}, but this LibTorch is for CPUs`, setupCommand('--cuda'));
}

const WASM = ['mpg123-decoder', '@wasm-audio-decoders/flac', '@wasm-audio-decoders/ogg-vorbis', 'ogg-opus-decoder'];

function decoders() {
  const packages = WASM.filter((name) => existsSync(join(root, 'node_modules', name)) || canResolve(name));
  const cli = firstLine('ffmpeg', ['-version']);
  const audio = tryAudio();
  const rebuild = `${installCommand(...FFMPEG_PACKAGES)}; then ${setupCommand()}`;
  return [
    existsSync(addonPath)
      ? ok('decoder: WAV', 'native')
      : missing('decoder: WAV', 'comes with the addon', setupCommand()),
    audio.version
      ? ok('decoder: audio.node', `FFmpeg ${audio.version}`)
      : absent('decoder: audio.node', audio.error, rebuild),
    cli ? ok('decoder: ffmpeg', cli) : absent('decoder: ffmpeg', 'not on the PATH', installCommand('ffmpeg')),
    packages.length === WASM.length
      ? ok('decoder: WebAssembly', 'mp3, flac, ogg, opus')
      : missing('decoder: WebAssembly', `${WASM.length - packages.length} packages are not installed`, setupCommand()),
  ];
}

function tryAudio() {
  if (!existsSync(audioAddonPath)) return { error: 'not built' };
  const script = 'process.stdout.write(String(require(process.argv[1]).ffmpegVersion))';
  const child = spawnSync(process.execPath, ['--eval', script, audioAddonPath], { encoding: 'utf8', timeout: 60_000 });
  if (child.status === 0) return { version: child.stdout };
  return { error: `does not load: ${/Error: (.*)/.exec(child.stderr)?.[1] ?? child.signal ?? child.status}` };
}

function canResolve(name) {
  try {
    return Boolean(require.resolve(name));
  } catch {
    return false;
  }
}

function cache() {
  const folder = cacheDir();
  const existing = existsSync(folder) ? folder : nearestParent(folder);
  try {
    // Tried: for root everything counts as writable, `/proc` too.
    rmdirSync(mkdtempSync(join(existing, '.autobird-')));
  } catch {
    return absent('cache', `${folder} is not writable`, 'set AUTOBIRD_CACHE to a folder of yours');
  }
  return ok('cache', existsSync(folder) ? `${folder}, ${megabytes(sizeOf(folder))}` : `${folder}, empty`);
}

function nearestParent(folder) {
  let parent = folder;
  while (!existsSync(parent)) parent = dirname(parent);
  return parent;
}

function sizeOf(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
