/** Text that a spreadsheet would compute (`=HYPERLINK(…)`) begins with an apostrophe then: clients choose names of files, and labels. */
export function withoutFormula(text: string): string {
  return /^\s*[=+\-@＝＋－＠]/u.test(text) ? `'${text}` : text;
}
