// What all pages do first.
import { settings } from './api.js';
import { byId } from './dom.js';
import { offerKey } from './key.js';

export function startPage() {
  offerKey();
  settings()
    .then(({ version }) => {
      byId('version', HTMLElement).textContent = `autobird ${version}`;
    })
    .catch(() => {
      // What the page needs of the service says so itself; the version is only an ornament.
    });
}
