/** Log lines for a person: the time, how grave it is, what happened. Those for machines are JSON (`logging.ts`). */
import type { DestinationStream } from 'pino';

/** Lines of pino as text to `write`. They wait until `open()`, so that the address to open stands above them. */
export class TerminalLog implements DestinationStream {
  readonly #print: (text: string) => void;
  #waiting: string[] | null = [];

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  write(line: string): void {
    const text = described(line);
    if (text === null) return;
    if (this.#waiting === null) this.#print(text);
    else this.#waiting.push(text);
  }

  /** What has waited, and from now on each line at once. */
  open(): void {
    for (const text of this.#waiting ?? []) this.#print(text);
    this.#waiting = null;
  }
}

function described(line: string): string | null {
  const { severity, time, message, httpRequest, err, ...facts } = JSON.parse(line);
  // Fastify says so for every port; the address to open stands above.
  if (/^Server listening at /.test(message ?? '')) return null;
  const request = httpRequest && `${httpRequest.requestMethod} ${httpRequest.requestUrl} ${httpRequest.status}`;
  const words = [String(time).slice(11, 19), severity, message, request, err?.message, ...namesOf(facts)];
  return `${words.filter(Boolean).join('  ')}\n`;
}

function namesOf(facts: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(facts).flatMap(([key, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) && !/^(?:reqId|pid|hostname)$/.test(key)
      ? [`${key}=${value}`]
      : [],
  );
}
