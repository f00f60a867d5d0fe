import type { ClientBase } from "pg";
import type { Catalog, CatalogChanges, Fact } from "../catalog";
import { readLogChanges } from "./log";
import { readStepChanges } from "./journal";

/** The catalog that the migrations made. */
export interface Expected {
  /** All changes in the log, one after the other. */
  recorded: Catalog;
  /** The same with what the steps of a migration that is half done have changed so far. */
  made: Catalog;
}

/** The catalog that the migrations made, with what one that is half done has changed so far. */
export async function expectedCatalog(client: ClientBase): Promise<Catalog> {
  return (await readExpected(client)).made;
}

/** The catalog that the migrations made, without and with what one that is half done has changed. */
export async function readExpected(client: ClientBase): Promise<Expected> {
  const entries = await readLogChanges(client);
  const steps = await readStepChanges(client);
  const recorded = fold(entries.map(({ changes }) => changes));
  if (steps.length === 0) return { recorded, made: recorded };
  const all = [
    ...entries.map(({ id, changes }) => ({ at: id, changes })),
    // What was entered into the log after a step was changed after it.
    ...steps.map(({ after, changes }) => ({ at: after + 0.5, changes })),
  ].sort((a, b) => a.at - b.at);
  return { recorded, made: fold(all.map(({ changes }) => changes)) };
}

/** The catalog that changes give, one after the other. */
export function fold(all: readonly CatalogChanges[]): Catalog {
  const catalog = new Map<string, Fact>();
  for (const changes of all) {
    for (const [key, fact] of Object.entries(changes)) {
      if (fact === null) catalog.delete(key);
      else catalog.set(key, fact);
    }
  }
  return catalog;
}
