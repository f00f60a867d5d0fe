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
  relations: ReadonlyMap<string, RelationFacts>;
  /** By `table column`. */
  columnTypes: ReadonlyMap<string, ColumnType>;
  sessions: readonly SessionLock[];
}

/** Reads what a plan of these migrations needs, in the transaction that the connection is in. */
export async function readLiveFacts(
  client: ClientBase,
  contents: readonly Content[],
): Promise<LiveFacts> {
  const effects = contents.flatMap(({ forward, rollback }) => [
    ...forward.map(({ effect }) => effect),
    ...rollback,
  ]);
  const locks = await locksOf(client, effects);
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
): Promise<Map<Effect, Lock[]>> {
  const oldNames = new Map<string, string>();
  const asked = effects.flatMap(({ locks, renames }) => {
    const known = locks.map((lock) =>
      lock.through ? { ...lock, relation: oldNames.get(lock.relation) ?? lock.relation } : lock,
    );
    for (const { from, to } of renames) oldNames.set(to, oldNames.get(from) ?? from);
    return known;
  });
  const resolved = await resolveLocks(new Script(client), asked);
  const found = new Map<Effect, Lock[]>();
  let place = 0;
  for (const effect of effects) {
    found.set(effect, resolved.slice(place, place + effect.locks.length).flat());
    place += effect.locks.length;
  }
  return found;
}
