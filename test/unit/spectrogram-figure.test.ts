import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAudio } from '../../src/audio/openAudio.ts';
import { soundDataUrl } from '../../src/reports/sound.ts';
import { spectrogramFigure } from '../../src/reports/spectrogramFigure.ts';

const { heightOf } = await import(new URL('../../services/web/page/lib/scale.js', import.meta.url).href);

test('a sound in a page is a WAV file of 8 bits, as loud as it can be, within the noise of mu-law', async () => {
  const samples = Float32Array.from({ length: 8000 }, (_, i) => 0.02 * Math.sin(i / 3) * Math.sin(i / 900));
  const [type, base64] = (soundDataUrl(samples, 16000) as string).split(',');
  assert.is(type, 'data:audio/wav;base64');
  const file = Buffer.from(base64 as string, 'base64');
  assert.is(file.length, 44 + samples.length);
  const decoded = Float32Array.from(file.subarray(44), muLawValue);
  const scale = decoded.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 0.02;
  assert.ok(scale * 0.02 > 0.95, `the loudest sample is ${scale * 0.02}`);
  let [signal, noise] = [0, 0];
  samples.forEach((sample, i) => {
    signal += (scale * sample) ** 2;
    noise += ((decoded[i] as number) - scale * sample) ** 2;
  });
  const ratioDb = 10 * Math.log10(signal / noise);
  assert.ok(ratioDb > 30, `${ratioDb} dB`);
  const audio = await openAudio(new Uint8Array(file)).catch((error) => error);
  // Without FFmpeg nothing of ours decodes mu-law; where it is, the file is one.
  if (!(audio instanceof Error)) assert.is(audio.info.sampleRateHz, 16000);
  assert.is(soundDataUrl(new Float32Array(100), 16000), null);
});

test('frequencies stand where the page of the service has them, and seconds are those of the recording', () => {
  const bands = { nMels: 80, fMinHz: 60, fMaxHz: 10800 };
  const about = { image: 'data:x', alt: 'a "b".wav', caption: 'c', bands, startS: 2.5, endS: 7.5, sound: 'data:y' };
  const markup = String(spectrogramFigure(about));
  const kHz = [...markup.matchAll(/class="khz" style="bottom:([\d.]+)%">([\d.]+) kHz/g)];
  assert.ok(kHz.length >= 4, markup);
  for (const [, bottom, value] of kHz) {
    const height = heightOf(1000 * Number(value), { count: 80, min_hz: 60, max_hz: 10800 });
    assert.ok(Math.abs(Number(bottom) / 100 - height) < 0.001, `${value} kHz at ${bottom} %, not ${height}`);
  }
  const seconds = [...markup.matchAll(/class="s" style="left:([\d.]+)%">([\d.]+) s/g)];
  assert.equal(
    seconds.map(([, left, value]) => [Number(left), Number(value)]),
    [
      [30, 4],
      [70, 6],
    ],
  );
  assert.match(markup, /<audio controls preload="none" aria-label="Sound of a &#34;b&#34;.wav" src="data:y">/);
});

/** ITU-T G.711, from -1 to 1. */
function muLawValue(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 7);
  return ((bits & 0x80 ? -1 : 1) * (magnitude - 132)) / 32768;
}

test.run();
