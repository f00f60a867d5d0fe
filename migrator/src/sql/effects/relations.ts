import type {
  AlterObjectSchemaStmt,
  CreateStmt,
  CreateTableAsStmt,
  LockStmt,
  Node,
  RangeVar,
  RenameStmt,
  TruncateStmt,
  ViewStmt,
} from "libpg-query";
import { alterTable } from "./alter-table";
import { type Effect, type Lock, effect, together } from "./effect";
import { referencedTables } from "./foreign-keys";
import { type LockMode, lockModeOf } from "../lock-mode";
import { nameParts, relationName, sqlName } from "../names";
import { findOption } from "../options";
import { besideNewPartition } from "./partitions";
import { queryEffect } from "./queries";

/** What statements that make and change relations do; undefined for any other statement. */
export function relationEffect(tree: Node): Effect | undefined {
  if ("AlterTableStmt" in tree) return alterTable(tree.AlterTableStmt);
  if ("CreateStmt" in tree) return createTable(tree.CreateStmt);
  if ("CreateForeignTableStmt" in tree) return createTable(tree.CreateForeignTableStmt.base ?? {});
  if ("CreateTableAsStmt" in tree) return createTableAs(tree.CreateTableAsStmt);
  if ("ViewStmt" in tree) return createView(tree.ViewStmt);
  if ("CreateSeqStmt" in tree) {
    const { sequence, options } = tree.CreateSeqStmt;
    return { ...ownerOf(options), creates: names([sequence]) };
  }
  if ("AlterSeqStmt" in tree) {
    const { sequence, options } = tree.AlterSeqStmt;
    return together([onRelation(sequence, "SHARE ROW EXCLUSIVE"), ownerOf(options)]);
  }
  if ("CreateTrigStmt" in tree) {
    const { relation, constrrel } = tree.CreateTrigStmt;
    return together([
      onRelation(relation, "SHARE ROW EXCLUSIVE"),
      ...(constrrel ? [onRelation(constrrel, "ACCESS SHARE")] : []),
    ]);
  }
  if ("RuleStmt" in tree) {
    const { relation, actions } = tree.RuleStmt;
    const { locks } = queryEffect(actions);
    return together([onRelation(relation, "ACCESS EXCLUSIVE"), effect({ locks })]);
  }
  if ("CreateStatsStmt" in tree) {
    return effect({
      locks: listed(tree.CreateStatsStmt.relations, "SHARE UPDATE EXCLUSIVE"),
    });
  }
  if ("TruncateStmt" in tree) return truncate(tree.TruncateStmt);
  if ("LockStmt" in tree) return lockTable(tree.LockStmt);
  if ("RenameStmt" in tree) return rename(tree.RenameStmt);
  if ("AlterObjectSchemaStmt" in tree) return setSchema(tree.AlterObjectSchemaStmt);
  return undefined;
}

/** Locks on the relations of a list of the tree. */
export function listed(nodes: readonly Node[] | undefined, mode: LockMode): Lock[] {
  return (nodes ?? []).flatMap((node) =>
    "RangeVar" in node ? [{ relation: relationName(node.RangeVar), mode }] : [],
  );
}

function createTable(statement: CreateStmt): Effect {
  const { relation, tableElts = [], constraints = [], inhRelations, partbound } = statement;
  const parents = listed(inhRelations, partbound ? "ACCESS EXCLUSIVE" : "SHARE UPDATE EXCLUSIVE");
  const columns = tableElts.flatMap((node) =>
    "ColumnDef" in node ? (node.ColumnDef.constraints ?? []) : [],
  );
  const likes = tableElts.flatMap((node) =>
    "TableLikeClause" in node && node.TableLikeClause.relation
      ? [{ relation: relationName(node.TableLikeClause.relation), mode: "ACCESS SHARE" as const }]
      : [],
  );
  return effect({
    creates: names([relation]),
    locks: [
      ...parents,
      ...(partbound ? parents.flatMap(({ relation: parent }) => besideNewPartition(parent)) : []),
      ...likes,
      ...referencedTables([...columns, ...tableElts, ...constraints]),
    ],
  });
}

function createTableAs({ into, query }: CreateTableAsStmt): Effect {
  return together([queryEffect(query), effect({ creates: names([into?.rel]) })]);
}

function createView({ view, query, replace = false }: ViewStmt): Effect {
  const { locks } = queryEffect(query);
  return together([
    replace ? onRelation(view, "ACCESS EXCLUSIVE") : effect(),
    effect({ locks, creates: names([view]) }),
  ]);
}

function truncate({ relations, behavior }: TruncateStmt): Effect {
  const own = listed(relations, "ACCESS EXCLUSIVE");
  const cascades = behavior === "DROP_CASCADE";
  const through = { what: "referencing tables" } as const;
  return effect({
    locks: cascades ? [...own, ...own.map((lock) => ({ ...lock, through }))] : own,
    hazards: ["deletes data"],
    losses: own.map(({ relation }) => ({ relation, column: null })),
    unclear: cascades
      ? [
          "which tables `cascade` empties beside, by their foreign keys, cannot be told from the text",
        ]
      : [],
  });
}

function lockTable({ relations, mode }: LockStmt): Effect {
  const known = lockModeOf(mode);
  return known
    ? effect({ locks: listed(relations, known) })
    : effect({ unclear: [`this version does not know lock mode ${mode}`] });
}

function rename({ renameType, relationType, relation, newname = "" }: RenameStmt): Effect {
  // A rename of a type's attribute, a role or a function names no relation.
  if (!relation) return effect();
  const isIndex = renameType === "OBJECT_INDEX" || relationType === "OBJECT_INDEX";
  const locked = onRelation(relation, isIndex ? "SHARE UPDATE EXCLUSIVE" : "ACCESS EXCLUSIVE");
  if (renameType === undefined || !RENAMED_RELATIONS.includes(renameType)) return locked;
  const renames = [
    { from: relationName(relation), to: relationName({ ...relation, relname: newname }) },
  ];
  return { ...locked, renames };
}

const RENAMED_RELATIONS: readonly RenameStmt["renameType"][] = [
  "OBJECT_TABLE",
  "OBJECT_FOREIGN_TABLE",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_SEQUENCE",
  "OBJECT_INDEX",
];

function setSchema({ relation, newschema = "" }: AlterObjectSchemaStmt): Effect {
  if (!relation) return effect({ hazards: ["changes access"] });
  const to = sqlName([newschema, relation.relname ?? ""]);
  return {
    ...onRelation(relation, "ACCESS EXCLUSIVE"),
    hazards: ["changes access"],
    renames: [{ from: relationName(relation), to }],
  };
}

/** The table whose column a sequence is to belong to. */
function ownerOf(options: readonly Node[] | undefined): Effect {
  const column = nameParts(findOption(options, "owned_by")?.arg);
  if (column.length < 2) return effect();
  return effect({ locks: [{ relation: sqlName(column.slice(0, -1)), mode: "ACCESS SHARE" }] });
}

function onRelation(relation: RangeVar | undefined, mode: LockMode): Effect {
  return effect({ locks: names([relation]).map((name) => ({ relation: name, mode })) });
}

function names(relations: readonly (RangeVar | undefined)[]): string[] {
  return relations.flatMap((relation) => (relation ? [relationName(relation)] : []));
}
