// A list of the species that can be there: everything else is not shown.
import { byId } from './dom.js';
import { matchSpecies, namesOf } from './lib/species.js';

const place = 'autobird-species';

/**
 * Makes the field for the list work; what it holds is kept by this browser.
 *
 * @param {() => void} onChange
 */
export function offerSpeciesList(onChange) {
  const field = byId('species', HTMLTextAreaElement);
  const file = byId('species-file', HTMLInputElement);
  /** @type {readonly string[]} */
  let labels = [];
  field.value = localStorage.getItem(place) ?? '';
  const changed = () => {
    if (field.value.trim() === '') localStorage.removeItem(place);
    else localStorage.setItem(place, field.value);
    describe();
    onChange();
  };
  field.addEventListener('input', changed);
  file.addEventListener('change', async () => {
    field.value = (await file.files?.[0]?.text()) ?? '';
    file.value = '';
    changed();
  });
  byId('species-clear', HTMLButtonElement).addEventListener('click', () => {
    field.value = '';
    changed();
  });

  function describe() {
    const names = namesOf(field.value);
    const { known, unknown } = matchSpecies(names, labels);
    byId('species-title', HTMLElement).textContent = names.length === 0 ? 'All species' : `Only ${known.size} species`;
    byId('species-note', HTMLElement).textContent =
      names.length === 0 || labels.length === 0
        ? ''
        : unknown.length === 0
          ? 'The model knows all of them.'
          : `The model does not know ${unknown.length} of ${names.length}: ${unknown.slice(0, 10).join(', ')}${unknown.length > 10 ? ', …' : ''}.`;
  }
  describe();

  return {
    /** @param {readonly string[]} known the labels of the model that predicts */
    setLabels(known) {
      labels = known;
      describe();
    },
    /**
     * Labels that are not shown: those that mean no event, and where there is a list all that is not on it.
     *
     * @param {readonly string[]} all
     * @param {readonly string[]} noEvent
     * @returns {readonly string[]}
     */
    hidden(all, noEvent) {
      const names = namesOf(field.value);
      if (names.length === 0) return noEvent;
      const { known } = matchSpecies(names, all);
      return all.filter((label) => noEvent.includes(label) || !known.has(label));
    },
  };
}
