/** What may stand between the markup of a template: text, which is escaped, and markup, which is not. */
export type HtmlValue = Html | string | number | readonly HtmlValue[];

/** Markup that is safe to put into a page; {@link html} alone makes it. */
export class Html {
  readonly #markup: string;

  constructor(strings: readonly string[], values: readonly HtmlValue[]) {
    this.#markup = strings
      .map((literal, i) => (i === 0 ? '' : markupOf(values[i - 1] as HtmlValue)) + literal)
      .join('');
  }

  toString(): string {
    return this.#markup;
  }
}

/**
 * Markup from a template. What is put in is escaped, unless it is markup itself; lists are joined.
 *
 * ```ts
 * html`<li title="${name}">${items.map((item) => html`<b>${item}</b>`)}</li>`
 * ```
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings, values);
}

/** None at all: for the branch of a condition that shows nothing. */
export const nothing = html``;

function markupOf(value: HtmlValue): string {
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(markupOf).join('');
  return String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
