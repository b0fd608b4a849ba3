/**
 * Runs `work` for every item, at most `workers` at once, and yields the results in the order of the items (`input`) or as
 * they become ready (`ready`). The first failure ends it; what is still running is left to its own abort signal.
 */
export async function* inParallel<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  workers: number,
  order: 'input' | 'ready',
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void> {
  const running: Promise<{ result: Result; slot: object }>[] = [];
  const slots: object[] = [];

  const take = async (): Promise<Result> => {
    const { result, slot } = await (order === 'input'
      ? (running[0] as (typeof running)[number])
      : Promise.race(running));
    const index = slots.indexOf(slot);
    slots.splice(index, 1);
    running.splice(index, 1);
    return result;
  };

  for await (const item of items) {
    const slot = {};
    const job = work(item).then((result) => ({ result, slot }));
    // A failure is seen when its turn comes, not as an unhandled one before.
    job.catch(() => {});
    slots.push(slot);
    running.push(job);
    if (running.length >= workers) yield await take();
  }
  while (running.length > 0) yield await take();
}
