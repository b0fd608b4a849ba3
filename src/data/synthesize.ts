/**
 * The set that comes with autobird: invented birds at invented places, made from a seed, so that the whole way can be
 * tried without downloading a recording. Equal options give equal bytes on every machine.
 */
import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AutobirdError, expected } from '../../bindings/errors.ts';
import type { JobOptions } from '../domain.ts';
import { readJson, removeLeftovers, writeFileAtomic, writeJson } from '../files.ts';
import { checkOptions } from '../options.ts';
import { type Random, randomFor } from '../random.ts';
import { decode, encode } from '../schema/case.ts';
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

/** Where the made recordings are. */
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

/** `synthetic.json`: that the folder is autobird's, and what is in it. */
const markSchema = z.strictObject({
  version: z.literal(version),
  seed: z.int().min(0),
  recordingsPerSpecies: z.int().min(1),
  /** Sets of older versions were marked when they were finished. */
  finished: z.boolean().default(true),
});

type Mark = z.infer<typeof markSchema>;

/**
 * Writes `<dir>/audio/<species>/<site>_<date>_<time>.wav` and `<dir>/metadata.csv` into a new or empty folder, which it marks
 * with `<dir>/synthetic.json`. A complete set with the same options is left as it is; an unfinished or other
 * one is made again. Files that are not of the set are never touched. About 45 MB and four seconds by default.
 *
 * @throws InvalidArgumentError for options out of range; AutobirdError `not_empty` for a folder that holds something else,
 *   `disk_full`, `not_writable`; FormatError for a `synthetic.json` that is damaged or of another version
 */
export async function synthesize(dir: string, options: SynthesizeOptions = {}): Promise<SynthesizedSet> {
  checkOptions('synthesize', options, { seed: 1, recordingsPerSpecies: 1, signal: 1, onProgress: 1 });
  const { seed = 4, recordingsPerSpecies = 12, signal, onProgress } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) throw expected('a whole number from 0 on', 'seed', seed);
  if (!Number.isSafeInteger(recordingsPerSpecies) || recordingsPerSpecies < 1) {
    throw expected('a positive integer', 'recordingsPerSpecies', recordingsPerSpecies);
  }
  const [rawDir, metadata, markPath] = [join(dir, 'audio'), join(dir, 'metadata.csv'), join(dir, 'synthetic.json')];
  const mark = (set: Mark) => writeJson(markPath, encode(markSchema, set));
  const set: Mark = { version, seed, recordingsPerSpecies, finished: false };
  const planned = planRecordings(seed, recordingsPerSpecies);
  const result = { rawDir, metadata, recordings: planned.length };

  const before = await readMark(dir, markPath);
  if (before !== null) {
    const isSame = before.seed === seed && before.recordingsPerSpecies === recordingsPerSpecies;
    const paths = [metadata, ...planned.map(({ file }) => join(rawDir, file))];
    if (isSame && before.finished && paths.every((path) => existsSync(path))) return { ...result, made: false };
    await mark({ ...before, finished: false });
    await removeLeftovers(dir);
    if (!isSame) await removeSet(rawDir, metadata, before);
  }
  await mark(set);
  const rows = ['file,species,session,recordist,date,time,site,background_species,licence'];
  for (const [n, { file, time, species: s, session, random }] of planned.entries()) {
    signal?.throwIfAborted();
    const { samples, background } = record(s, session, seed, random);
    await writeFileAtomic(join(rawDir, file), encodeWav16(samples, session.rateHz));
    const { site, recordist, date } = session;
    const { name } = species[s] as Species;
    rows.push([file, name, `${recordist}|${date}`, recordist, date, time, site.name, background, 'CC0-1.0'].join(','));
    onProgress?.({ stage: 'synthesize', done: n + 1, total: planned.length, message: file });
  }
  await writeFileAtomic(metadata, `${rows.join('\n')}\n`);
  await mark({ ...set, finished: true });
  return { ...result, made: true };
}

/** What autobird wrote about the folder; null where there is nothing in it yet. */
async function readMark(dir: string, markPath: string): Promise<Mark | null> {
  if (existsSync(markPath)) return decode(markSchema, await readJson(markPath), markPath);
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length === 0) return null;
  throw new AutobirdError(
    'not_empty',
    `${dir} is not empty, and synthetic recordings only go into a folder of their own, so that nothing is overwritten: name a new or empty folder`,
  );
}

/** Only the files of the set, and the folders that are empty then. */
async function removeSet(rawDir: string, metadata: string, { seed, recordingsPerSpecies }: Mark): Promise<void> {
  await rm(metadata, { force: true });
  for (const { file } of planRecordings(seed, recordingsPerSpecies)) await rm(join(rawDir, file), { force: true });
  for (const { name } of species) {
    const folder = join(rawDir, name);
    if (!existsSync(folder)) continue;
    await removeLeftovers(folder);
    if ((await readdir(folder)).length === 0) await rmdir(folder);
  }
}

interface PlannedRecording {
  /** Inside `audio`. */
  readonly file: string;
  readonly time: string;
  /** Place in the list of species. */
  readonly species: number;
  readonly session: Session;
  /** For its sounds. */
  readonly random: Random;
}

function planRecordings(seed: number, recordingsPerSpecies: number): PlannedRecording[] {
  const count = recordingsPerSpecies * species.length;
  const sessions = makeSessions(count, seed);
  return Array.from({ length: count }, (_, n) => {
    // All species in another order each time: a session holds several, and no site has its own.
    const [round, place] = [Math.floor(n / species.length), n % species.length];
    const s = randomFor(seed, 'round', round).permutation(species.length)[place] as number;
    const session = sessions[Math.floor(n / sessionSize)] as Session;
    const random = randomFor(seed, 'recording', n);
    const time = clock(5 * 60 + 11 * session.recorded++ + random.int(9));
    const name = `${session.site.name}_${session.date.replaceAll('-', '')}_${time.replaceAll(':', '')}.wav`;
    return { file: `${(species[s] as Species).name}/${name}`, time, species: s, session, random };
  });
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
