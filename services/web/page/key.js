// The API key of a service that needs one: stored in this tab until it is closed, and sent to this service only.
import { byId, el } from './dom.js';

const place = 'autobird-key';

export function currentKey() {
  return sessionStorage.getItem(place);
}

/** @type {Promise<boolean> | null} */
let openDialog = null;
let isDeclined = false;

/** Asks the reader for a key; true where one was given. Requests refused together open one dialog; who declined sees none again. */
export async function askForKey() {
  if (isDeclined) return false;
  openDialog ??= showDialog('The service needs an API key.').finally(() => {
    openDialog = null;
  });
  return openDialog;
}

/** @param {string} why */
function showDialog(why) {
  const input = el('input', { type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', required: true });
  input.value = currentKey() ?? '';
  const dialog = el(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'key-title' },
    el(
      'form',
      { method: 'dialog' },
      el('h2', { id: 'key-title' }, 'API key'),
      el('p', {}, `${why} Its operator gives it to you. It stays in this tab until you close it.`),
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
    showDialog('Only some services need one.').then((given) => {
      if (given) location.reload();
    });
  });
}
