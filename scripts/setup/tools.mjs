import { spawnSync } from 'node:child_process';
import { SetupError } from './report.mjs';
import { firstLine } from './run.mjs';

const APT =
  'apt-get install -y build-essential cmake ninja-build python3-pip pkg-config libavformat-dev libavcodec-dev libavutil-dev libswresample-dev';
const BREW = 'xcode-select --install; brew install cmake ninja ffmpeg pkg-config python';

export const installHint =
  process.platform === 'darwin'
    ? `  ${BREW}`
    : `  ${APT}\n(build-essential, cmake and python3-pip are needed; ninja-build makes the build faster; pkg-config and the FFmpeg libraries make decoding faster and bring m4a)`;

export const pipHint = `Install it (${process.platform === 'darwin' ? 'brew install python' : 'apt-get install -y python3-pip'}), or set LIBTORCH to a LibTorch 2.11 folder.`;

const FFMPEG_LIBRARIES = ['libavformat', 'libavcodec', 'libavutil', 'libswresample'];

/** What the addon is built with; null for what is missing. */
export function findTools() {
  return { compiler: findCompiler(), cmake: findCmake(), ninja: firstLine('ninja'), ffmpeg: findFfmpegLibraries() };
}

/** Throws one error that names all that is missing. */
export function requireTools(tools) {
  const missing = [];
  if (!tools.compiler) missing.push('a C++20 compiler (g++ 10 or newer, clang 12 or newer; CXX names another)');
  if (!tools.cmake) missing.push('CMake 3.21 or newer');
  if (missing.length === 0) return;
  throw new SetupError(
    `The addon is compiled on your machine, and this is missing: ${missing.join('; ')}. Install with:\n${installHint}`,
  );
}

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  for (const command of candidates) {
    const version = firstLine(command);
    if (!version) continue;
    const trial = spawnSync(command, ['-std=c++20', '-x', 'c++', '-fsyntax-only', '-'], {
      input: '#include <span>\nint main() { return 0; }\n',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    if (trial.status === 0) return { command, version };
  }
  return null;
}

function findCmake() {
  const version = /(\d+)\.(\d+)(\.\d+)?/.exec(firstLine('cmake') ?? '');
  if (!version) return null;
  const [text, major, minor] = version;
  return Number(major) > 3 || Number(minor) >= 21 ? text : null;
}

/** `libavformat 59.27.100, …` when pkg-config knows all four. */
function findFfmpegLibraries() {
  const result = spawnSync('pkg-config', ['--modversion', ...FFMPEG_LIBRARIES], { encoding: 'utf8' });
  if (result.error || result.status !== 0) return null;
  const versions = result.stdout.trim().split('\n');
  return FFMPEG_LIBRARIES.map((name, i) => `${name} ${versions[i]}`).join(', ');
}
