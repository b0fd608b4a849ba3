import { displayWidth, fit, printable } from '../formats/displayWidth.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be shortened, from its beginning, where the terminal is narrow. */
  readonly flexible?: boolean;
  value(row: Row): string;
}

const gap = 2;

/** Rows under titles, aligned, no wider than the terminal where a flexible column can give way. */
export function columns<Row>(rows: readonly Row[], layout: readonly Column<Row>[], width: number): string {
  const cells = rows.map((row) => layout.map((column) => printable(column.value(row))));
  const widths = layout.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
  );
  const excess = widths.reduce((sum, columnWidth) => sum + columnWidth + gap, -gap) - width;
  const flexible = layout.findIndex((column) => column.flexible);
  if (excess > 0 && flexible >= 0) widths[flexible] = Math.max(8, (widths[flexible] ?? 0) - excess);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => fit(text, widths[index] ?? 0, layout[index]?.align ?? 'left'))
      .join(' '.repeat(gap))
      .trimEnd();
  return `${[layout.map(({ title }) => title), ...cells].map(line).join('\n')}\n`;
}
