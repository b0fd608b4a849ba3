import { inflateSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { niceTicks, plain } from '../../src/reports/axes.ts';
import { colorOf, palette } from '../../src/reports/colormap.ts';
import { html } from '../../src/reports/html.ts';
import { renderPage, table } from '../../src/reports/page.ts';
import { encodePng } from '../../src/reports/png.ts';
import { spectrogramPng } from '../../src/reports/spectrogram.ts';
import { barChart, heatmap, histogram, lineChart } from '../../src/reports/svg.ts';

function chunkOf(png: Uint8Array, type: string): Buffer {
  const bytes = Buffer.from(png);
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === type) return bytes.subarray(at + 8, at + 8 + length);
    at += length + 12;
  }
  throw new Error(`no ${type}`);
}

test('a PNG holds the pixels and the palette that it was given', () => {
  const png = encodePng(Uint8Array.from([0, 1, 2, 3, 254, 255]), 3, 2, palette());
  assert.equal([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  assert.equal([...chunkOf(png, 'IHDR').subarray(0, 10)], [0, 0, 0, 3, 0, 0, 0, 2, 8, 3]);
  assert.is(chunkOf(png, 'PLTE').length, 768);
  assert.equal([...inflateSync(chunkOf(png, 'IDAT'))], [0, 0, 1, 2, 0, 3, 254, 255]);
  assert.throws(() => encodePng(new Uint8Array(5), 3, 2, palette()), /Expected 3 x 2 pixels for pixels but received 5/);
});

test('a spectrogram has low bands at the bottom and the loudest cell brightest', () => {
  const logMel = new Float32Array(4 * 10).fill(-10);
  logMel[0] = 0;
  const png = spectrogramPng(logMel, 4);
  const rows = inflateSync(chunkOf(png, 'IDAT'));
  assert.is(rows[3 * 11 + 1], 255);
  assert.ok((rows[1] as number) < 40);
});

test('colours get lighter with the value, from end to end', () => {
  const light = (value: number) => colorOf(value).reduce((sum, channel) => sum + channel, 0);
  for (let i = 1; i <= 20; i++) assert.ok(light(i / 20) > light((i - 1) / 20));
  assert.equal(colorOf(-1), colorOf(0));
  assert.equal(colorOf(2), colorOf(1));
});

test('axes have round ticks that enclose the values', () => {
  assert.equal(niceTicks(0, 7.3, 4), [0, 2, 4, 6, 8]);
  assert.equal(niceTicks(-0.3, 0.9, 5), [-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]);
  assert.equal(niceTicks(0, 0, 5).length > 1, true);
  assert.is(plain(1234567), '1,234,567');
  assert.is(plain(0.123456), '0.1235');
});

test('text from outside cannot become markup', () => {
  const evil = '<script>"&\'';
  const escaped = '&#60;script&#62;&#34;&#38;&#39;';
  assert.is(
    String(html`<b title="${evil}">${[evil, 1, html`<i></i>`]}</b>`),
    `<b title="${escaped}">${escaped}1<i></i></b>`,
  );
  const parts = [
    table([{ title: evil }], [[evil]]),
    barChart([{ label: evil, values: [1] }], [{ name: evil }]),
    heatmap([[1]], [evil]),
    histogram([1, 2, 3], { unit: evil }),
    lineChart(
      [
        {
          name: evil,
          points: [
            [0, 1],
            [1, Number.NaN],
            [2, 3],
          ],
        },
      ],
      { xLabel: evil },
    ),
  ];
  const page = renderPage({
    title: evil,
    subtitle: evil,
    sections: parts.map((body) => ({ title: evil, body })),
    footer: evil,
  });
  assert.not.match(page, /<script/);
  assert.not.match(page, /NaN|undefined|Infinity/);
});

test('charts of nothing are drawn all the same', () => {
  for (const chart of [histogram([]), lineChart([]), barChart([{ label: 'a', values: [0] }], [{ name: 'n' }])]) {
    const svg = String(chart);
    assert.match(svg, /^<svg .*<\/svg>$/);
    assert.not.match(svg, /NaN|undefined|Infinity/);
  }
});

test.run();
