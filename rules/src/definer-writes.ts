import type { DeleteStmt, InsertStmt, Node, SelectStmt, UpdateStmt } from "libpg-query";
import type { Body } from "./body-statements";
import { columnName, readCall } from "./expressions";
import { isIdentity } from "./identity-expressions";
import type { Known } from "./own-rows";
import type { OwnerProof } from "./owner-proof";
import type { Table } from "./schema";

/** Rows that a statement writes: columns and the values for them. */
interface Written {
  column: string;
  value: Node;
}

/**
 * Says why a body that runs with another's rights may read or write rows that are not the signed-in user's.
 * @returns undefined where each of its statements provably does not.
 */
export function unconfinedStatement(proof: OwnerProof, body: Body): string | undefined {
  return new BodyProof(proof, body).reason();
}

class BodyProof {
  private readonly known: Known;

  constructor(
    private readonly proof: OwnerProof,
    private readonly body: Body,
  ) {
    const { parameters, refusals } = body;
    // Variables that hold the signed-in user or nothing.
    const users = new Map(
      [...body.variables].flatMap(([name, values]): [string, Node][] => {
        const [first] = values ?? [];
        return first && values?.every(isIdentity) ? [[name, first]] : [];
      }),
    );
    this.known = { users, parameters, refusals };
  }

  public reason(): string | undefined {
    for (const statement of this.body.statements) {
      const reason = this.reasonOf(statement);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  private reasonOf(node: Node): string | undefined {
    if ("SelectStmt" in node) {
      if (node.SelectStmt.intoClause) return "it makes a table";
      return this.isOwn(node.SelectStmt)
        ? undefined
        : "its query is not confined to the signed-in user's rows";
    }
    if ("InsertStmt" in node) return this.insert(node.InsertStmt);
    if ("UpdateStmt" in node) return this.update(node.UpdateStmt);
    if ("DeleteStmt" in node) return this.remove(node.DeleteStmt);
    return "what it does can not be proven from its body";
  }

  private insert(statement: InsertStmt): string | undefined {
    const { relation, cols, selectStmt, onConflictClause, withClause } = statement;
    const table = this.tableOf(relation);
    const select = selectStmt && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : undefined;
    if (!table || !select || withClause) return "what it inserts can not be proven";
    if (!this.isOwn(withoutValues(select)))
      return `what it inserts into ${table.name} may be of others`;
    const names = cols
      ? cols.map((column) => ("ResTarget" in column ? (column.ResTarget.name ?? "") : ""))
      : (table.columns ?? []).map(({ name }) => name);
    const rows = (
      select.valuesLists?.map((row) => ("List" in row ? (row.List.items ?? []) : [])) ?? [
        valuesOf(select.targetList),
      ]
    ).map((row) => row.map((value, at): Written => ({ column: names[at] ?? "", value })));
    for (const row of rows) {
      const reason = this.written(table, row, select);
      if (reason !== undefined) return reason;
    }
    if (!onConflictClause || onConflictClause.action !== "ONCONFLICT_UPDATE") return undefined;
    const { infer, targetList, whereClause } = onConflictClause;
    const keys = (infer?.indexElems ?? []).flatMap((element) =>
      "IndexElem" in element ? [element.IndexElem.name ?? ""] : [],
    );
    const owners = this.proof.ownership.ownersOf(table);
    const isOwn =
      owners.some((owner) => keys.includes(owner)) ||
      (relation &&
        whereClause &&
        this.isOwn({ fromClause: [{ RangeVar: relation }], whereClause }));
    if (!isOwn) return `the row of ${table.name} that it changes in place may be another user's`;
    return this.written(table, assignments(targetList));
  }

  private update(statement: UpdateStmt): string | undefined {
    const { relation, targetList = [], fromClause = [], whereClause, withClause } = statement;
    const table = this.tableOf(relation);
    if (!relation || !table || withClause) return "what it updates can not be proven";
    const query = {
      targetList,
      fromClause: [{ RangeVar: relation }, ...fromClause],
      ...(whereClause && { whereClause }),
    };
    if (!this.isOwn(query)) return `the rows of ${table.name} that it updates may be of others`;
    return this.written(table, assignments(targetList));
  }

  private remove(statement: DeleteStmt): string | undefined {
    const { relation, usingClause = [], whereClause, withClause } = statement;
    const table = this.tableOf(relation);
    if (!relation || !table || withClause) return "what it deletes can not be proven";
    const fromClause = [{ RangeVar: relation }, ...usingClause];
    return this.isOwn({ fromClause, ...(whereClause && { whereClause }) })
      ? undefined
      : `the rows of ${table.name} that it deletes may be of others`;
  }

  /** What is wrong with the values that a row is given. @param from the query that a new row comes of. */
  private written(table: Table, row: readonly Written[], from?: SelectStmt): string | undefined {
    const { ownership } = this.proof;
    const owners = ownership.ownersOf(table);
    const given = row.filter(({ column }) => owners.includes(column));
    if (given.some(({ value }) => !this.isUser(value))) {
      return `it writes rows of ${table.name} for the user that it is given`;
    }
    if (from && given.length === 0 && !ownership.isListed(table)) {
      return `whose row of ${table.name} it inserts can not be proven`;
    }
    const groups = [...ownership.tenantsOf(table), ...ownership.listLinks(table)];
    const entered = row.find(
      ({ column, value }) =>
        groups.includes(column) &&
        !this.isMade(value) &&
        !(from?.fromClause && this.proof.ownRows.isInvitation(from, value, this.known)),
    );
    return entered && `it enters a row of ${table.name} wherever ${entered.column} says`;
  }

  private isUser(value: Node): boolean {
    return isIdentity(value) || this.proof.ownRows.isUser(value, this.known);
  }

  /** Whether a value is a key that nobody else can have chosen: of a row made here, or a random one. */
  private isMade(value: Node): boolean {
    const variable = variableOf(value) ?? "";
    if (this.body.made.has(variable) || this.isRandom(value)) return true;
    const given = this.body.variables.get(variable) ?? [];
    return given.length > 0 && given.every((one) => this.isRandom(one));
  }

  private isRandom(value: Node): boolean {
    return "FuncCall" in value && this.proof.ownRows.isRandomKey(readCall(value.FuncCall));
  }

  private isOwn(query: SelectStmt): boolean {
    return this.proof.ownRows.areRead(query, this.known);
  }

  private tableOf(relation: InsertStmt["relation"]): Table | undefined {
    return relation && this.proof.ownership.named(relation.relname ?? "", relation.schemaname);
  }
}

function withoutValues(select: SelectStmt): SelectStmt {
  const { valuesLists, ...rest } = select;
  const values = (valuesLists ?? []).flatMap((row) =>
    "List" in row ? (row.List.items ?? []) : [],
  );
  return values.length > 0 ? { targetList: values.map((val) => ({ ResTarget: { val } })) } : rest;
}

function valuesOf(targets: readonly Node[] = []): Node[] {
  return targets.flatMap((node) =>
    "ResTarget" in node && node.ResTarget.val ? [node.ResTarget.val] : [],
  );
}

function assignments(targets: readonly Node[] = []): Written[] {
  return targets.flatMap((node) => {
    const { name = "", val } = "ResTarget" in node ? node.ResTarget : {};
    return val ? [{ column: name, value: val }] : [];
  });
}

function variableOf(value: Node): string | undefined {
  if ("TypeCast" in value && value.TypeCast.arg) return variableOf(value.TypeCast.arg);
  return "ColumnRef" in value ? columnName(value) : undefined;
}
