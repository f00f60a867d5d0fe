import type { CommentStmt, DropStmt, Node, ObjectType } from "libpg-query";
import { type Effect, type Lock, type Through, effect } from "./effect";
import { nameParts, sqlName } from "../names";

/** What statements that drop or describe an object do; undefined for any other statement. */
export function objectEffect(tree: Node): Effect | undefined {
  if ("DropStmt" in tree) return drop(tree.DropStmt);
  if ("CommentStmt" in tree) return describe(tree.CommentStmt);
  if ("SecLabelStmt" in tree) {
    return { ...describe(tree.SecLabelStmt), hazards: ["changes access"] };
  }
  if ("DropOwnedStmt" in tree) {
    return effect({
      hazards: ["deletes data", "changes access"],
      unclear: ["what the roles own, which is dropped, cannot be told from the text"],
    });
  }
  if ("DropdbStmt" in tree) return effect({ hazards: ["deletes data"] });
  return undefined;
}

const RELATIONS: readonly (ObjectType | undefined)[] = [
  "OBJECT_TABLE",
  "OBJECT_FOREIGN_TABLE",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_SEQUENCE",
  "OBJECT_INDEX",
];
/** Their name is the table's, and one part more. */
const PARTS_OF_TABLES: readonly (ObjectType | undefined)[] = [
  "OBJECT_TRIGGER",
  "OBJECT_RULE",
  "OBJECT_POLICY",
  "OBJECT_COLUMN",
  "OBJECT_TABCONSTRAINT",
];

function drop({ removeType, objects = [], behavior, concurrent = false }: DropStmt): Effect {
  const cascades = behavior === "DROP_CASCADE";
  const unclear = cascades ? ["what else `cascade` drops cannot be told from the text"] : [];
  const mode = "ACCESS EXCLUSIVE";
  if (concurrent) return dropConcurrently(objects.map((object) => sqlName(nameParts(object))));
  if (RELATIONS.includes(removeType)) {
    const relations = objects.map((object) => sqlName(nameParts(object)));
    return { ...dropRelations(relations, removeType), unclear };
  }
  if (PARTS_OF_TABLES.includes(removeType)) {
    return effect({
      locks: objects.map((object) => ({ relation: tableOf(object), mode })),
      hazards: removeType === "OBJECT_POLICY" ? ["changes access"] : [],
      unclear,
    });
  }
  if (removeType === "OBJECT_STATISTIC_EXT") {
    const through = { what: "table of the statistics" } as const;
    const relations = objects.map((object) => sqlName(nameParts(object)));
    return effect({
      locks: relations.map((relation) => ({ relation, mode: "SHARE UPDATE EXCLUSIVE", through })),
    });
  }
  if (removeType === "OBJECT_SCHEMA" && cascades) {
    const dropsSchemas = objects.map((object) => sqlName(nameParts(object)));
    const through = { what: "every table" } as const;
    return effect({
      dropsSchemas,
      locks: dropsSchemas.map((relation) => ({ relation, mode, through })),
      hazards: ["deletes data"],
      unclear,
    });
  }
  // A table can hang from any of these; without `cascade` that refuses the drop.
  const holdsTables = removeType === "OBJECT_EXTENSION" || cascades;
  return effect({
    hazards: holdsTables ? ["deletes data"] : [],
    unclear:
      removeType === "OBJECT_EXTENSION"
        ? [...unclear, "what belongs to an extension cannot be told from the text"]
        : unclear,
  });
}

/** Indexes alone can be dropped `concurrently`. */
function dropConcurrently(indexes: string[]): Effect {
  const mode: Lock["mode"] = "SHARE UPDATE EXCLUSIVE";
  const through = { what: "table of the index" } as const;
  return effect({
    drops: indexes,
    locks: indexes.flatMap((relation): Lock[] => [
      { relation, mode, through, waitsAs: "ACCESS EXCLUSIVE" },
      { relation, mode },
    ]),
    notes: ["waits for transactions that use the table"],
  });
}

function dropRelations(relations: string[], type: DropStmt["removeType"]): Effect {
  const mode = "ACCESS EXCLUSIVE";
  const own = relations.map((relation): Lock => ({ relation, mode }));
  const others = (what: Through["what"]): Lock[] =>
    relations.map((relation) => ({ relation, mode, through: { what } }));
  const isTable = type === "OBJECT_TABLE";
  return effect({
    drops: relations,
    locks: [
      ...(type === "OBJECT_INDEX" ? others("table of the index") : []),
      ...own,
      ...(isTable ? [...others("referenced tables"), ...others("partitioned table")] : []),
    ],
    hazards: isTable ? ["deletes data"] : [],
    losses: isTable ? relations.map((relation) => ({ relation, column: null })) : [],
  });
}

/** `comment on` and `security label`. */
function describe({ objtype, object }: Pick<CommentStmt, "objtype" | "object">): Effect {
  if (!object) return effect();
  if (RELATIONS.includes(objtype)) {
    const relation = sqlName(nameParts(object));
    return effect({ locks: [{ relation, mode: "SHARE UPDATE EXCLUSIVE" }] });
  }
  if (!PARTS_OF_TABLES.includes(objtype)) return effect();
  const mode = objtype === "OBJECT_COLUMN" ? "SHARE UPDATE EXCLUSIVE" : "ACCESS SHARE";
  return effect({ locks: [{ relation: tableOf(object), mode }] });
}

function tableOf(object: Node): string {
  return sqlName(nameParts(object).slice(0, -1));
}
