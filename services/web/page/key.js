// The API key of a service that wants one: kept by this tab until it is closed, and sent to this service only.
import { byId, el } from './dom.js';

const place = 'autobird-key';

export function currentKey() {
  return sessionStorage.getItem(place);
}

/** @type {Promise<boolean> | null} */
let asking = null;
let isDeclined = false;

/** Asks for a key; true where one was given. Requests that are refused together ask once, and nobody is asked twice who will not. */
export async function askForKey() {
  if (isDeclined) return false;
  asking ??= ask('The service asks for an API key.').finally(() => {
    asking = null;
  });
  return asking;
}

/** @param {string} why */
function ask(why) {
  const input = el('input', { type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', required: true });
  input.value = currentKey() ?? '';
  const dialog = el(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'key-title' },
    el(
      'form',
      { method: 'dialog' },
      el('h2', { id: 'key-title' }, 'API key'),
      el('p', {}, `${why} Its operator gives it to you. It is kept in this tab until you close it.`),
      el('label', { for: 'key' }, 'Key'),
      input,
      el(
        'div',
        { class: 'buttons' },
        el('button', { class: 'primary', value: 'use' }, 'Use this key'),
        el('button', { value: 'forget', formnovalidate: true }, 'Forget it'),
        el('button', { value: 'cancel', formnovalidate: true }, 'Cancel'),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const { returnValue } = dialog;
      if (returnValue === 'forget') sessionStorage.removeItem(place);
      if (returnValue === 'use') sessionStorage.setItem(place, input.value.trim());
      dialog.remove();
      isDeclined = returnValue !== 'use';
      resolve(returnValue === 'use');
    });
  });
}

/** The button at the foot of every page. */
export function offerKey() {
  byId('open-key', HTMLButtonElement).addEventListener('click', () => {
    ask('Only services that want one need it.').then((given) => {
      if (given) location.reload();
    });
  });
}
