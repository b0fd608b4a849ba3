/** From notes to samples. */
import type { Random } from '../../random.ts';
import type { Note } from './species.ts';

const tableBits = 12;
const tableSize = 1 << tableBits;
/** Rounded, so that the last bit of a platform's sine cannot be heard or hashed. */
const sine = Float64Array.from({ length: tableSize + 1 }, (_, i) => steady(Math.sin((2 * Math.PI * i) / tableSize)));

/** A number without the last bits, in which mathematical libraries differ. */
export function steady(x: number): number {
  return Math.round(x * 2 ** 30) / 2 ** 30;
}

/** The amplitude of a level in decibels. */
export function amplitude(db: number): number {
  return steady(10 ** (db / 20));
}

/** sin(2 pi turns) */
function sin(turns: number): number {
  const place = (turns - Math.floor(turns)) * tableSize;
  const i = Math.floor(place);
  const low = sine[i] as number;
  return low + (place - i) * ((sine[i + 1] as number) - low);
}

/** How an individual sings: everything of its type, a little higher or lower, faster or slower. */
export interface Individual {
  readonly pitch: number;
  readonly tempo: number;
}

/** The same song never sounds twice exactly the same. */
export function perform(song: readonly Note[], individual: Individual, random: Random): Note[] {
  const pitch = individual.pitch * random.between(0.985, 1.015);
  const stretch = (1 / individual.tempo) * random.between(0.97, 1.03);
  // Birds break off: up to a fifth of a long song is missing.
  const shortened = song.length > 5 ? song.slice(0, song.length - random.int(Math.ceil(song.length / 5))) : song;
  return shortened.map((note) => ({
    ...note,
    at: note.at * stretch,
    durationS: note.durationS * stretch,
    pitchHz: note.pitchHz.map((hz) => hz * pitch * random.between(0.993, 1.007)) as unknown as Note['pitchHz'],
    level: note.level * random.between(0.8, 1.05),
  }));
}

export function songSeconds(song: readonly Note[]): number {
  return Math.max(...song.map((note) => note.at + note.durationS));
}

/** Adds a song to samples, from `startS` on; what does not fit is cut off. */
export function renderSong(
  out: Float64Array,
  rateHz: number,
  song: readonly Note[],
  startS: number,
  level: number,
): void {
  for (const note of song) renderNote(out, rateHz, note, startS + note.at, level);
}

function renderNote(out: Float64Array, rateHz: number, note: Note, startS: number, level: number): void {
  const first = Math.round(startS * rateHz);
  const length = Math.round(note.durationS * rateHz);
  const edge = Math.max(1, Math.min(Math.round(0.012 * rateHz), length >> 2));
  const [from, via, to] = note.pitchHz;
  const [tremoloHz, tremoloDepth] = note.tremolo ?? [0, 0];
  const [vibratoHz, vibratoDepth] = note.vibrato ?? [0, 0];
  let turns = 0;
  for (let i = 0; i < length; i++) {
    const u = i / length;
    const t = i / rateHz;
    // The parabola through the three pitches.
    let hz = from + u * (4 * via - 3 * from - to) + u * u * (2 * from + 2 * to - 4 * via);
    if (vibratoDepth > 0) hz *= 1 + vibratoDepth * sin(vibratoHz * t);
    turns += hz / rateHz;
    let value = 0;
    for (let h = 0; h < note.harmonics.length; h++) {
      // Nothing above 0.47 of the rate: it would fold back.
      if (hz * (h + 1) < 0.47 * rateHz) value += (note.harmonics[h] as number) * sin(turns * (h + 1));
    }
    if (tremoloDepth > 0) value *= 1 - tremoloDepth * (0.5 + 0.5 * sin(tremoloHz * t));
    const fade = Math.min(1, i / edge, (length - i) / edge);
    const at = first + i;
    if (at >= 0 && at < out.length) out[at] = (out[at] as number) + value * fade * note.level * level;
  }
}
