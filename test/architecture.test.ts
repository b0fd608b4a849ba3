import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

interface ImportsModule {
  checkImports(): { files: { typescript: number; native: number }; problems: string[] };
  checkTypeScript(path: string, source: string): string[];
  checkNative(path: string, source: string): string[];
  checkCircles(sources: readonly (readonly [path: string, source: string])[]): string[];
}
interface FaceModule {
  declaredFaces(source: string): Map<string, string[]>;
  handleFaces(source: string): Map<string, string>;
  registeredFaces(sources: readonly (readonly [string, string])[], makers: Map<string, string>): Map<string, string[]>;
  compareFaces(declared: Map<string, string[]>, registered: Map<string, string[]>): string[];
}
interface NativeModule {
  clashes(files: readonly (readonly [string, string])[]): string[];
}

// Plain modules without types: they run before any package is installed.
const imports: ImportsModule = await import(new URL('../scripts/check-imports.mjs', import.meta.url).href);
const face: FaceModule = await import(new URL('../scripts/check-face.mjs', import.meta.url).href);
const native: NativeModule = await import(new URL('../scripts/check-native.mjs', import.meta.url).href);

test('imports follow services, src, bindings, native and never turn back', () => {
  const { files, problems } = imports.checkImports();
  assert.ok(files.typescript >= 30, `only ${files.typescript} TypeScript files were looked at`);
  assert.ok(files.native >= 20, `only ${files.native} C++ files were looked at`);
  assert.equal(problems, []);
});

test('the import check notices each way to turn back', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['bindings/index.ts', "import { train } from '../src/index.ts';"],
    ['src/prediction/Classifier.ts', "import { main } from '../../services/main.ts';"],
    ['src/prediction/Classifier.ts', "const { main } = await import('../../services/main.ts');"],
    ['src/prediction/Classifier.ts', "import { x } from '../../bindings/native.ts';"],
    ['services/inference/app.ts', "import { loadAddon } from '../../bindings/load.ts';"],
    ['services/inference/app.ts', "export {\n  predict,\n} from '../../src/prediction/Classifier.ts';"],
    ['examples/predict.ts', "import '../src/prediction/Classifier.ts';"],
    ['examples/predict.ts', "import { findCheckpoint } from '../src/service.ts';"],
  ];
  for (const [path, source] of bad) assert.is(imports.checkTypeScript(path, source).length, 1, `${path}: ${source}`);
  assert.equal(
    imports.checkTypeScript('src/prediction/Classifier.ts', "import type { X } from '../../bindings/native.ts';"),
    [],
  );
  for (const door of ['index', 'service']) {
    assert.equal(imports.checkTypeScript('services/main.ts', `import { predict } from '../src/${door}.ts';`), []);
  }
});

test('the check for circles finds those of files, of types alone too, and those of folders', () => {
  const circle = (...sources: [string, string][]) => imports.checkCircles(sources).map((line) => line.split(':')[0]);
  assert.equal(
    circle(
      ['src/data/a.ts', "import { b } from './b.ts';"],
      ['src/data/b.ts', "import './c.ts';"],
      ['src/data/c.ts', "import type { A } from './a.ts';"],
    ),
    ['src/data/a.ts → src/data/b.ts → src/data/c.ts → src/data/a.ts'],
  );
  const there: [string, string][] = [
    ['src/data/a.ts', "export { b } from '../audio/b.ts';"],
    ['src/data/d.ts', ''],
    ['src/audio/b.ts', ''],
  ];
  assert.equal(circle(...there, ['src/audio/c.ts', "import type { D } from '../data/d.ts';"]), []);
  assert.equal(circle(...there, ['src/audio/c.ts', "const { d } = await import('../data/d.ts');"]), [
    'src/data → src/audio → src/data',
  ]);
});

test('the include check notices napi.h in core, LibTorch in signal code and the heavy headers', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['native/core/model/model.cc', '#include <napi.h>'],
    ['native/core/model/model.cc', '#include "addon/convert.h"'],
    ['native/core/audio/wav.cc', '#include <ATen/ATen.h>'],
    ['native/core/features/log_mel.cc', '  #  include "c10/util/Half.h"'],
    ['native/addon/trainer.cc', '#include <torch/torch.h>'],
    ['native/core/training/trainer.cc', '#include <torch/nn/module.h>'],
  ];
  for (const [path, source] of bad) assert.is(imports.checkNative(path, source).length, 1, `${path}: ${source}`);
  assert.equal(imports.checkNative('native/addon/trainer.cc', '#include <napi.h>\n#include <ATen/core/Tensor.h>'), []);
});

test('the face check notices names that only one side knows', () => {
  const mirror =
    'export interface NativeEngine {\n  /** x */\n  readonly info: X;\n  run(a: number): void;\n  stop(): void;\n}\n' +
    'export interface NativeAddon {\n  createEngine(a: () => void): NativeEngine;\n}';
  const source =
    'exports["createEngine"] = f;\nNapi::Value createEngine(const Napi::CallbackInfo& call) {\n' +
    'handle["run"] = f; handle["go"] = f; Accessor(env, handle, "info", f) }';
  const declared = face.declaredFaces(mirror);
  const registered = face.registeredFaces([['native/addon/engine.cc', source]], face.handleFaces(mirror));
  assert.equal(declared.get('NativeEngine'), ['info', 'run', 'stop']);
  assert.equal(face.compareFaces(declared, registered), [
    'NativeEngine.stop is declared but not registered',
    'NativeEngine.go is registered but not declared',
  ]);
});

test('the check of internal names notices what a unity build hides', () => {
  const file = (path: string, body: string): [string, string] => [
    path,
    `namespace autobird {\nnamespace {\n${body}\n}  // namespace\n}\n`,
  ];
  const first = file('native/core/model/a.cc', 'at::Tensor rectified(at::Tensor x) { return x; }\nstruct Saved {\n};');
  for (const [path, body] of [
    ['native/core/training/b.cc', 'constexpr double rectified = 1;'],
    ['native/core/model/b.cc', 'template <class T>\nstd::vector<T> rectified(const T* x,\n    int y) {\n}'],
    ['native/core/b.cc', 'using Saved = int;'],
  ] as const)
    assert.is(native.clashes([first, file(path, body)]).length, 1, body);
  for (const [path, body] of [
    ['native/core/audio/b.cc', 'double rectified(int x) { return x; }'], // another target
    ['native/core/model/b.cc', 'int other() {\n  int rectified = 1;\n}'],
  ] as const)
    assert.equal(native.clashes([first, file(path, body)]), []);
});

test('the addons register exactly what bindings/native.ts declares', () => {
  const child = spawnSync(process.execPath, ['scripts/check-face.mjs'], { encoding: 'utf8' });
  assert.is(child.status, 0, child.stdout + child.stderr);
});

test.run();
