/** Responses by status; `closed` where the connection ended without one, `held` where it was open to the end. */
export class ResponseCounts {
  readonly counts = new Map<string, number>();
  /** Responses that should not have come. */
  readonly problems: string[] = [];
  /** Figures for people. */
  readonly notes: string[] = [];

  add(response: string, count = 1): void {
    this.counts.set(response, (this.counts.get(response) ?? 0) + count);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    return [...this.counts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([response, count]) => `${response} x ${count}`)
      .join(', ');
  }
}
