import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { RejectedRecording } from '../domain.ts';
import { groupBy } from '../groupBy.ts';
import type { FoundFile } from './findRecordings.ts';
import { tableName } from './tableName.ts';

/** Where the recordings are that tables name: the path of a found file, or the reason why there is none. */
export interface FileFinder {
  /** The file that a row names. */
  file(text: string, table: string): string | RejectedRecording;
  /** The file of a table that names none: `dawn.wav` for `dawn.wav.labels.txt` or `dawn.Table.1.selections.txt`. */
  ofTable(table: string): string | RejectedRecording;
}

/**
 * A path is tried relative to the raw folder, to the table's folder, to `audio/` beside the table, and to where the command
 * runs. A bare name, and an absolute path of another machine, is found by its end where just one file has it.
 */
export function fileFinder(rawDir: string, found: readonly FoundFile[]): FileFinder {
  const root = resolve(rawDir);
  // macOS decomposes accents in file names, spreadsheets compose them.
  const composed = new Map(found.map((file) => [file.path.normalize('NFC'), file.path]));
  const paths = found.map(({ path }) => path);
  const byName = groupBy(paths, (path) => basename(path).normalize('NFC'));
  const byFoldedName = groupBy(paths, (path) => folded(basename(path)));
  const byFoldedStem = groupBy(paths, (path) => folded(stem(path)));
  const missing = (path: string, reason: string, code = 'missing_file') => ({ path, code, reason });

  /** Of the files with the longest common end, `least` parts at least. */
  const byEnd = (path: string, least: number): readonly string[] => {
    const parts = path.split('/').reverse();
    const commonParts = (other: string): number => {
      const theirs = `${basename(root)}/${other}`.split('/').reverse();
      const differing = parts.findIndex((part, i) => part.normalize('NFC') !== theirs[i]?.normalize('NFC'));
      return differing < 0 ? parts.length : differing;
    };
    const candidates = byName.get(basename(path).normalize('NFC')) ?? [];
    const longestMatch = candidates.reduce((longest, other) => Math.max(longest, commonParts(other)), least);
    return candidates.filter((other) => commonParts(other) === longestMatch);
  };
  const near = (path: string): string => {
    const same = byFoldedName.get(folded(basename(path))) ?? byFoldedStem.get(folded(stem(path))) ?? [];
    const [best] = same.toSorted(
      (a, b) => Number(folded(b) === folded(path)) - Number(folded(a) === folded(path)) || (a < b ? -1 : 1),
    );
    return best === undefined ? '' : `: did you mean ${best}?`;
  };

  return {
    file(text, table) {
      const value = text.trim();
      if (value === '') return missing(tableName(table), 'A row of the metadata names no file');
      const spellings = value.includes('\\') ? [value, value.replaceAll('\\', '/')] : [value];
      const bases = [root, resolve(dirname(table)), resolve(dirname(table), 'audio'), process.cwd()];
      const places = spellings.flatMap((spelling) =>
        isAbsolute(spelling) ? [spelling] : bases.map((base) => resolve(base, spelling)),
      );
      const below = (place: string) => relative(root, place).split(sep).join('/');
      for (const place of places) {
        const path = composed.get(below(place).normalize('NFC'));
        if (path !== undefined) return path;
      }
      const there = places.find((place) => existsSync(place));
      if (there !== undefined) {
        return below(there).startsWith('..')
          ? missing(value, `Named by ${tableName(table)}, but it lies outside data.raw_dir`, 'outside_raw_dir')
          : missing(
              below(there),
              `Named by ${tableName(table)}, but data.extensions does not name its extension`,
              'other_extension',
            );
      }
      const spelling = spellings.at(-1) as string;
      const isForeign = /^(?:\/|[A-Za-z]:\/)/.test(spelling);
      const ends = isForeign || !spelling.includes('/') ? byEnd(spelling, isForeign ? 2 : 1) : [];
      if (ends.length === 1) return ends[0] as string;
      if (ends.length > 1) {
        return missing(value, `Named by ${tableName(table)}, but ${ends.join(' and ')} end so`, 'ambiguous_file');
      }
      return missing(value, `Named by ${tableName(table)}, but there is no such file${near(spelling)}`);
    },
    ofTable(table) {
      const name = basename(table).replace(
        /(?:\.labels|(?:\.Table\.\d+)?\.selections|\.BirdNET\.selection\.table)?\.[^.]+$/i,
        '',
      );
      const beside = relative(root, resolve(dirname(table), name))
        .split(sep)
        .join('/');
      const exact = composed.get(beside.normalize('NFC'));
      if (exact !== undefined) return exact;
      const ends = [...byEnd(name, 1), ...(byFoldedStem.get(folded(name)) ?? [])];
      if (ends.length === 1) return ends[0] as string;
      const reason =
        ends.length === 0
          ? `It has no column with paths, and there is no recording of its name (${name})`
          : `It has no column with paths, and ${ends.join(' and ')} have its name`;
      return missing(tableName(table), reason, ends.length === 0 ? 'missing_file' : 'ambiguous_file');
    },
  };
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

function stem(path: string): string {
  return basename(path).replace(/\.[^.]+$/, '');
}
