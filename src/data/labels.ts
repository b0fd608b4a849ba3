import { byCodePoint } from '../byCodePoint.ts';
import type { Label } from '../domain.ts';
import { groupBy } from '../groupBy.ts';

/** One spelling of one name: trimmed, Unicode composed (macOS decomposes accents in the names of folders). */
export function cleanLabel(text: string): Label {
  return text.trim().normalize('NFC');
}

/** Labels that mean "no event", whatever their case and punctuation. */
export function noEventLabelsOf(labels: readonly Label[], names: readonly string[]): Label[] {
  const wanted = new Set(names.map(folded));
  return labels.filter((label) => wanted.has(folded(label)));
}

/** Warnings about classes that are likely one: names that differ in case, blanks, underscores or punctuation only. */
export function twinWarnings(labels: Iterable<Label>): string[] {
  const twins = groupBy([...new Set(labels)].sort(byCodePoint), (label) => folded(label) || label);
  return [...twins.values()]
    .filter((names) => names.length > 1)
    .map((names) => {
      const quoted = names.map((name) => JSON.stringify(name));
      return `${quoted.join(' and ')} are ${names.length} classes: give them one name if they are the same`;
    });
}

/** Letters and digits, in lower case. */
function folded(label: Label): string {
  return label
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '');
}
