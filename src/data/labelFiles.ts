import type { DataConfig } from '../config/schema.ts';
import type { Label, RejectedRecording } from '../domain.ts';
import type { FoundFile } from './findRecordings.ts';
import type { FileMetadata, Metadata } from './metadata.ts';

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
 * folder. Files without one are rejected: `no_metadata_row`, `no_label`, `no_class_folder`.
 */
export function labelFiles(
  files: readonly FoundFile[],
  metadata: Metadata,
  config: Pick<DataConfig, 'metadata'>,
): { readonly files: LabelledFile[]; readonly rejected: RejectedRecording[]; readonly warnings: string[] } {
  const labelled: LabelledFile[] = [];
  const rejected: RejectedRecording[] = [];
  const withoutRow: string[] = [];
  const tables = config.metadata.join(', ');
  for (const file of files) {
    const { path } = file;
    const row = metadata.files.get(path);
    const slash = path.indexOf('/');
    if (metadata.hasLabels && row === undefined) {
      rejected.push({ path, code: 'no_metadata_row', reason: `No row of ${tables} names it: add one with its label` });
    } else if (metadata.hasLabels && (row?.label ?? null) === null) {
      rejected.push({ path, code: 'no_label', reason: `Its row in ${tables} has no label` });
    } else if (!metadata.hasLabels && slash < 0) {
      const reason =
        'It lies directly in the raw folder: put it into a folder named after its class, or name it in data.metadata';
      rejected.push({ path, code: 'no_class_folder', reason });
    } else {
      if (row === undefined && config.metadata.length > 0) withoutRow.push(path);
      labelled.push({ ...file, label: row?.label ?? path.slice(0, slash), metadata: row ?? noMetadata });
    }
  }
  const warnings =
    withoutRow.length === 0
      ? []
      : [`${withoutRow.length} files have no row in ${tables} (${withoutRow[0]}): nothing but their class is known`];
  return { files: labelled, rejected, warnings };
}
