import type { Statement } from "@app-data/rules";
import type { GrantStmt } from "libpg-query";

/** Where a transaction may have changed rights on relations, which takes no lock that would tell. */
export interface GrantedRelations {
  /** Relations that a GRANT or REVOKE names, as SQL writes them. */
  names: string[];
  /** Whether there can be no others; if there can, rows are searched for them. */
  complete: boolean;
  /**
   * Whether all they do is to drop tables that nothing else needs: what else they lock is as it was, such
   * as a table that one of these referred to.
   */
  dropsOnly: boolean;
  /** Whether something may be called otherwise afterwards, a column included. */
  mayRename: boolean;
}

// Statements that change no right on a relation, or only on one that they lock. What runs code of its
// own (`do`, `call`, `select`, writes to tables with triggers) is not among them.
const WITHOUT_HIDDEN_GRANTS = [
  "AlterEnumStmt",
  "AlterFunctionStmt",
  "AlterObjectSchemaStmt",
  "AlterOwnerStmt",
  "AlterPolicyStmt",
  "AlterSeqStmt",
  "AlterTableStmt",
  "CommentStmt",
  "CompositeTypeStmt",
  "CreateDomainStmt",
  "CreateEnumStmt",
  "CreateFunctionStmt",
  "CreatePolicyStmt",
  "CreateSchemaStmt",
  "CreateSeqStmt",
  "CreateStmt",
  "CreateTrigStmt",
  "DropStmt",
  "GrantRoleStmt",
  "IndexStmt",
  "RenameStmt",
  "ViewStmt",
];

/** Reads from statements where they may change rights on relations. */
export function grantedRelations(statements: readonly Statement[]): GrantedRelations {
  const names: string[] = [];
  let complete = true;
  for (const { tree } of statements) {
    if ("GrantStmt" in tree) {
      const named = namesIn(tree.GrantStmt);
      if (named) names.push(...named);
      else complete = false;
    } else if (!WITHOUT_HIDDEN_GRANTS.some((kind) => kind in tree)) complete = false;
  }
  const mayRename = !complete || statements.some(({ tree }) => "RenameStmt" in tree);
  return { names, complete, mayRename, dropsOnly: statements.every(dropsTables) };
}

function dropsTables({ tree }: Statement): boolean {
  if (!("DropStmt" in tree)) return false;
  const { removeType, behavior } = tree.DropStmt;
  return removeType === "OBJECT_TABLE" && behavior === "DROP_RESTRICT";
}

/** @returns undefined when the statement is about relations that it does not name one by one. */
function namesIn({ targtype, objtype, objects = [] }: GrantStmt): string[] | undefined {
  if (objtype !== "OBJECT_TABLE" && objtype !== "OBJECT_SEQUENCE") return [];
  if (targtype !== "ACL_TARGET_OBJECT") return undefined;
  const names = objects.map((object) => ("RangeVar" in object ? object.RangeVar : {}));
  return names.some(({ schemaname }) => schemaname === undefined)
    ? undefined
    : names.map(({ schemaname = "", relname = "" }) => `${quote(schemaname)}.${quote(relname)}`);
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
