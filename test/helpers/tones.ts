import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeConfig } from '../../src/config/compose.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { prepareDataset } from '../../src/data/prepare.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import { randomFor } from '../../src/random.ts';

/** Three classes that differ in pitch only. */
export const toneLabels = { low: 500, middle: 1500, high: 4000 } as const;

const rateHz = 16000;

/** Writes `<dir>/raw/<label>/<n>.wav`: bursts of a tone in noise, two seconds each, from a seed. */
export async function writeTones(dir: string, recordingsPerClass: number): Promise<string> {
  const raw = join(dir, 'raw');
  for (const [label, pitch] of Object.entries(toneLabels)) {
    await mkdir(join(raw, label), { recursive: true });
    for (let n = 0; n < recordingsPerClass; n++) {
      const random = randomFor(4, `tone ${label}`, n);
      const hz = pitch * random.between(0.93, 1.07);
      const samples = Float64Array.from({ length: 2 * rateHz }, (_, i) => {
        const isOn = Math.floor((i / rateHz) * 5 + n) % 2 === 0;
        return (isOn ? 0.3 * Math.sin((2 * Math.PI * hz * i) / rateHz) : 0) + 0.02 * random.normal();
      });
      await writeFile(join(raw, label, `${n}.wav`), encodeWav16(samples, rateHz));
    }
  }
  return raw;
}

/** A configuration whose training takes a second or two, with everything inside `dir`. */
export function tinyConfig(dir: string, ...overrides: string[]): Config {
  const { config } = composeConfig([
    'experiment=smoke',
    `data.raw_dir='${join(dir, 'raw')}'`,
    'data.name=tones',
    `data.root='${join(dir, 'data')}'`,
    `run.root='${join(dir, 'runs')}'`,
    'split.val_ratio=0.2',
    'split.test_ratio=0.2',
    'features.sample_rate_hz=16000',
    'features.f_max_hz=8000',
    'features.background=none',
    'scheduler.warmup_epochs=0',
    'model.stem_channels=[8,16,16]',
    'model.d_model=16',
    'augment.mix_probability=0.3',
    'augment.filter_db=0',
    'augment.frame_masks=1',
    'augment.band_masks=1',
    'training.epochs=6',
    'training.steps_per_epoch=12',
    'training.precision=f32',
    'optimizer.lr=0.01',
    ...overrides,
  ]);
  return config;
}

/** Tones, prepared. */
export async function prepareTones(dir: string, config: Config, recordingsPerClass = 10): Promise<Dataset> {
  await writeTones(dir, recordingsPerClass);
  return prepareDataset(config);
}
