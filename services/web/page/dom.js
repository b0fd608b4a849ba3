// Elements without markup in text: what a recording or a class is called can never become a part of the page.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes] functions are listeners (`onclick`), true and false set and leave out
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * The element of the page with an id.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}`);
  return element;
}

/** A sign of assets/icons.svg, for eyes only: the words beside it say the same. @param {string} name */
export function icon(name) {
  const namespace = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(namespace, 'svg');
  picture.setAttribute('class', 'icon');
  picture.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(namespace, 'use');
  use.setAttribute('href', new URL(`./icons.svg#${name}`, import.meta.url).href);
  picture.append(use);
  return picture;
}

/** Has a screen reader say something. @param {string} text */
export function announce(text) {
  byId('announcer', HTMLElement).textContent = text;
}

/**
 * A sentence that must not be missed, with what to do about it.
 *
 * @param {'good' | 'warning' | 'bad'} kind
 * @param {string} text
 */
export function notice(kind, text) {
  return el('p', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : 'status' }, text);
}

/** Gives the reader a file. @param {string} name @param {BlobPart} content @param {string} type */
export function saveFile(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  el('a', { href: url, download: name }).click();
  // The download has begun when the click is done; the address stays valid a little longer for slow browsers.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
