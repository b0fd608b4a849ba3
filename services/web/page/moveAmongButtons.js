/**
 * Makes a list of many buttons one stop of the Tab key: arrow keys, Home and End go from one to the next. All but one of its
 * buttons begin with `tabindex="-1"`.
 *
 * @param {KeyboardEvent} event a `keydown` on the list
 */
export function moveAmongButtons(event) {
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const buttons = [...list.querySelectorAll('button')];
  const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  const target = next === undefined ? undefined : buttons[next];
  if (at === -1 || target === undefined) return;
  event.preventDefault();
  for (const button of buttons) button.tabIndex = button === target ? 0 : -1;
  target.focus();
}
