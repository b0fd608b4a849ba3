/**
 * The set that comes with autobird: invented birds at invented places, made from a seed, so that the whole way can be
 * tried without downloading a recording. Equal options give equal bytes on every machine.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expected } from '../../bindings/errors.ts';
import type { JobOptions } from '../domain.ts';
import { readJson, writeFileAtomic, writeJson } from '../files.ts';
import { type Random, randomFor } from '../random.ts';
import { addClicks, ambience, carry, makeSite, type Site } from './synthetic/site.ts';
import { perform, renderSong, songSeconds } from './synthetic/song.ts';
import { type Species, species } from './synthetic/species.ts';
import { encodeWav16 } from './synthetic/wav.ts';

export interface SynthesizeOptions extends JobOptions {
  /** Default 4. */
  readonly seed?: number;
  /** Default 12. */
  readonly recordingsPerSpecies?: number;
}

export interface SynthesizedSet {
  /** For `data.raw_dir`. */
  readonly rawDir: string;
  /** For `data.metadata`. */
  readonly metadata: string;
  readonly recordings: number;
  /** False when the same set was there already. */
  readonly made: boolean;
}

/** Changes when equal options give other sounds than before. */
const version = 1;
const siteNames = ['beech_wood', 'reed_bed', 'quarry', 'orchard', 'river_bank', 'village', 'moor'];
const recordists = ['A. Thrush', 'B. Wren', 'C. Martin', 'D. Finch'];
/** Recordings of one session: they share place, day, microphone and background, as in the field. */
const sessionSize = 3;
const songTypes = 4;

interface Session {
  readonly site: Site;
  readonly recordist: string;
  readonly date: string;
  readonly rateHz: number;
  readonly gain: number;
  recorded: number;
}

/**
 * Writes `<dir>/audio/<species>/<site>_<date>_<time>.wav` and `<dir>/metadata.csv`. A set that is there whole, with the
 * same options, is left as it is; an unfinished or other one is made again. About 45 MB and four seconds by default.
 *
 * @throws InvalidArgumentError for options out of range; AutobirdError `disk_full`, `not_writable`
 */
export async function synthesize(dir: string, options: SynthesizeOptions = {}): Promise<SynthesizedSet> {
  const { seed = 4, recordingsPerSpecies = 12, signal, onProgress } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) throw expected('a whole number from 0 on', 'seed', seed);
  if (!Number.isSafeInteger(recordingsPerSpecies) || recordingsPerSpecies < 1) {
    throw expected('a positive integer', 'recordingsPerSpecies', recordingsPerSpecies);
  }
  const [rawDir, metadata, done] = [join(dir, 'audio'), join(dir, 'metadata.csv'), join(dir, 'synthetic.json')];
  const recordings = recordingsPerSpecies * species.length;
  const identity = { version, seed, recordings_per_species: recordingsPerSpecies };
  const before = await readJson(done).catch(() => null);
  if (JSON.stringify(before) === JSON.stringify(identity)) return { rawDir, metadata, recordings, made: false };

  await rm(done, { force: true });
  await rm(rawDir, { recursive: true, force: true });
  const sessions = makeSessions(recordings, seed);
  const rows = ['file,species,session,recordist,date,time,site,background_species,licence'];
  for (let n = 0; n < recordings; n++) {
    signal?.throwIfAborted();
    // All species in another order each time: a session holds several, and no site has its own.
    const [round, place] = [Math.floor(n / species.length), n % species.length];
    const s = randomFor(seed, 'round', round).permutation(species.length)[place] as number;
    const bird = species[s] as Species;
    const session = sessions[Math.floor(n / sessionSize)] as Session;
    const random = randomFor(seed, 'recording', n);
    const time = clock(5 * 60 + 11 * session.recorded++ + random.int(9));
    const file = `${bird.name}/${session.site.name}_${session.date.replaceAll('-', '')}_${time.replaceAll(':', '')}.wav`;
    const { samples, background } = record(s, session, seed, random);
    await mkdir(dirname(join(rawDir, file)), { recursive: true });
    await writeFileAtomic(join(rawDir, file), encodeWav16(samples, session.rateHz));
    const { site, recordist, date } = session;
    rows.push(
      [file, bird.name, `${recordist}|${date}`, recordist, date, time, site.name, background, 'CC0-1.0'].join(','),
    );
    onProgress?.({ stage: 'synthesize', done: n + 1, total: recordings, message: file });
  }
  await writeFileAtomic(metadata, `${rows.join('\n')}\n`);
  await writeJson(done, identity);
  return { rawDir, metadata, recordings, made: true };
}

function makeSessions(recordings: number, seed: number): Session[] {
  const sites = siteNames.map((name, i) => makeSite(name, randomFor(seed, 'site', i)));
  return Array.from({ length: Math.ceil(recordings / sessionSize) }, (_, i) => {
    const random = randomFor(seed, 'session', i);
    const day = new Date(Date.UTC(2024, 3, 1 + i * 2));
    return {
      site: sites[i % sites.length] as Site,
      recordist: recordists[random.int(recordists.length)] as string,
      date: day.toISOString().slice(0, 10),
      rateHz: random.next() < 0.5 ? 22050 : 32000,
      gain: random.between(0.35, 1),
      recorded: 0,
    };
  });
}

/** One bird sings a few times, often with another one far behind. */
function record(
  s: number,
  session: Session,
  seed: number,
  random: Random,
): { readonly samples: Float64Array; readonly background: string } {
  const { site, rateHz, gain } = session;
  const length = Math.round(random.between(5, 8) * rateHz);
  const out = ambience(site, length, rateHz, random);
  addClicks(out, rateHz, random);
  addInto(out, carry(sing(s, length, rateHz, seed, random), rateHz, site, random.between(0.05, 0.85)), 0.22);
  let background = '';
  if (random.next() < 0.5) {
    const other = (s + 1 + random.int(species.length - 1)) % species.length;
    addInto(out, carry(sing(other, length, rateHz, seed, random), rateHz, site, 1), random.between(0.05, 0.12));
    background = (species[other] as Species).name;
  }
  return { samples: out.map((sample) => sample * gain), background };
}

function sing(s: number, length: number, rateHz: number, seed: number, random: Random): Float64Array {
  const out = new Float64Array(length);
  const individual = { pitch: random.between(0.92, 1.08), tempo: random.between(0.88, 1.14) };
  // An individual keeps to one or two of the types of its species.
  const types = [random.int(songTypes), random.int(songTypes)];
  let at = random.between(0.2, 1.2);
  while (at < length / rateHz - 0.3) {
    const type = types[random.int(2)] as number;
    const song = perform((species[s] as Species).song(randomFor(seed, 'song type', s, type)), individual, random);
    renderSong(out, rateHz, song, at, 1);
    at += songSeconds(song) + random.between(0.5, 1.8);
  }
  return out;
}

function addInto(out: Float64Array, more: Float64Array, level: number): void {
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + level * (more[i] as number);
}

/** Minutes after midnight as `HH:MM:SS`. */
function clock(minutes: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:00`;
}
