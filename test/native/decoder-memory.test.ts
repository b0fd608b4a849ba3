import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAudio } from '../../src/audio/openAudio.ts';
import { chirpInNoise } from '../helpers/signal.ts';
import { int16, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const anonymousMb = () => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e3;

/** Decodes and encodes one recording of 20 s after another, as prepare does. */
async function decodeOften(file: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await using audio = await openAudio(file);
    for await (const _ of audio.encoded(22050, 22050)) void _;
  }
}

// V8 sees small objects only, so it collects none of them in all this time.
(process.platform === 'linux' ? test : test.skip)(
  'a decoder that was closed keeps nothing, whenever its handle is collected',
  () =>
    withTempDir(async (dir) => {
      const file = join(dir, 'chirp.wav');
      await writeFile(file, wav({ data: int16(chirpInNoise(44100, 20 * 44100, 1)), channels: 1, rate: 44100 }));
      await decodeOften(file, 10);
      const before = anonymousMb();
      await decodeOften(file, 60);
      const grown = anonymousMb() - before;
      assert.ok(grown < 40, `${grown.toFixed(0)} MB more after 60 recordings`);
    }),
);

test.run();
