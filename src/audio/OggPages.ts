const headerBytes = 27;
const checksumOffset = 22;

/** CRC-32 of Ogg: polynomial 0x04c11db7, most significant bit first, no inversion, its own field taken as zero (RFC 3533). */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

function checksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= checksumOffset && i < checksumOffset + 4 ? 0 : (page[i] as number);
    crc = ((crc << 8) ^ (table[((crc >>> 24) ^ byte) & 255] as number)) >>> 0;
  }
  return crc;
}

/** Where the next page may begin; its mark may be cut by the end of the data. */
function nextMark(data: Buffer, from: number): number {
  const next = data.indexOf('OggS', from, 'latin1');
  return next >= 0 ? next : Math.max(from, data.length - 3);
}

/**
 * Cuts a stream of bytes into whole Ogg pages. The decoders from npm take what is left of a page at the end of a cut file
 * for packets and conceal each lost one by invented sound, and damaged packets make them read beyond their memory; so they
 * are given whole pages only, and only those whose checksum is right.
 */
export class OggPages {
  #rest: Uint8Array = new Uint8Array(0);
  #searching = false;
  /** Damaged pages, and stretches that were skipped until the next page. */
  damaged = 0;

  /** The bytes of all pages that are whole now. */
  push(bytes: Uint8Array): Uint8Array {
    const data = Buffer.concat([this.#rest, bytes]);
    const pages: Uint8Array[] = [];
    let offset = 0;
    for (;;) {
      if (data.length - offset < headerBytes) break;
      this.#searching &&= data.toString('latin1', offset, offset + 4) !== 'OggS';
      if (data.toString('latin1', offset, offset + 4) !== 'OggS') {
        if (!this.#searching) this.damaged += 1;
        this.#searching = true;
        offset = nextMark(data, offset + 1);
        continue;
      }
      const bodyStart = offset + headerBytes + (data[offset + 26] as number);
      if (bodyStart > data.length) break;
      const end = data.subarray(offset + headerBytes, bodyStart).reduce((sum, lacing) => sum + lacing, bodyStart);
      if (end > data.length) break;
      const page = data.subarray(offset, end);
      if (checksum(page) !== page.readUInt32LE(checksumOffset)) {
        // Perhaps its length is wrong: the next page is searched from behind the mark.
        this.damaged += 1;
        offset = nextMark(data, offset + 4);
        continue;
      }
      pages.push(page);
      offset = end;
    }
    this.#rest = data.subarray(offset);
    return Buffer.concat(pages);
  }
}
