/** Where a recording is made: what else sounds there, the echo of the place, and what distance does. */
import type { Random } from '../../random.ts';
import { amplitude, steady } from './song.ts';

export interface Site {
  readonly name: string;
  /** Levels in dB relative to full scale. */
  readonly noiseDb: number;
  /** 0 white, 1 the noise of a forest far off. */
  readonly darkness: number;
  readonly windDb: number;
  /** Mains or an engine. */
  readonly humHz: number;
  readonly humDb: number;
  /** Insects: pitch, chirps a second. */
  readonly insectHz: number;
  readonly insectRate: number;
  readonly insectDb: number;
  /** Seconds until an echo has fallen by 60 dB, and its share. */
  readonly reverbS: number;
  readonly reverbShare: number;
}

export function makeSite(name: string, random: Random): Site {
  return {
    name,
    noiseDb: random.between(-48, -38),
    darkness: random.between(0.55, 0.95),
    windDb: random.between(-46, -30),
    humHz: [50, 60, 100, 120][random.int(4)] as number,
    humDb: random.between(-60, -40),
    insectHz: random.between(5200, 8200),
    insectRate: random.between(4, 14),
    insectDb: random.between(-62, -44),
    reverbS: random.between(0.15, 0.9),
    reverbShare: random.between(0.1, 0.45),
  };
}

/** The sound of a site without the birds. */
export function ambience(site: Site, length: number, rateHz: number, random: Random): Float64Array {
  const out = new Float64Array(length);
  const level = amplitude(site.noiseDb + random.between(-2, 2));
  const windLevel = amplitude(site.windDb + random.between(-6, 3));
  const hum = amplitude(site.humDb);
  const insects = amplitude(site.insectDb + random.between(-6, 4));
  const pole = onePole(400, rateHz);
  const windPole = onePole(130, rateHz);
  const gustPole = onePole(0.7, rateHz);
  const insectPhase = random.next();
  let [dark, wind, gust] = [0, 0, 0];
  for (let i = 0; i < length; i++) {
    const white = noise(random);
    dark += pole * (white - dark);
    const other = noise(random);
    wind += windPole * (other - wind);
    gust += gustPole * (Math.abs(other) - gust);
    const t = i / rateHz;
    const chirp = t * site.insectRate + insectPhase;
    const insect = chirp - Math.floor(chirp) < 0.55 ? triangle(t * site.insectHz) : 0;
    out[i] =
      level * ((1 - site.darkness) * white + site.darkness * 5 * dark) +
      windLevel * 10 * wind * Math.max(0, gust - 0.35) * 4 +
      hum * (triangle(t * site.humHz) + 0.4 * triangle(t * site.humHz * 2)) +
      insects * insect;
  }
  return out;
}

/** Twigs, drops and steps: short noises that are no birds. */
export function addClicks(out: Float64Array, rateHz: number, random: Random): void {
  for (let n = random.int(4); n > 0; n--) {
    const first = random.int(out.length);
    const length = Math.round(rateHz * random.between(0.004, 0.03));
    const level = amplitude(random.between(-38, -22));
    for (let i = 0; i < length && first + i < out.length; i++) {
      const fall = 1 - i / length;
      out[first + i] = (out[first + i] as number) + level * noise(random) * fall * fall;
    }
  }
}

/**
 * What is left of a song that comes from `distance` (0 near, 1 far): weaker, duller, more echo.
 * The echo is Schroeder's: four combs side by side, then two allpasses.
 */
export function carry(song: Float64Array, rateHz: number, site: Site, distance: number): Float64Array {
  const dulled = lowPass(song, onePole(9000 - 6200 * distance, rateHz));
  const echo = allpass(allpass(combs(dulled, rateHz, site.reverbS), 0.005, rateHz), 0.0017, rateHz);
  const share = site.reverbShare * (0.5 + distance);
  const level = amplitude(-16 * distance);
  return song.map((_, i) => level * ((1 - 0.5 * share) * (dulled[i] as number) + share * (echo[i] as number)));
}

function combs(samples: Float64Array, rateHz: number, reverbS: number): Float64Array {
  const out = new Float64Array(samples.length);
  for (const delayS of [0.0297, 0.0371, 0.0411, 0.0437]) {
    const delay = Math.round(delayS * rateHz);
    const feedback = steady(10 ** ((-3 * delayS) / reverbS));
    const line = new Float64Array(delay);
    for (let i = 0, at = 0; i < samples.length; i++) {
      const old = line[at] as number;
      out[i] = (out[i] as number) + 0.35 * old;
      line[at] = (samples[i] as number) + feedback * old;
      at = at + 1 === delay ? 0 : at + 1;
    }
  }
  return out;
}

function allpass(samples: Float64Array, delayS: number, rateHz: number): Float64Array {
  const delay = Math.round(delayS * rateHz);
  const line = new Float64Array(delay);
  let at = 0;
  return samples.map((sample) => {
    const old = line[at] as number;
    const input = sample + 0.7 * old;
    line[at] = input;
    at = at + 1 === delay ? 0 : at + 1;
    return old - 0.7 * input;
  });
}

/** Two poles: 12 dB an octave. */
function lowPass(samples: Float64Array, pole: number): Float64Array {
  let [first, second] = [0, 0];
  return samples.map((sample) => {
    first += pole * (sample - first);
    second += pole * (first - second);
    return second;
  });
}

function onePole(hz: number, rateHz: number): number {
  return steady(1 - Math.exp((-2 * Math.PI * hz) / rateHz));
}

/** Nearly normal, standard deviation 1: the sum of four uniform bytes' worth of one draw. */
function noise(random: Random): number {
  const bits = random.uint32();
  return ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 147.8;
}

/** A triangle wave with an amplitude of 1: a hum or a stridulation without a sine. */
function triangle(turns: number): number {
  const u = turns - Math.floor(turns);
  return u < 0.5 ? 4 * u - 1 : 3 - 4 * u;
}
