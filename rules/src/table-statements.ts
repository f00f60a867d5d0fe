import type { AlterTableCmd, RangeVar } from "libpg-query";
import { cascade } from "./dropped-with";
import { type TableName, quoteName } from "./names";
import { roleName } from "./nodes";
import type { StatementScope } from "./statement-scope";
import {
  type TableFacts,
  addColumn,
  addConstraint,
  dropColumn,
  dropForeignKey,
  noFacts,
  setDefault,
  setGenerated,
  setNotNull,
} from "./table-facts";
import { alterView } from "./view-statements";

/** Changes what is known of a table's columns and keys. */
export function changeFacts(
  { tables }: StatementScope,
  name: TableName,
  change: (facts: TableFacts) => TableFacts,
): void {
  tables.change(name, ({ columns, keys = [], foreignKeys = [], indexes = [] }) =>
    change({ ...noFacts, columns, keys, foreignKeys, indexes }),
  );
}

/** Takes what `alter table` does beside row level security into account. */
export function alterTable(
  relation: RangeVar,
  command: AlterTableCmd,
  scope: StatementScope,
): void {
  const { subtype, name: column = "", def, newowner } = command;
  const table = scope.find(relation);
  const owner = newowner ? roleName(newowner, scope.role) : scope.role;
  if (alterView(table, command, owner, scope)) return;
  const change = (update: (facts: TableFacts) => TableFacts) => changeFacts(scope, table, update);
  switch (subtype) {
    case "AT_ChangeOwner":
      return scope.tables.change(table, () => ({ owner, origin: scope.origin }));
    case "AT_AddColumn":
      if (!def || !("ColumnDef" in def)) return;
      return change((facts) => {
        const added = addColumn(facts, def.ColumnDef, scope.find);
        // What is there already may be written.
        const { colname = "" } = def.ColumnDef;
        return command.missing_ok ? setGenerated(added, [colname], undefined) : added;
      });
    case "AT_AddConstraint":
      if (!def || !("Constraint" in def)) return;
      return change((facts) => addConstraint(facts, def.Constraint, scope.find));
    case "AT_DropConstraint":
      if (command.behavior === "DROP_CASCADE") dropForeignKeysTo(table, scope);
      return change((facts) => dropForeignKey(facts, column));
    case "AT_SetNotNull":
    case "AT_DropNotNull":
      return change((facts) => setNotNull(facts, [column], subtype === "AT_SetNotNull"));
    case "AT_ColumnDefault":
      return change((facts) => setDefault(facts, [column], def));
    case "AT_SetExpression":
    case "AT_DropExpression":
      return change((facts) => setGenerated(facts, [column], def));
    case "AT_DropColumn":
      if (command.behavior === "DROP_CASCADE") cascade([{ kind: "column", table, column }], scope);
      return change((facts) => dropColumn(facts, column));
    case "AT_AddInherit": {
      if (!def || !("RangeVar" in def)) return;
      return addParent(table, scope.find(def.RangeVar), scope);
    }
    case "AT_AttachPartition": {
      const child = def && "PartitionCmd" in def ? def.PartitionCmd.name : undefined;
      if (child) addParent(scope.find(child), table, scope);
      return;
    }
    case "AT_DropInherit":
    case "AT_DetachPartition": {
      const other = def && "PartitionCmd" in def ? def.PartitionCmd.name : undefined;
      const child = other ? scope.find(other) : table;
      if (scope.tables.has(child)) scope.tables.change(child, () => ({ parents: [] }));
    }
  }
}

/** What else goes with a constraint, by CASCADE: the foreign keys to it, if it is a key. */
function dropForeignKeysTo(table: TableName, { tables }: StatementScope): void {
  tables.changeAll(({ foreignKeys }) => ({
    ...(foreignKeys && {
      foreignKeys: foreignKeys.filter((key) => quoteName(key.table) !== quoteName(table)),
    }),
  }));
}

function addParent(child: TableName, parent: TableName, { tables }: StatementScope): void {
  tables.change(child, ({ parents = [] }) => ({
    parents: [...parents.filter((other) => quoteName(other) !== quoteName(parent)), parent],
  }));
}
