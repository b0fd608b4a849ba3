/**
 * P-values adjusted so that, of what is called drift below a level, no more than that share is by chance (Benjamini and
 * Hochberg 1995); in the order given.
 */
export function adjustForFalseDiscovery(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[b] as number) - (pValues[a] as number));
  const adjusted = new Array<number>(pValues.length);
  let least = 1;
  order.forEach((index, fromEnd) => {
    const rank = pValues.length - fromEnd;
    least = Math.min(least, ((pValues[index] as number) * pValues.length) / rank);
    adjusted[index] = least;
  });
  return adjusted;
}
