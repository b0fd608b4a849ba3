import { chunk, wav } from './wav.ts';

const sectorBytes = 512;

/** What an AudioMoth with a trigger writes instead of `sectors` sectors that were too quiet. */
export function gapSector(sectors: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  for (let bit = 0; bit < 32; bit++) sector.writeInt16LE(Math.floor(sectors / 2 ** bit) % 2 === 1 ? 1 : -1, 2 * bit);
  return sector;
}

/** A file whose samples begin with a sector, as an AudioMoth's do. */
export function triggeredWav(rate: number, parts: readonly Uint8Array[]): Uint8Array {
  const comment = Buffer.alloc(sectorBytes - 44 - 20);
  comment.write('Recorded at 05:30:00 14/05/2023 (UTC) by AudioMoth 24E144055DDD3203');
  const list = chunk('LIST', Buffer.concat([Buffer.from('INFO'), chunk('ICMT', comment)]));
  return wav({ rate, before: [list], data: Buffer.concat(parts) });
}
