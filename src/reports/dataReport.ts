/** `report.html` of a dataset: what is in it, to be looked at before training. */

import { byCodePoint } from '../byCodePoint.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recording, Side, Split } from '../domain.ts';
import { counted } from '../formats/percentAndClock.ts';
import { groupBy } from '../groupBy.ts';
import { plain } from './axes.ts';
import { contactSheet } from './contactSheet.ts';
import { type Html, html, nothing } from './html.ts';
import { type Column, figure, gallery, notice, renderPage, type Section, table, tiles } from './page.ts';
import { listed } from './reportParts.ts';
import { barChart, histogram, legend, type Series } from './svg.ts';

/** Of a distribution over names. */
const maxBars = 12;

const sideSeries: readonly Series[] = [
  { name: 'train', color: 1 },
  { name: 'val', color: 2 },
  { name: 'test', color: 3 },
];

/** The page, complete in itself. */
export async function renderDataReport(dataset: Dataset, split: Split): Promise<string> {
  const { manifest, recordings } = dataset;
  const { rejected, warnings } = manifest;
  const sections: (Section | null)[] = [
    { title: 'Overview', body: overview(dataset, split) },
    { title: 'Classes', body: classes(recordings, split) },
    { title: 'Recordings', body: distributions(recordings) },
    { title: 'How it sounds', body: await contactSheet(dataset) },
    sessions(recordings),
    copies(recordings),
    rejected.length === 0
      ? null
      : {
          title: `Rejected (${rejected.length})`,
          body: table(
            [{ title: 'File' }, { title: 'Code' }, { title: 'Reason' }],
            rejected.map(({ path, code, reason }) => [path, code, reason]),
          ),
        },
    warnings.length === 0
      ? null
      : {
          title: `Warnings (${warnings.length})`,
          body: table(
            [{ title: 'Warning' }],
            warnings.map((text) => [text]),
          ),
        },
    { title: 'Origin', body: origin(dataset) },
  ];
  return renderPage({
    title: `Dataset ${manifest.name}`,
    subtitle: `${manifest.counts.recordings} recordings of ${counted(manifest.labels.length, 'class', 'classes')} at ${plain(manifest.sampleRateHz)} Hz, split ${split.name}`,
    sections: sections.filter((section) => section !== null),
    footer: `autobird ${manifest.autobirdVersion}, dataset ${manifest.id}, ${manifest.createdAt.slice(0, 10)}`,
  });
}

function overview(dataset: Dataset, split: Split): Html {
  const { counts, labels, noEventLabels } = dataset.manifest;
  const items = [
    { value: plain(counts.recordings), label: 'recordings', note: `of ${plain(counts.files)} files` },
    {
      value: duration(counts.durationS),
      label: 'of sound',
      note: `${duration(counts.durationS / counts.recordings)} each`,
    },
    {
      value: plain(labels.length),
      label: 'classes',
      note: noEventLabels.length > 0 ? `no event: ${listed(noEventLabels)}` : '',
    },
    { value: plain(counts.sessions), label: 'sessions', note: counts.sessions === 0 ? 'the metadata names none' : '' },
    { value: plain(counts.duplicates), label: 'copies', note: 'kept in one group' },
    { value: plain(counts.rejected), label: 'rejected', note: counts.rejected > 0 ? 'listed below' : '' },
  ];
  const [sizes = '', leak = '', ...rest] = dataset.describeSplit(split);
  const { ok, caveat } = dataset.checkNoLeak(split);
  const kind = !ok ? 'bad' : caveat !== null ? 'warning' : 'good';
  const warnings = rest.map((line) => notice('warning', `${line}.`));
  return html`${tiles(items)}${notice(kind, `${leak}. ${sizes}.`)}${warnings}`;
}

function classes(recordings: readonly Recording[], split: Split): Html {
  const sideOf = new Map<string, Side>(split.assignments.map(({ path, side }) => [path, side]));
  const rows = [...groupBy(recordings, ({ label }) => label)]
    .map(([label, own]) => ({
      label,
      values: sideSeries.map(({ name }) => own.filter(({ path }) => sideOf.get(path) === name).length),
      seconds: own.reduce((sum, { durationS }) => sum + durationS, 0),
      count: own.length,
    }))
    .sort((a, b) => b.count - a.count || byCodePoint(a.label, b.label));
  const minutes = rows.map(({ label, seconds }) => ({ label, values: [seconds / 60] }));
  return gallery(
    [
      figure([barChart(rows, sideSeries, { width: 520 }), legend(sideSeries)], 'Recordings of each class on each side'),
      figure(
        barChart(minutes, [{ name: 'minutes', color: 4 }], {
          width: 520,
          format: (value) => plain(Number(value.toFixed(1))),
        }),
        'Minutes of sound of each class',
      ),
    ],
    420,
  );
}

function distributions(recordings: readonly Recording[]): Html {
  const frequencies = (key: (recording: Recording) => string) =>
    [...groupBy(recordings, key)]
      .map(([label, own]) => ({ label, values: [own.length] }))
      .sort((a, b) => (b.values[0] as number) - (a.values[0] as number) || byCodePoint(a.label, b.label));
  const bars = (key: (recording: Recording) => string, caption: string) => {
    const all = frequencies(key);
    const which = all.length > maxBars ? ` (the ${maxBars} most frequent of ${all.length})` : '';
    return figure(barChart(all.slice(0, maxBars), [{ name: 'recordings', color: 4 }], { width: 500 }), caption + which);
  };
  const levels = recordings.map(({ rms }) => -20 * Math.log10(Math.max(rms, 1e-6)));
  return gallery(
    [
      figure(
        histogram(
          recordings.map(({ durationS }) => durationS),
          { unit: 'seconds', width: 500 },
        ),
        'Length',
      ),
      figure(histogram(levels, { unit: 'dB below full scale (RMS)', width: 500 }), 'Level'),
      bars(({ sampleRateHz }) => `${plain(sampleRateHz)} Hz`, 'Sample rate of the files'),
      bars(
        ({ codec, channels }) =>
          `${codec}, ${channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`}`,
        'Codec and channels',
      ),
    ],
    420,
  );
}

function sessions(recordings: readonly Recording[]): Section | null {
  const known = recordings.filter(({ session }) => session !== null);
  if (known.length === 0) return null;
  const groups = [...groupBy(known, ({ session }) => session as string)].sort(
    (a, b) => b[1].length - a[1].length || byCodePoint(a[0], b[0]),
  );
  const columns: Column[] = [
    { title: 'Session' },
    { title: 'Recordings', numeric: true },
    { title: 'Minutes', numeric: true },
    { title: 'Classes' },
  ];
  const rows = groups.map(([session, own]) => [
    session,
    String(own.length),
    (own.reduce((sum, { durationS }) => sum + durationS, 0) / 60).toFixed(1),
    [...new Set(own.map(({ label }) => label))].join(', '),
  ]);
  return { title: `Sessions (${groups.length})`, body: table(columns, rows) };
}

function copies(recordings: readonly Recording[]): Section | null {
  const groups = [...groupBy(recordings, ({ audioHash }) => audioHash).values()].filter((own) => own.length > 1);
  if (groups.length === 0) return null;
  const rows = groups.map((own) => [
    own.map(({ path }) => path).join(', '),
    [...new Set(own.map(({ label }) => label))].join(', '),
  ]);
  return { title: `Copies (${groups.length})`, body: table([{ title: 'The same sound' }, { title: 'Class' }], rows) };
}

function origin(dataset: Dataset): Html {
  const { columns } = dataset.manifest;
  const understood = Object.entries(columns).map(([field, column]) => [field, column]);
  const licences = [...groupBy(dataset.recordings, ({ metadata: { licence = 'not stated' } }) => licence)].map(
    ([licence, own]) => [licence, String(own.length)],
  );
  return gallery(
    [
      figure(
        table([{ title: 'Licence' }, { title: 'Recordings', numeric: true }], licences),
        'Licences: a model trained on these recordings is bound to them',
      ),
      understood.length === 0
        ? nothing
        : figure(table([{ title: 'Field' }, { title: 'Column' }], understood), 'How the metadata was understood'),
    ],
    420,
  );
}

/** `2.2 h`, `7.1 min`, `5.2 s` */
function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  return seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
