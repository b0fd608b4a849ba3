// Names of species as people write them, against the labels that a model has.

/** Case, blanks, `_` and Unicode forms do not matter. @param {string} name */
const folded = (name) =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s_]+/g, ' ')
    .trim();

/** The names of a list: one a line, or separated by commas or semicolons; `#` begins a comment. @param {string} text */
export function namesOf(text) {
  return text
    .split(/[\r\n,;]+/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((name) => name !== '');
}

/**
 * Which labels a list of names means. A name may also be either half of `Scientific name_Common name`, as lists and labels
 * of other tools have them.
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} labels
 * @returns {{ known: Set<string>, unknown: string[] }}
 */
export function matchSpecies(names, labels) {
  const byName = new Map(labels.flatMap((label) => formsOf(label).map((form) => [form, label])));
  const known = new Set();
  const unknown = [];
  for (const name of names) {
    const form = formsOf(name).find((each) => byName.has(each));
    if (form === undefined) unknown.push(name);
    else known.add(byName.get(form));
  }
  return { known, unknown };
}

/** The name itself, and the halves of `Turdus merula_Eurasian Blackbird`. @param {string} name */
function formsOf(name) {
  const [, scientific, common] = name.match(/^([^_]+ [^_]+)_([^_]+)$/) ?? [];
  return [name, scientific, common].filter((each) => each !== undefined).map(folded);
}
