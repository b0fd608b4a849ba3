/**
 * Does something now and every few seconds, one at a time, while the page is seen; it ends when `body` says so.
 *
 * @param {number} seconds
 * @param {() => Promise<boolean | void>} body true where there is nothing more to come
 */
export async function everyFew(seconds, body) {
  for (;;) {
    if (document.visibilityState === 'visible' && (await body()) === true) return;
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
}
