import { spawnSync } from 'node:child_process';
import { SetupError } from './report.mjs';
import { firstLine } from './run.mjs';

const FFMPEG_LIBRARIES = ['libavformat', 'libavcodec', 'libavutil', 'libswresample'];

/** Debian's packages of FFmpeg's libraries and what finds them. */
export const FFMPEG_PACKAGES = ['pkg-config', ...FFMPEG_LIBRARIES.map((name) => `${name}-dev`)];

// Homebrew's names where they are others; compilers come with Xcode.
const BREW = {
  'ninja-build': 'ninja',
  'python3-pip': 'python',
  ...Object.fromEntries(FFMPEG_PACKAGES.slice(1).map((name) => [name, 'ffmpeg'])),
};

/** The command that installs Debian packages, or what stands for them on macOS, as it is typed by this user. */
export function installCommand(...packages) {
  if (process.platform !== 'darwin') {
    return `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install -y ${packages.join(' ')}`;
  }
  const formulas = new Set(packages.filter((name) => name !== 'build-essential').map((name) => BREW[name] ?? name));
  const xcode = packages.includes('build-essential') ? ['xcode-select --install'] : [];
  return [...xcode, ...(formulas.size > 0 ? [`brew install ${[...formulas].join(' ')}`] : [])].join('; ');
}

const NEEDED = ['build-essential', 'cmake', 'python3-pip'];
const installHint = () => `  ${installCommand(...NEEDED, 'ninja-build', ...FFMPEG_PACKAGES)}
(${NEEDED.join(', ')} are needed; ninja-build makes the build faster; pkg-config and the FFmpeg libraries make decoding faster and bring m4a)`;

export const pipHint = () =>
  `Install it (${installCommand('python3-pip')}), or set LIBTORCH to a LibTorch 2.11 folder.`;

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
    `The addon is compiled on your machine, and this is missing: ${missing.join('; ')}. Install with:\n${installHint()}`,
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
