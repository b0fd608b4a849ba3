import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { id3Length, sniff } from '../../src/audio/sniff.ts';

const latin = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** An MPEG-1 layer III frame of 128 kbit/s at 44.1 kHz: 417 bytes. */
function mpegFrames(count: number): Uint8Array {
  const frame = Buffer.alloc(417);
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

function oggPage(packet: string): Uint8Array {
  return Buffer.concat([latin('OggS'), Buffer.alloc(22), Buffer.of(1, packet.length), latin(packet)]);
}

test('each container is known by its first bytes', () => {
  const cases: readonly (readonly [Uint8Array, string | null])[] = [
    [latin('RIFF\0\0\0\0WAVEfmt '), 'wav'],
    [latin('RF64\xff\xff\xff\xffWAVEds64'), 'wav'],
    [latin('BW64\xff\xff\xff\xffWAVEds64'), 'wav'],
    [latin('RIFF\0\0\0\0AVI LIST'), null],
    [latin('fLaC\0\0\0\x22'), 'flac'],
    [oggPage('\x01vorbis'), 'ogg-vorbis'],
    [oggPage('OpusHead'), 'ogg-opus'],
    [oggPage('\x7fFLAC'), 'ogg-flac'],
    [oggPage('Speex   '), 'ogg'],
    [latin('\0\0\0\x20ftypM4A '), 'm4a'],
    [latin('FORM\0\0\0\0AIFF'), 'aiff'],
    [latin('\x1aE\xdf\xa3'), 'matroska'],
    [latin('\xff\xf1\x50\x80'), 'aac'],
    [mpegFrames(2), 'mp3'],
    [Buffer.concat([Buffer.alloc(100, 0xff), mpegFrames(3)]), 'mp3'],
    [new Uint8Array(0), null],
  ];
  for (const [bytes, kind] of cases) assert.is(sniff(bytes).kind, kind, Buffer.from(bytes).toString('latin1', 0, 16));
});

test('what follows an ID3 tag decides, and an ID3 tag alone means mp3', () => {
  const tag = Buffer.concat([latin('ID3\x04\0\0\0\0\x02\x01'), Buffer.alloc(257)]);
  assert.is(id3Length(tag), 267);
  assert.equal(sniff(Buffer.concat([tag, latin('fLaC')])), { kind: 'flac', offset: 267, otherwise: null });
  assert.is(sniff(tag.subarray(0, 20), latin('fLaC')).kind, 'flac');
  assert.is(sniff(tag, new Uint8Array(0)).kind, 'mp3');
  assert.is(id3Length(latin('ID3\x04\0\0\xff\xff\xff\xff')), 0);
});

test('texts, pictures and archives are named for what they are', () => {
  assert.is(sniff(latin('species,file\na,b\n')).otherwise, 'a text');
  assert.is(sniff(latin('\x89PNG\r\n\x1a\n')).otherwise, 'a PNG picture');
  assert.is(sniff(latin('PK\x03\x04\x14')).otherwise, 'a ZIP archive');
  assert.is(sniff(Uint8Array.of(1, 2, 3, 200)).otherwise, null);
});

test('a lone frame sync in noise is no mp3', () => {
  const noise = Buffer.alloc(4000, 7);
  noise.set([0xff, 0xfb, 0x90, 0x00], 1000);
  assert.is(sniff(noise).kind, null);
});

test.run();
