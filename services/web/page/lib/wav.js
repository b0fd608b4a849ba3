/**
 * A mono WAV file of 16 bits: every service can read it, whatever decoders it has.
 *
 * @param {readonly Float32Array[]} blocks samples from -1 to 1; louder ones are cut
 * @param {number} rateHz
 */
export function encodeWav(blocks, rateHz) {
  const samples = blocks.reduce((sum, { length }) => sum + length, 0);
  const file = new DataView(new ArrayBuffer(44 + 2 * samples));
  /** @type {(at: number, text: string) => void} */
  const word = (at, text) => {
    for (let i = 0; i < text.length; i++) file.setUint8(at + i, text.charCodeAt(i));
  };
  word(0, 'RIFF');
  file.setUint32(4, 36 + 2 * samples, true);
  word(8, 'WAVEfmt ');
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, rateHz, true);
  file.setUint32(28, 2 * rateHz, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  word(36, 'data');
  file.setUint32(40, 2 * samples, true);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      file.setInt16(at, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      at += 2;
    }
  }
  return file.buffer;
}
