import type { DeleteStmt, Node, UpdateStmt, WithClause } from "libpg-query";
import { type Body, statementsOf } from "./body-statements";
import { identifiers } from "./expressions";
import { selectOf } from "./identity-expressions";
import { quoteName } from "./names";
import { type OwnerProof, ownerProof } from "./owner-proof";
import type { DatabaseFunction, Schema, Table, Trigger } from "./schema";

/** Variables that are given each other's values are followed this far. */
const MAXIMUM_DEPTH = 5;
const textTypes = /^(text|varchar|bpchar|char|citext|json|bytea|xml)|\[\]$/;

/**
 * Says what a trigger with its function owner's rights does with rows of others, where whoever fires it
 * chooses.
 * @returns undefined where nothing is seen, or where no end user can fire it.
 */
export function triggerHole(
  schema: Schema,
  item: DatabaseFunction,
  { relation }: Trigger,
): string | undefined {
  const proof = ownerProof(schema);
  const { ownership, users } = proof;
  const table = ownership.table(relation);
  const view = (schema.views ?? []).find((other) => quoteName(other) === quoteName(relation));
  const isWritten = (table ?? view)?.grants?.some(
    ({ grantee, privilege }) =>
      users.has(grantee) && ["insert", "update", "delete"].includes(privilege),
  );
  if (!isWritten || item.language !== "plpgsql") return undefined;
  const body = statementsOf(item);
  if (!body) return "what it does can not be read off it";
  // Policies of a table tie its row's owner to whoever writes it; nothing ties the row of a view.
  const tied = table?.rowSecurity ? ownership.ownersOf(table) : [];
  return new TriggerProof(proof, body, tied).hole(table);
}

class TriggerProof {
  constructor(
    private readonly proof: OwnerProof,
    private readonly body: Body,
    /** Columns of the written row that hold whoever writes it. */
    private readonly tied: readonly string[],
  ) {}

  public hole(table: Table | undefined): string | undefined {
    for (const node of this.body.statements.flatMap(withWrites)) {
      const reason = this.ofStatement(node);
      if (reason !== undefined) return reason;
    }
    for (const { name, type } of table?.columns ?? []) {
      const values = this.body.variables.get(`new.${name}`) ?? [];
      if (textTypes.test(type) && values.some((value) => this.showsOthers(value))) {
        return `it puts what it finds in rows of others into the written row's ${name}`;
      }
    }
    return undefined;
  }

  private ofStatement(node: Node): string | undefined {
    if ("DeleteStmt" in node) return this.deleted(node.DeleteStmt);
    const changed = "UpdateStmt" in node ? this.changed(node.UpdateStmt) : undefined;
    if (changed !== undefined) return changed;
    const { ownership } = this.proof;
    const written = writtenRelation(node);
    const target = written && ownership.named(written.relname ?? "", written.schemaname);
    if (!target) return undefined;
    const owners = ownership.ownersOf(target);
    // A row that is there already may be anybody's, whoever it is given to.
    const given = givenOwners(node, owners).flatMap((value) => this.rowColumns(value));
    const inserted = insertedOwners(node, target, owners).flatMap((value) =>
      this.rowColumns(value),
    );
    const column = given[0] ?? inserted.find((name) => !this.tied.includes(name));
    return column === undefined
      ? undefined
      : `it writes rows of ${quoteName(target)} for the user in the written row's ${column}`;
  }

  private deleted({ relation, usingClause = [], whereClause }: DeleteStmt): string | undefined {
    const { ownership } = this.proof;
    const target = relation && ownership.named(relation.relname ?? "", relation.schemaname);
    if (!target || !relation || ownership.isOwnerless(target)) return undefined;
    const fromClause = [{ RangeVar: relation }, ...usingClause];
    const query = { fromClause, ...(whereClause && { whereClause }) };
    return this.proof.ownRows.areRead(query, { written: this.tied })
      ? undefined
      : `it deletes rows of ${quoteName(target)} that may be of others`;
  }

  /** A figure of the row that the written one names may be kept up to date; what others' rows say is theirs. */
  private changed(statement: UpdateStmt): string | undefined {
    const { relation, targetList = [], fromClause = [], whereClause, withClause } = statement;
    const { ownership, ownRows } = this.proof;
    const target = relation && ownership.named(relation.relname ?? "", relation.schemaname);
    if (!target || !relation || ownership.isOwnerless(target)) return undefined;
    const read = [{ RangeVar: relation }, ...fromClause];
    const query = { fromClause: read, ...(whereClause && { whereClause }) };
    const texts = (target.columns ?? []).filter(({ type }) => textTypes.test(type));
    const isTaken = targetList.some((item) => {
      const { name, val } = "ResTarget" in item ? item.ResTarget : {};
      return texts.some((column) => column.name === name) && this.saysWritten(val);
    });
    if (
      isTaken &&
      ownership.ownersOf(target).length > 0 &&
      !ownRows.areRead(query, { written: this.tied })
    ) {
      return `it puts what the written row says into rows of ${quoteName(target)} that may be of others`;
    }
    const named = { ...query, ...(withClause && { withClause }) };
    const alias = relation.alias?.aliasname ?? relation.relname ?? "";
    // A variable holds one value at a time.
    const parameters = [...this.body.variables.keys()].filter((name) => !name.includes("."));
    return ownRows.areNamed(named, target, alias, { written: this.tied, parameters })
      ? undefined
      : `it changes rows of ${quoteName(target)} that the written row does not name, which may be of others`;
  }

  /** Whether a value holds one of the written row. */
  private saysWritten(value: unknown, depth = 0): boolean {
    if (depth > MAXIMUM_DEPTH) return true;
    if (Array.isArray(value)) return value.some((item) => this.saysWritten(item, depth));
    if (typeof value !== "object" || value === null || "SubLink" in value) return false;
    if (!("ColumnRef" in value)) return this.saysWritten(Object.values(value), depth);
    const name = nameOf(value as Node);
    if (name.startsWith("new.")) return true;
    return (this.body.variables.get(name) ?? []).some((given) =>
      this.saysWritten(given, depth + 1),
    );
  }

  /** Whether a value comes of rows that have another owner. */
  private showsOthers(value: unknown, depth = 0): boolean {
    if (depth > MAXIMUM_DEPTH) return true;
    if (Array.isArray(value)) return value.some((item) => this.showsOthers(item, depth));
    if (typeof value !== "object" || value === null) return false;
    if ("SubLink" in value) {
      const select = selectOf((value as Extract<Node, { SubLink: unknown }>).SubLink.subselect);
      const isOpen = () => true;
      return select?.fromClause !== undefined
        ? !this.proof.ownRows.areRead(select, { written: this.tied, isOpen })
        : this.showsOthers(Object.values(value), depth);
    }
    if ("ColumnRef" in value) {
      const name = nameOf(value as Node);
      const record = name.split(".")[0] ?? "";
      const values = [name, record, `${record}.*`].flatMap(
        (one) => this.body.variables.get(one) ?? [],
      );
      return values.some((given) => this.showsOthers(given, depth + 1));
    }
    return this.showsOthers(Object.values(value), depth);
  }

  /** The columns of the row that is written, or could not be inserted, of which a value is one. */
  private rowColumns(value: Node, depth = 0): string[] {
    if (depth > MAXIMUM_DEPTH) return [];
    const follow = (inner: Node) => this.rowColumns(inner, depth + 1);
    if ("TypeCast" in value && value.TypeCast.arg) return follow(value.TypeCast.arg);
    if ("CoalesceExpr" in value) return (value.CoalesceExpr.args ?? []).flatMap(follow);
    if (!("ColumnRef" in value)) return [];
    const [row, column] = identifiers(value.ColumnRef.fields ?? []);
    if ((row === "new" || row === "excluded") && column !== undefined) return [column];
    return (this.body.variables.get(nameOf(value)) ?? []).flatMap(follow);
  }
}

/** A statement, and those in its WITH that write, which see what WITH names. */
function withWrites(node: Node): Node[] {
  const withClause = withOf(node);
  const written = (withClause?.ctes ?? []).flatMap((cte): Node[] => {
    const query = "CommonTableExpr" in cte ? cte.CommonTableExpr.ctequery : undefined;
    if (!query || !withClause) return [];
    if ("UpdateStmt" in query) return [{ UpdateStmt: { withClause, ...query.UpdateStmt } }];
    return "DeleteStmt" in query || "InsertStmt" in query ? [query] : [];
  });
  return [node, ...written];
}

function withOf(node: Node): WithClause | undefined {
  if ("SelectStmt" in node) return node.SelectStmt.withClause;
  if ("InsertStmt" in node) return node.InsertStmt.withClause;
  if ("UpdateStmt" in node) return node.UpdateStmt.withClause;
  return "DeleteStmt" in node ? node.DeleteStmt.withClause : undefined;
}

function nameOf(value: Node): string {
  return "ColumnRef" in value ? identifiers(value.ColumnRef.fields ?? []).join(".") : "";
}

/** What a statement writes to the columns that say whose row it is, in rows that it inserts. */
function insertedOwners(node: Node, target: Table, owners: readonly string[]): Node[] {
  if (!("InsertStmt" in node)) return [];
  const { cols, selectStmt } = node.InsertStmt;
  const named = (cols ?? []).map((column) => ("ResTarget" in column ? column.ResTarget.name : ""));
  const columns = cols ? named : (target.columns ?? []).map(({ name }) => name);
  const select = selectStmt && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : {};
  const rows = select.valuesLists?.map((row) => ("List" in row ? (row.List.items ?? []) : [])) ?? [
    valuesOf(select.targetList),
  ];
  return rows.flatMap((row) => row.filter((_, at) => owners.includes(columns[at] ?? "")));
}

/** What it writes to them in rows that are there. */
function givenOwners(node: Node, owners: readonly string[]): Node[] {
  const update = "UpdateStmt" in node ? node.UpdateStmt : undefined;
  const conflict = "InsertStmt" in node ? node.InsertStmt.onConflictClause : undefined;
  const { targetList = [] } = update ?? conflict ?? {};
  return valuesOf(
    targetList.filter((item) => "ResTarget" in item && owners.includes(item.ResTarget.name ?? "")),
  );
}

function valuesOf(targets: readonly Node[] = []): Node[] {
  return targets.flatMap((node) =>
    "ResTarget" in node && node.ResTarget.val ? [node.ResTarget.val] : [],
  );
}

function writtenRelation(node: Node) {
  if ("InsertStmt" in node) return node.InsertStmt.relation;
  return "UpdateStmt" in node ? node.UpdateStmt.relation : undefined;
}
