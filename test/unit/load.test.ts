import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AudioError,
  AutobirdError,
  DisposedError,
  FormatError,
  InvalidArgumentError,
  NativeError,
  NativeLoadError,
} from '../../bindings/errors.ts';
import { makeError } from '../../bindings/load.ts';
import { packageRoot } from '../../bindings/places.ts';
import { probe, tryInChild } from '../../bindings/probe.ts';
import { explain } from '../../bindings/remedies.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const facts = { binary: '/x/autobird.node', libtorch: '/y/torch', setup: 'npx autobird setup' };
const said = (reason: string) => explain({ reason, signal: null }, facts);

test('a file that is no library is explained without loading it here', async () => {
  await withTempDir(async (dir) => {
    const binary = join(dir, 'autobird.node');
    await writeFile(binary, 'this is not a library, however long it may be');
    const failure = tryInChild(binary);
    assert.ok(failure);
    assert.is(failure.signal, null);
    assert.match(
      explain(failure, { ...facts, binary }),
      /damaged or made for another machine[\s\S]*npx autobird setup/,
    );
  });
});

test('a good binary is remembered until it changes, a bad one never', async () => {
  await withTempDir(async (dir) => {
    const before = process.env['AUTOBIRD_CACHE'];
    process.env['AUTOBIRD_CACHE'] = dir;
    try {
      const verdicts = async () => (await readdir(join(dir, 'probes')).catch(() => [])).length;
      const bad = join(dir, 'bad.node');
      await writeFile(bad, 'x');
      assert.ok(probe(bad, []));
      assert.is(await verdicts(), 0);
      const good = join(dir, 'good.node');
      await copyFile(join(packageRoot(), 'build/Release/env.node'), good);
      assert.is(probe(good, []), null);
      assert.is(probe(good, []), null);
      assert.is(await verdicts(), 1);
      assert.is(probe(good, [bad]), null);
      assert.is(await verdicts(), 2);
    } finally {
      if (before === undefined) delete process.env['AUTOBIRD_CACHE'];
      else process.env['AUTOBIRD_CACHE'] = before;
    }
  });
});

test('each way a library fails to load has its remedy', () => {
  const cannotOpen = 'cannot open shared object file: No such file or directory';
  assert.match(said(`libtorch_cpu.so: ${cannotOpen}`), 'LibTorch is no longer at /y/torch');
  assert.match(said(`libcupti.so.13: ${cannotOpen}`), "NVIDIA's libcupti.so.13 is missing beside /y/torch");
  assert.match(said(`libavformat.so.59: ${cannotOpen}`), 'libavformat.so.59 of FFmpeg is gone');
  assert.match(
    said("/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)"),
    "newer than this system's C library",
  );
  assert.match(said("libstdc++.so.6: version `GLIBCXX_3.4.32' not found"), 'It needs GLIBCXX_3.4.32 of libstdc++');
  assert.match(said('/x/autobird.node: undefined symbol: _ZN2at'), 'do not belong together');
  assert.match(
    said('The addon was built with LibTorch 2.11.0 but LibTorch 2.9.0 was loaded from /y. Run the set-up'),
    'Compile the addon for the LibTorch that is there now',
  );
  assert.match(said('something new'), 'npx autobird doctor');
  assert.match(explain({ reason: '', signal: 'SIGILL' }, facts), 'instructions that this CPU does not have');
  assert.match(explain({ reason: '', signal: 'SIGSEGV' }, facts), 'docs/troubleshooting.md');
  for (const message of [said('libc10.so: cannot open'), said('x: wrong ELF class: ELFCLASS32')]) {
    assert.match(message, 'npx autobird setup');
  }
});

test('native failures become the class of their code and keep it', () => {
  const classes = [
    ['invalid_argument', InvalidArgumentError],
    ['not_audio', AudioError],
    ['unsupported_codec', AudioError],
    ['damaged_checkpoint', FormatError],
    ['native_load', NativeLoadError],
    ['out_of_memory', NativeError],
    ['native_failure', NativeError],
    ['disposed', DisposedError],
    ['aborted', AutobirdError],
  ] as const;
  for (const [code, kind] of classes) {
    const error = makeError(code, 'The trainer was disposed: make a new one before using it again');
    assert.instance(error, kind);
    assert.instance(error, AutobirdError);
    assert.is((error as AutobirdError).code, code);
    assert.is(error.message, 'The trainer was disposed: make a new one before using it again');
  }
});

test.run();
