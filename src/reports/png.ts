import { crc32, deflateSync } from 'node:zlib';
import { expected } from '../../bindings/errors.ts';
import type { Rgb } from './colormap.ts';

/** A picture as a PNG with a palette: `pixels` holds a colour index each, row by row from the top. */
export function encodePng(pixels: Uint8Array, width: number, height: number, palette: readonly Rgb[]): Uint8Array {
  if (pixels.length !== width * height || pixels.length === 0) {
    throw expected(`${width} x ${height} pixels`, 'pixels', pixels.length);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits an index, colour type 3: palette; then deflate, no filter method, no interlace.
  header.set([8, 3, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** For `src` of an `<img>` in a page that stands alone. */
export function pngDataUrl(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), out.length - 4);
  return out;
}
