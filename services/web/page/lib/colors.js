/**
 * Colours for classes, 1 to 8: the best score first, so that those seen together differ; what is written beside them tells
 * the others apart.
 *
 * @param {readonly string[]} labels in order of importance
 * @returns {(label: string) => number}
 */
export function colorsOf(labels) {
  const places = new Map(labels.map((label, i) => [label, (i % 8) + 1]));
  return (label) => places.get(label) ?? 8;
}
