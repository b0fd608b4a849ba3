/**
 * Ten invented species. They sing in the same range of pitch, so that a mean spectrum tells little: what differs is the
 * syntax, that is direction, rhythm, number and kind of the notes. Every species has several song types of its own.
 */
import type { Random } from '../../random.ts';

/** One sound without a pause. Times in seconds from the start of the song; frequencies in Hz. */
export interface Note {
  readonly at: number;
  readonly durationS: number;
  /** The pitch goes from the first through the second to the third, smoothly. */
  readonly pitchHz: readonly [number, number, number];
  /** Amplitudes of the fundamental and its multiples. */
  readonly harmonics: readonly number[];
  /** Amplitude modulation: rate, and depth 0 to 1. */
  readonly tremolo?: readonly [number, number];
  /** Frequency modulation: rate, and depth as a share of the pitch. */
  readonly vibrato?: readonly [number, number];
  readonly level: number;
}

export interface Species {
  readonly name: string;
  /** A song of a type whose stable properties are drawn from `random`. */
  readonly song: (random: Random) => readonly Note[];
}

const pure: readonly number[] = [1, 0.08];
const nasal: readonly number[] = [0.5, 1, 0.8, 0.55, 0.35, 0.2];
const rough: readonly number[] = [1, 0.3, 0.15];

/** The pitch around which a song type is built: one range for all species. */
const basePitch = (random: Random): number => random.between(2600, 4600);

/** Notes one after the other; `gap(i)` follows note i. */
function series(
  count: number,
  note: (i: number) => Omit<Note, 'at' | 'level'> & { readonly level?: number },
  gap: (i: number) => number,
): Note[] {
  const notes: Note[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const next = note(i);
    notes.push({ level: 1, ...next, at });
    at += next.durationS + gap(i);
  }
  return notes;
}

const sweep = (from: number, to: number): [number, number, number] => [from, (from + to) / 2, to];

export const species: readonly Species[] = [
  {
    // Rising chirps in an even row.
    name: 'Upland_Chirrup',
    song: (random) => {
      const [base, span] = [basePitch(random), random.between(0.22, 0.34)];
      const [count, gap, durationS] = [5 + random.int(4), random.between(0.07, 0.12), random.between(0.07, 0.11)];
      const pitchHz = sweep(base * (1 - span), base * (1 + span));
      return series(
        count,
        () => ({ durationS, pitchHz, harmonics: pure }),
        () => gap,
      );
    },
  },
  {
    // The same row, falling.
    name: 'Fen_Slider',
    song: (random) => {
      const [base, span] = [basePitch(random), random.between(0.22, 0.34)];
      const [count, gap, durationS] = [5 + random.int(4), random.between(0.07, 0.12), random.between(0.07, 0.11)];
      const pitchHz = sweep(base * (1 + span), base * (1 - span));
      return series(
        count,
        () => ({ durationS, pitchHz, harmonics: pure }),
        () => gap,
      );
    },
  },
  {
    // A fast even trill.
    name: 'Copper_Trillet',
    song: (random) => {
      const base = basePitch(random);
      const rate = random.between(17, 24);
      const durationS = 0.45 / rate;
      const pitchHz: [number, number, number] = [base * 0.86, base * 1.2, base * 0.9];
      return series(
        22 + random.int(10),
        () => ({ durationS, pitchHz, harmonics: pure }),
        () => 0.55 / rate,
      );
    },
  },
  {
    // A trill that begins slowly and runs away.
    name: 'Dusk_Stutterer',
    song: (random) => {
      const base = basePitch(random);
      const count = 14 + random.int(6);
      const [slow, fast] = [random.between(0.19, 0.25), random.between(0.025, 0.04)];
      const pitchHz: [number, number, number] = [base * 0.88, base * 1.18, base * 0.92];
      return series(
        count,
        (i) => ({ durationS: 0.035, pitchHz, harmonics: pure, level: 0.6 + (0.4 * i) / count }),
        (i) => slow + (fast - slow) * Math.sqrt(i / count),
      );
    },
  },
  {
    // Two long whistles, the second lower.
    name: 'Hollow_Piper',
    song: (random) => {
      const [base, step] = [basePitch(random), random.between(0.76, 0.86)];
      const durationS = random.between(0.3, 0.42);
      const pitch = (i: number) => (i === 0 ? base * 1.1 : base * 1.1 * step);
      return series(
        2,
        (i) => ({ durationS, pitchHz: sweep(pitch(i) * 1.01, pitch(i) * 0.99), harmonics: pure }),
        () => 0.09,
      );
    },
  },
  {
    // Long whistles, low, high, low.
    name: 'Twostep_Whistler',
    song: (random) => {
      const [base, step] = [basePitch(random), random.between(1.16, 1.32)];
      const durationS = random.between(0.2, 0.3);
      const pitch = (i: number) => (i === 1 ? base * 0.9 * step : base * 0.9);
      return series(
        3,
        (i) => ({ durationS, pitchHz: sweep(pitch(i) * 0.99, pitch(i) * 1.01), harmonics: pure }),
        () => 0.07,
      );
    },
  },
  {
    // Pairs of nasal calls, a stack of harmonics each.
    name: 'Reed_Nasalbill',
    song: (random) => {
      const base = basePitch(random) / 4;
      const durationS = random.between(0.11, 0.16);
      const pitchHz: [number, number, number] = [base * 0.95, base * 1.05, base * 0.9];
      const pairs = 2 + random.int(2);
      return series(
        2 * pairs,
        () => ({ durationS, pitchHz, harmonics: nasal }),
        (i) => (i % 2 === 0 ? 0.06 : 0.34),
      );
    },
  },
  {
    // One nasal call with a high arch, slowly repeated.
    name: 'Arching_Crake',
    song: (random) => {
      const base = basePitch(random) / 4;
      const durationS = random.between(0.28, 0.4);
      const pitchHz: [number, number, number] = [base * 0.75, base * 1.3, base * 0.75];
      return series(
        2 + random.int(2),
        () => ({ durationS, pitchHz, harmonics: nasal }),
        () => random.between(0.34, 0.36),
      );
    },
  },
  {
    // A long buzz.
    name: 'Marsh_Buzzer',
    song: (random) => {
      const base = basePitch(random) * 1.1;
      const durationS = random.between(0.7, 1.1);
      const tremolo: [number, number] = [random.between(55, 85), 0.95];
      const vibrato: [number, number] = [random.between(90, 130), 0.12];
      return series(
        1,
        () => ({ durationS, pitchHz: sweep(base * 0.97, base * 1.03), harmonics: rough, tremolo, vibrato }),
        () => 0,
      );
    },
  },
  {
    // Three clear ticks, then a short buzz.
    name: 'Pebble_Rasper',
    song: (random) => {
      const base = basePitch(random) * 1.1;
      const tremolo: [number, number] = [random.between(55, 85), 0.95];
      const vibrato: [number, number] = [random.between(90, 130), 0.12];
      const tick = { durationS: 0.05, pitchHz: sweep(base * 1.15, base * 0.95), harmonics: pure };
      const buzz = {
        durationS: random.between(0.3, 0.45),
        pitchHz: sweep(base, base),
        harmonics: rough,
        tremolo,
        vibrato,
      };
      return series(
        4,
        (i) => (i < 3 ? tick : buzz),
        () => 0.1,
      );
    },
  },
];
