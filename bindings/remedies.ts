import type { ProbeFailure } from './probe.ts';

/** What is known when a binary does not load. */
export interface LoadFacts {
  /** `autobird.node` or `audio.node` with its folder. */
  readonly binary: string;
  /** Where LibTorch was at set-up; null when there was no set-up. */
  readonly libtorch: string | null;
  /** The command that sets autobird up here. */
  readonly setup: string;
}

type Remedy = (match: RegExpExecArray, facts: LoadFacts) => string;

/** Reasons as loaders word them (glibc and dyld), the most telling first, each with what helps on this machine. */
const REMEDIES: readonly (readonly [RegExp, Remedy])[] = [
  [
    /was built with LibTorch|LibTorch [\d.]+ (was|is)/,
    (_, { setup }) => `Compile the addon for the LibTorch that is there now: \`${setup}\`.`,
  ],
  [
    /(lib(?:torch|c10)\w*\.(?:so|dylib))[^:]*: cannot open|Library not loaded: \S*(lib(?:torch|c10)\w*)/,
    (_, { libtorch, setup }) =>
      `LibTorch is no longer at ${libtorch ?? 'the place it was linked from'}. \`${setup}\` finds or fetches it again and relinks.`,
  ],
  [
    /(lib(?:cu|nv|nccl)[\w.]*\.so[\w.]*): cannot open/,
    ([, library], { libtorch, setup }) =>
      `NVIDIA's ${library} is missing beside ${libtorch ?? 'LibTorch'} (LibTorch links to it even without a GPU). ` +
      `Run \`${setup}\` with LIBTORCH unset: it fetches a LibTorch that has what it needs.`,
  ],
  [
    /(lib(?:av|sw)\w+\.so[\w.]*): cannot open/,
    ([, library], { setup }) =>
      `${library} of FFmpeg is gone or was upgraded. Install FFmpeg's libraries and compile again: \`${setup}\`.`,
  ],
  [
    /version .(GLIBC_[\d.]+). not found/,
    ([, version], { setup }) =>
      `It needs ${version}, newer than this system's C library. LibTorch itself needs glibc 2.28 or newer; an addon that was ` +
      `compiled elsewhere has to be compiled here: remove the build folder and run \`${setup}\`.`,
  ],
  [
    /version .((?:GLIBCXX|CXXABI)_[\d.]+). not found/,
    ([, version], { setup }) =>
      `It needs ${version} of libstdc++, which is older here than where it was compiled: remove the build folder and run \`${setup}\`.`,
  ],
  [
    /invalid ELF header|wrong ELF class|incompatible architecture|Exec format|file too short|not a mach-o/i,
    (_, { setup }) =>
      `The file is damaged or made for another machine (this is ${process.platform} ${process.arch}): remove the build folder ` +
      `and run \`${setup}\`.`,
  ],
  [
    /undefined symbol|Symbol not found/,
    (_, { setup }) => `The addon and LibTorch do not belong together. Compile it again: \`${setup}\`.`,
  ],
  [
    /static TLS block/,
    () => 'Another library used up the space for thread-local data: load autobird before other native modules.',
  ],
];

/** The message of a NativeLoadError: what failed, the loader's own words, and what to do here. */
export function explain({ reason, signal }: ProbeFailure, facts: LoadFacts): string {
  const { setup } = facts;
  if (signal === 'SIGKILL') {
    return `${facts.binary} could not be tried: loading it took over a minute or memory ran out. Close other programs and try again.`;
  }
  if (signal === 'SIGILL') {
    return (
      `${facts.binary} crashes this CPU (SIGILL): it uses instructions that this CPU does not have. ` +
      `Remove the build folder and run \`${setup}\` on this machine.`
    );
  }
  if (signal) {
    return (
      `Loading ${facts.binary} crashes (${signal}). Remove the build folder and run \`${setup}\`; ` +
      'if it still crashes, docs/troubleshooting.md says how to find where.'
    );
  }
  for (const [pattern, remedy] of REMEDIES) {
    const match = pattern.exec(reason);
    if (match) return `${facts.binary} cannot be loaded: ${reason}\n${remedy(match, facts)}`;
  }
  return `${facts.binary} cannot be loaded: ${reason}\nRun \`npx autobird doctor\` to see what is missing, then \`${setup}\`.`;
}
