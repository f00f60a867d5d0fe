import type { DeleteStmt, InsertStmt, Node, SelectStmt, UpdateStmt } from "libpg-query";
import { type Body, statementsOf } from "./body-statements";
import { onlyCounts } from "./counted-changes";
import { columnName, identifiers } from "./expressions";
import { aliasOf } from "./from-clause";
import { selectOf } from "./identity-expressions";
import { quoteName } from "./names";
import type { Known } from "./own-rows";
import { type OwnerProof, ownerProof } from "./owner-proof";
import type { DatabaseFunction, Schema, Table, Trigger } from "./schema";
import { ShownRows } from "./shown-rows";
import { givenOwners, insertedOwners, withWrites, writtenRelation } from "./statement-writes";
import { withWrittenRows } from "./transition-tables";
import { knownOfWriter } from "./known-writer";

/** Variables that are given each other's values are followed this far. */
const MAXIMUM_DEPTH = 5;
const textTypes = /^(text|varchar|bpchar|char|citext|json|bytea|xml)|\[\]$/;

/** What is wrong with a trigger, as a clause. */
export interface TriggerHole {
  reason: string;
  /** What to do about it, where that is something of its own. */
  remediation?: string;
}

/** A row that a statement changes or deletes is asked for by this. */
interface Reached {
  query: SelectStmt;
  target: Table;
  alias: string;
}

/**
 * Says what a trigger with its function owner's rights does with rows of others, where whoever fires it
 * chooses.
 * @returns undefined where nothing is seen, or where no end user can fire it.
 */
export function triggerHole(
  schema: Schema,
  item: DatabaseFunction,
  trigger: Trigger,
): TriggerHole | undefined {
  const proof = ownerProof(schema);
  const { ownership, users } = proof;
  const table = ownership.table(trigger.relation);
  const view = (schema.views ?? []).find(
    (other) => quoteName(other) === quoteName(trigger.relation),
  );
  const isWritten = (table ?? view)?.grants?.some(
    ({ grantee, privilege }) =>
      users.has(grantee) && ["insert", "update", "delete"].includes(privilege),
  );
  if (!isWritten || item.language !== "plpgsql") return undefined;
  const body = statementsOf(item);
  if (!body) return { reason: "what it does can not be read off it" };
  return new TriggerProof(
    proof,
    table ? withWrittenRows(body, trigger, table) : body,
    table,
  ).hole();
}

class TriggerProof {
  /** Columns of the written row that say whose it is; nothing does of the row of a view. */
  private readonly tied: readonly string[];
  /** What holds whoever writes it. */
  private readonly known: Known;

  constructor(
    private readonly proof: OwnerProof,
    private readonly body: Body,
    private readonly table: Table | undefined,
  ) {
    this.tied = table?.rowSecurity ? proof.ownership.ownersOf(table) : [];
    this.known = knownOfWriter(table, body, proof);
  }

  public hole(): TriggerHole | undefined {
    for (const node of this.body.statements.flatMap(withWrites)) {
      const hole = this.ofStatement(node);
      if (hole !== undefined) return hole;
    }
    const shown = new ShownRows(this.proof.ownRows, this.body, this.known);
    for (const { name, type } of this.table?.columns ?? []) {
      if (textTypes.test(type) && shown.areIn(name)) {
        return {
          reason: `it puts what it finds in rows of others into the written row's ${name}`,
        };
      }
    }
    return undefined;
  }

  private ofStatement(node: Node): TriggerHole | undefined {
    if ("DeleteStmt" in node) return this.deleted(node.DeleteStmt);
    const given = this.given(node);
    if (given !== undefined) return given;
    if ("UpdateStmt" in node) return this.changed(node.UpdateStmt);
    return "InsertStmt" in node ? this.changedInPlace(node.InsertStmt) : undefined;
  }

  /** What is wrong with whom a statement writes rows for. */
  private given(node: Node): TriggerHole | undefined {
    const { ownership } = this.proof;
    const target = this.named(writtenRelation(node));
    if (!target) return undefined;
    const owners = ownership.ownersOf(target);
    // A row that is there already may be anybody's, whoever it is given to.
    const given = givenOwners(node, owners).flatMap((value) => this.rowColumns(value));
    const inserted = insertedOwners(node, target, owners).flatMap((value) =>
      this.rowColumns(value),
    );
    const column = given[0] ?? inserted.find((name) => !this.tied.includes(name));
    if (column === undefined) return undefined;
    return {
      reason: `it writes rows of ${quoteName(target)} for the user in the written row's ${column}`,
    };
  }

  private deleted({
    relation,
    usingClause = [],
    whereClause,
    withClause,
  }: DeleteStmt): TriggerHole | undefined {
    const target = this.owned(relation);
    if (!target || !relation) return undefined;
    const fromClause = [{ RangeVar: relation }, ...usingClause];
    const alias = aliasOf({ RangeVar: relation });
    const query = {
      fromClause,
      ...(whereClause && { whereClause }),
      ...(withClause && { withClause }),
    };
    if (this.isWriters({ query, target, alias })) return undefined;
    return { reason: `it deletes rows of ${quoteName(target)} that may be of others` };
  }

  /** The writer's own rows may be changed; in others that the written one names it may count. */
  private changed(statement: UpdateStmt): TriggerHole | undefined {
    const { relation, targetList = [], fromClause = [], whereClause, withClause } = statement;
    const target = this.owned(relation);
    if (!target || !relation) return undefined;
    const alias = aliasOf({ RangeVar: relation });
    const query = {
      fromClause: [{ RangeVar: relation }, ...fromClause],
      ...(whereClause && { whereClause }),
      ...(withClause && { withClause }),
    };
    if (this.isWriters({ query, target, alias })) return undefined;
    // A variable holds one value at a time.
    const parameters = [...this.body.variables.keys()].filter((name) => !name.includes("."));
    const { ownRows } = this.proof;
    if (!ownRows.areNamed(query, target, alias, { ...this.known, parameters })) {
      return {
        reason: `it changes rows of ${quoteName(target)} that the written row does not name, which may be of others`,
      };
    }
    return this.counts(targetList, target, alias) ? undefined : this.othersChanged(target);
  }

  /** What `on conflict do update` changes is the row that has the key which was to be inserted. */
  private changedInPlace(statement: InsertStmt): TriggerHole | undefined {
    const { relation, onConflictClause } = statement;
    const target = this.owned(relation);
    if (!target || !relation || onConflictClause?.action !== "ONCONFLICT_UPDATE") return undefined;
    const { infer, targetList = [], whereClause } = onConflictClause;
    const alias = aliasOf({ RangeVar: relation });
    const keys = (infer?.indexElems ?? []).flatMap((element) =>
      "IndexElem" in element ? [element.IndexElem.name ?? ""] : [],
    );
    const owners = this.proof.ownership.ownersOf(target).filter((owner) => keys.includes(owner));
    const values = insertedOwners({ InsertStmt: statement }, target, owners);
    const isUser = (value: Node) => this.proof.ownRows.isUser(value, this.known);
    if (values.length > 0 && values.every(isUser)) return undefined;
    const query = { fromClause: [{ RangeVar: relation }], ...(whereClause && { whereClause }) };
    return this.isWriters({ query, target, alias }) || this.counts(targetList, target, alias)
      ? undefined
      : this.othersChanged(target);
  }

  private othersChanged(target: Table): TriggerHole {
    const [owner] = this.proof.ownership.ownersOf(target);
    const [column] = this.known.written ?? [];
    const tie =
      owner === undefined || column === undefined
        ? "Change rows of (select auth.uid()) alone"
        : `Add \`and ${owner} = new.${column}\`, which policies tie to the writer`;
    return {
      reason:
        `it changes rows of ${quoteName(target)} that may be of others, whom the written row merely names, ` +
        "and does more than count in them (`likes = likes + 1`)",
      remediation:
        `${tie}; leave what is to change in rows of others to their owner's own request or to a job; or ` +
        "waive it with the reason why whoever writes may change them.",
    };
  }

  private counts(assignments: readonly Node[], target: Table, alias: string): boolean {
    const { ownership } = this.proof;
    return onlyCounts(assignments, { target, alias, ownership, variables: this.body.variables });
  }

  private isWriters({ query, target, alias }: Reached): boolean {
    return this.proof.ownRows.areUsers(query, target, alias, this.known);
  }

  private named(relation: InsertStmt["relation"]): Table | undefined {
    return relation && this.proof.ownership.named(relation.relname ?? "", relation.schemaname);
  }

  /** The table that is written, where its rows are somebody's. */
  private owned(relation: InsertStmt["relation"]): Table | undefined {
    const target = this.named(relation);
    return target && !this.proof.ownership.isOwnerless(target) ? target : undefined;
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
    const found = column === undefined ? [] : (this.body.variables.get(`${row}.*`) ?? []);
    const fields = found.flatMap((query) => fieldOf(query, column));
    return [...(this.body.variables.get(columnName(value)) ?? []), ...fields].flatMap(follow);
  }
}

/** What the queries of a record put into a field. */
function fieldOf(query: Node, name: string | undefined): Node[] {
  const select = "SubLink" in query ? selectOf(query.SubLink.subselect) : undefined;
  const { targetList = [] } = select ?? {};
  return targetList.flatMap((target) => {
    const { name: given, val } = "ResTarget" in target ? target.ResTarget : {};
    return val && (given ?? columnName(val).split(".").at(-1)) === name ? [val] : [];
  });
}
