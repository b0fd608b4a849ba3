/** RFC 4180: quoted where it must be, quotes doubled, records end in CRLF. */
export function csvRow(fields: readonly (string | number | null)[]): string {
  return `${fields.map((field) => csvField(field === null ? '' : String(field))).join(',')}\r\n`;
}

// A leading or trailing space is quoted too: some readers trim bare fields.
function csvField(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Tab-separated as Raven and Audacity read it. Neither knows quoting, so a tab or line break inside a value (a file name may
 * hold one) becomes a space.
 */
export function tabRow(fields: readonly (string | number)[]): string {
  return `${fields.map((field) => String(field).replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;
}

/** At most `decimals` digits after the point, no trailing zeros, never an exponent. */
export function decimal(value: number, decimals: number): string {
  const fixed = value.toFixed(decimals);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}
