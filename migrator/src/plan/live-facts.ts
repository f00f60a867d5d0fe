import type { ClientBase } from "pg";
import { catalogDigest, readCatalog } from "../catalog";
import { type DatabaseIdentity, databaseIdentity } from "../database/identity";
import { Script } from "../database/script";
import { type SessionLock, readSessions } from "./blockers";
import type { ColumnType } from "../sql/effects/column-types";
import type { Content } from "./content";
import type { Effect, Lock } from "../sql/effects/effect";
import { resolveLocks } from "./lock-resolution";
import {
  type RelationFacts,
  readColumnTypes,
  readRelationFacts,
  unlessLocked,
} from "./relation-facts";

/** What the database says that a plan needs. */
export interface LiveFacts {
  database: DatabaseIdentity;
  /** Undefined when somebody held a lock against reading it. */
  catalogDigest: string | undefined;
  /** The locks of each effect, on the relations themselves. */
  locks: ReadonlyMap<Effect, readonly Lock[]>;
  /** The tables of the schemas that an effect drops. */
  tables: ReadonlyMap<Effect, readonly string[]>;
  relations: ReadonlyMap<string, RelationFacts>;
  /** By `table column`. */
  columnTypes: ReadonlyMap<string, ColumnType>;
  sessions: readonly SessionLock[];
}

/**
 * Reads what a plan of these migrations needs, in the transaction that the connection is in.
 * @param undoing what the rollbacks do that come first.
 */
export async function readLiveFacts(
  client: ClientBase,
  contents: readonly Content[],
  undoing: readonly Effect[],
): Promise<LiveFacts> {
  const planned = contents.flatMap(({ forward, rollback }) => [
    ...forward.map(({ effect }) => effect),
    ...rollback,
  ]);
  const effects = [...undoing, ...planned];
  const { locks, tables } = await locksOf(client, effects);
  const names = new Set([
    ...[...locks.values()].flatMap((each) => each.map(({ relation }) => relation)),
    ...effects.flatMap(({ losses }) => losses.map(({ relation }) => relation)),
  ]);
  const relations = await readRelationFacts(client, [...names]);
  const oids = [...relations.values()].flatMap(({ members }) => members);
  return {
    database: await databaseIdentity(client),
    catalogDigest: await readDigest(client),
    locks,
    tables,
    relations,
    columnTypes: await readColumnTypes(
      client,
      effects.flatMap(({ retypes }) => retypes),
    ),
    sessions: contents.length > 0 ? await readSessions(client, oids) : [],
  };
}

/** Digest of the catalog; undefined when somebody held a lock against reading it. */
export function readDigest(client: ClientBase): Promise<string | undefined> {
  return unlessLocked(client, async () => catalogDigest(await readCatalog(client)));
}

/** Effects in the order in which they come: a table that one renames is asked about by its old name. */
async function locksOf(
  client: ClientBase,
  effects: readonly Effect[],
): Promise<Pick<LiveFacts, "locks" | "tables">> {
  const oldNames = new Map<string, string>();
  const asked = effects.flatMap(({ locks, renames }) => {
    const known = locks.map((lock) =>
      lock.through ? { ...lock, relation: oldNames.get(lock.relation) ?? lock.relation } : lock,
    );
    for (const { from, to } of renames) oldNames.set(to, oldNames.get(from) ?? from);
    return known;
  });
  const resolved = await resolveLocks(new Script(client), asked);
  const locks = new Map<Effect, Lock[]>();
  const tables = new Map<Effect, string[]>();
  let place = 0;
  for (const effect of effects) {
    const own = resolved.slice(place, place + effect.locks.length);
    locks.set(effect, own.flat());
    const ofSchemas = own.filter(
      (_, index) => effect.locks[index]?.through?.what === "every table",
    );
    const known = ofSchemas.flat().filter(({ through }) => !through);
    tables.set(
      effect,
      known.map(({ relation }) => relation),
    );
    place += effect.locks.length;
  }
  return { locks, tables };
}
