import { byCodePoint } from '../byCodePoint.ts';
import type { DataConfig } from '../config/schema.ts';
import type { Label, RejectedRecording } from '../domain.ts';
import { groupBy } from '../groupBy.ts';
import type { FoundFile, FoundFiles } from './findRecordings.ts';
import { cleanLabel, twinWarnings } from './labels.ts';
import type { FileMetadata, Metadata } from './metadata.ts';
import { tableName } from './tableName.ts';

export interface LabelledFile extends FoundFile {
  readonly label: Label;
  readonly metadata: FileMetadata;
}

const noMetadata: FileMetadata = {
  label: null,
  backgroundLabels: [],
  annotations: [],
  session: null,
  groupKey: null,
  fold: null,
  date: '',
  time: '',
  metadata: {},
};

/**
 * The class of every file: what the metadata says, or, where no table gives labels, the first folder below the raw
 * folder; of a loose file the one label that its annotations have. Files without one are rejected: `no_metadata_row`,
 * `no_label`, `no_class_folder`.
 */
export function labelFiles(
  { files, folders }: Pick<FoundFiles, 'files' | 'folders'>,
  metadata: Metadata,
  config: Pick<DataConfig, 'metadata'>,
): { readonly files: LabelledFile[]; readonly rejected: RejectedRecording[]; readonly warnings: string[] } {
  const labelled: LabelledFile[] = [];
  const rejected: RejectedRecording[] = [];
  const withoutRow: string[] = [];
  const names = config.metadata.map(tableName);
  const [first, ...more] = names;
  const tables = more.length < 3 ? names.join(', ') : `${first} and ${more.length} more tables`;
  for (const file of files) {
    const { path } = file;
    const row = metadata.files.get(path);
    const slash = path.indexOf('/');
    const marked = [...new Set(row?.annotations.map(({ label }) => label).filter((label) => label !== ''))];
    const label = row?.label ?? (slash < 0 ? marked[0] : cleanLabel(path.slice(0, slash)));
    if (metadata.hasLabels && row === undefined) {
      rejected.push({ path, code: 'no_metadata_row', reason: `No row of ${tables} names it: add one with its label` });
    } else if (metadata.hasLabels && (row?.label ?? null) === null) {
      rejected.push({ path, code: 'no_label', reason: `Its row in ${tables} has no label` });
    } else if (label === undefined || (slash < 0 && !metadata.hasLabels && marked.length > 1)) {
      const several =
        marked.length > 1 ? ` and its annotations have ${marked.length} labels (${marked.join(', ')})` : '';
      const reason = `It lies directly in the raw folder${several}: put it into a folder named after its class, or name it in data.metadata`;
      rejected.push({ path, code: 'no_class_folder', reason });
    } else {
      if (row === undefined && config.metadata.length > 0) withoutRow.push(path);
      labelled.push({ ...file, label, metadata: row ?? noMetadata });
    }
  }
  const warnings = twinWarnings(labelled.map(({ label }) => label));
  const used = new Set(files.flatMap(({ path }) => (path.includes('/') ? [path.slice(0, path.indexOf('/'))] : [])));
  const empty = metadata.hasLabels ? [] : folders.filter((folder) => !used.has(folder));
  const spellings = groupBy(metadata.hasLabels ? [] : [...used].sort(byCodePoint), cleanLabel);
  for (const names of spellings.values()) {
    if (names.length > 1)
      warnings.push(`${names.map((name) => JSON.stringify(name)).join(' and ')} are taken for one class`);
  }
  if (empty.length > 0) warnings.push(`No recordings in ${empty.map((folder) => `${folder}/`).join(', ')}`);
  if (withoutRow.length > 0) {
    warnings.push(
      `${withoutRow.length} files have no row in ${tables} (${withoutRow[0]}): nothing but their class is known`,
    );
  }
  return { files: labelled, rejected, warnings };
}
