import { setImmediate as pendingWrites } from "node:timers/promises";

/**
 * Runs `work` on one item after the other. What it needs of the next item is read while the server is at
 * work on this one.
 * @throws what `read` or `work` throws of an item, once those before it are done.
 */
export async function forEachAhead<Item, Content>(
  items: readonly Item[],
  read: (item: Item) => Promise<Content>,
  work: (item: Item, content: Content) => Promise<void>,
): Promise<void> {
  const [first] = items;
  let upcoming = first && read(first);
  for (const [index, item] of items.entries()) {
    if (!upcoming) return;
    const content = await upcoming;
    const next = items[index + 1];
    upcoming = next && pendingWrites().then(() => read(next));
    // It is told in its turn, or never when there is none.
    upcoming?.catch(() => undefined);
    await work(item, content);
  }
}
