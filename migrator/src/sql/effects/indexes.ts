import type {
  ClusterStmt,
  IndexStmt,
  Node,
  RefreshMatViewStmt,
  ReindexStmt,
  VacuumStmt,
} from "libpg-query";
import { type Effect, type Lock, effect } from "./effect";
import { relationName, sqlName } from "../names";
import { isOptionOn } from "../options";

/** What statements on indexes and on how tables are stored do; undefined for any other statement. */
export function storageEffect(tree: Node): Effect | undefined {
  if ("IndexStmt" in tree) return createIndex(tree.IndexStmt);
  if ("ReindexStmt" in tree) return reindex(tree.ReindexStmt);
  if ("ClusterStmt" in tree) return cluster(tree.ClusterStmt);
  if ("VacuumStmt" in tree) return vacuum(tree.VacuumStmt);
  if ("RefreshMatViewStmt" in tree) return refresh(tree.RefreshMatViewStmt);
  return undefined;
}

const WAITS =
  "waits for transactions that write to the table, and for those with an older snapshot";

function createIndex({ relation = {}, idxname, concurrent = false }: IndexStmt): Effect {
  return effect({
    locks: [{ relation: relationName(relation), ...buildLock(concurrent) }],
    hazards: ["builds index"],
    // An index is made in the schema of its table.
    creates: idxname === undefined ? [] : [relationName({ ...relation, relname: idxname })],
    notes: concurrent ? [WAITS] : [],
  });
}

function buildLock(concurrent: boolean): Pick<Lock, "mode" | "waitsAs"> {
  return concurrent ? { mode: "SHARE UPDATE EXCLUSIVE", waitsAs: "SHARE" } : { mode: "SHARE" };
}

function reindex({ kind, relation = {}, name, params }: ReindexStmt): Effect {
  const concurrent = isOptionOn(params, "concurrently");
  const lock = buildLock(concurrent);
  const target = relationName(relation);
  const hazards: Effect["hazards"] = ["builds index"];
  const notes = concurrent ? [WAITS] : [];
  switch (kind) {
    case "REINDEX_OBJECT_INDEX":
      return effect({
        locks: [
          { relation: target, ...lock, through: { what: "table of the index" } },
          { relation: target, mode: concurrent ? lock.mode : "ACCESS EXCLUSIVE" },
        ],
        hazards,
        notes,
      });
    case "REINDEX_OBJECT_TABLE":
      // The indexes are locked ACCESS EXCLUSIVE, and no query is planned without looking at them.
      if (!concurrent) hazards.push("blocks reads");
      return effect({ locks: [{ relation: target, ...lock }], hazards, notes });
    default: {
      const all =
        kind === "REINDEX_OBJECT_SCHEMA" ? `schema ${sqlName([name ?? ""])}` : "the database";
      const unclear = [`which tables of ${all} it locks, each ${lock.mode}`];
      return effect({ hazards, notes, unclear });
    }
  }
}

function cluster({ relation }: ClusterStmt): Effect {
  const hazards: Effect["hazards"] = ["rewrites table", "builds index"];
  if (relation) {
    return effect({
      locks: [{ relation: relationName(relation), mode: "ACCESS EXCLUSIVE" }],
      hazards,
    });
  }
  const unclear = ["which tables were clustered before: each is locked ACCESS EXCLUSIVE"];
  return effect({ hazards, unclear });
}

function vacuum({ options, rels = [] }: VacuumStmt): Effect {
  const full = isOptionOn(options, "full");
  const mode = full ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE";
  const relations = rels.flatMap((node) =>
    "VacuumRelation" in node && node.VacuumRelation.relation ? [node.VacuumRelation.relation] : [],
  );
  return effect({
    locks: relations.map((relation) => ({ relation: relationName(relation), mode })),
    hazards: full ? ["rewrites table", "builds index"] : [],
    unclear: relations.length === 0 ? [`every table of the database is locked, each ${mode}`] : [],
  });
}

function refresh({ relation = {}, concurrent = false }: RefreshMatViewStmt): Effect {
  const name = relationName(relation);
  return effect({
    locks: [
      { relation: name, mode: concurrent ? "EXCLUSIVE" : "ACCESS EXCLUSIVE" },
      { relation: name, mode: "ACCESS SHARE", through: { what: "tables of the query" } },
    ],
    hazards: concurrent ? [] : ["rewrites table"],
  });
}
