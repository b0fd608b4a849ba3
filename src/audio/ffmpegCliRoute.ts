import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { onAbort } from '../../bindings/abortable.ts';
import { ChannelMixer } from '../../bindings/audio.ts';
import { AudioError } from '../../bindings/errors.ts';
import type { ByteRange } from '../../bindings/native.ts';
import type { AudioSource, RouteInput } from './AudioSource.ts';
import { blockSource } from './blockSource.ts';
import { parseLog, WavPipe } from './ffmpegOutput.ts';
import { checkLimits, durationGuard } from './limits.ts';

// As native/audio/ffmpeg.cc: no playlists, which could name other files.
const formats =
  'wav,w64,aiff,au,caf,mp3,flac,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,asf,avi,ac3,eac3,amr,amrnb,amrwb,ape,tta,wv,dsf,iff,voc,mpegts,mpeg,flv,xwma';

const maxLogBytes = 1 << 18;

/** The `ffmpeg` program on PATH, null where there is none. */
export function findFfmpeg(path: string = process.env['PATH'] ?? ''): string | null {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const program = join(folder, name);
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {}
  }
  return null;
}

/** Streams through a child process, which ends with the source. Throws AudioError. */
export async function openFfmpegCli(input: RouteInput, program: string): Promise<AudioSource> {
  const file = await asFile(input.source);
  let child: ChildProcess | undefined;
  const close = async () => {
    child?.kill('SIGKILL');
    await file.remove();
  };
  try {
    child = await start(program, inputUrl(file.path, input.range));
    const running = watch(child, input.signal);
    const pipe = new WavPipe(child.stdout as Readable);
    const header = await pipe.header();
    if (header === null) {
      input.signal?.throwIfAborted();
      throw failureOf(await running.ended, running.log());
    }
    const { sampleRateHz, channels } = header;
    checkLimits(input.limits, channels, sampleRateHz);
    const guard = durationGuard(input.limits, sampleRateHz);
    const log = parseLog(await running.described);
    const mixer = new ChannelMixer(input.channel, sampleRateHz);
    const blocks = monoBlocks(pipe, channels, mixer, guard);
    // A file without samples fails here, as with the other decoders.
    const first = await blocks.next();
    if (first.done === true) {
      const failure = failureOf(await running.ended, running.log());
      throw failure.code === 'unreadable' && parseLog(running.log()).damaged === 0
        ? new AudioError('no_samples', 'The file has a header but no samples: record or copy it again')
        : failure;
    }
    let failed = false;
    async function* all(): AsyncGenerator<Float32Array, void, undefined> {
      yield (first as IteratorYieldResult<Float32Array>).value;
      for await (const block of blocks) {
        input.signal?.throwIfAborted();
        yield block;
      }
      input.signal?.throwIfAborted();
      failed = (await running.ended) !== 0;
    }
    return blockSource({
      info: {
        container: log.container,
        codec: log.codec,
        sampleRateHz,
        channels,
        declaredDurationS: log.durationS,
        tags: log.tags,
        decoder: 'ffmpeg-cli',
      },
      blocks: all(),
      state: () => ({
        damaged: parseLog(running.log()).damaged,
        truncated: failed,
        notes: mixer.notes,
        bestChannel: mixer.best,
      }),
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

/** ffmpeg must be able to seek (m4a has its index at the end), so bytes go through a temporary file. */
async function asFile(source: string | Uint8Array): Promise<{ path: string; remove: () => Promise<void> }> {
  if (typeof source === 'string') return { path: resolve(source), remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'autobird-'));
  const path = join(folder, 'recording');
  await writeFile(path, source);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** `file:` keeps a name like `http:x` or `-i` from being anything but a name. */
function inputUrl(path: string, range: ByteRange | null): string {
  if (range === null) return `file:${path}`;
  return `subfile,,start,${range.start},end,${range.end},,:file:${path}`;
}

/** @throws AudioError `unreadable` where the program cannot be run: no descriptors or memory left, no permission */
async function start(program: string, url: string): Promise<ChildProcess> {
  const args = ['-hide_banner', '-nostdin', '-nostats', '-v', 'info'];
  args.push('-protocol_whitelist', 'file,pipe,subfile', '-format_whitelist', formats, '-threads', '1', '-i', url);
  args.push('-vn', '-sn', '-dn', '-c:a', 'pcm_f32le', '-f', 'wav', 'pipe:1');
  try {
    // Some failures are thrown, some come as an event; a child without descriptors has no streams either.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw new AudioError(
      'unreadable',
      `${program} could not be started (${(error as Error).message}): check its permissions, or lower data.workers`,
      { cause: error },
    );
  }
}

/** Follows a child to its end: its log, when it has described its input there, its exit code. */
function watch(child: ChildProcess, signal: AbortSignal | undefined) {
  let log = '';
  let describe: (log: string) => void;
  const described = new Promise<string>((settle) => {
    describe = settle;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (log.length < maxLogBytes) log += chunk;
    // Printed once the WAV header is written, so before samples can fill the pipe.
    if (/^Output #0/m.test(log)) describe(log);
  });
  child.stderr?.once('close', () => describe(log));
  const kill = () => child.kill('SIGKILL');
  const forget = onAbort(signal, kill);
  if (signal?.aborted === true) kill();
  const ended = new Promise<number | null>((settle) => {
    child.once('error', (error) => {
      log += `\n${error.message}`;
      settle(null);
    });
    child.once('close', (code) => {
      forget();
      settle(code);
    });
  });
  return { ended, described, log: () => log };
}

async function* monoBlocks(
  pipe: WavPipe,
  channels: number,
  mixer: ChannelMixer,
  guard: (samples: number) => void,
): AsyncGenerator<Float32Array, void, undefined> {
  for await (const samples of pipe.frames(channels)) {
    guard(samples.length / channels);
    yield mixer.interleaved(samples, channels);
  }
}

function failureOf(code: number | null, log: string): AudioError {
  const last = log.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (/Invalid data found when processing input|does not contain any stream|matches no streams/.test(log)) {
    return new AudioError(
      'not_audio',
      'FFmpeg does not recognise the file as audio: it is of another kind, or its beginning is lost',
    );
  }
  if (/Decoder .* not found|Unknown decoder|no decoder/i.test(log)) {
    return new AudioError('unsupported_codec', `This FFmpeg has no decoder for the file: ${last}`);
  }
  return new AudioError('unreadable', `FFmpeg could not decode the file (exit code ${code}): ${last}`);
}
