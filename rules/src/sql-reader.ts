import type {
  AlterTableCmd,
  CreateExtensionStmt,
  Node,
  RangeVar,
  SelectStmt,
  TransactionStmt,
} from "libpg-query";
import { migrationRole } from "./contract";
import { dropWithDependents } from "./dropped-with";
import { constantText, functionCalls, identifiers } from "./expressions";
import { defaultGrants } from "./grant-statements";
import { type TableName, quoteName, temporarySchema, unknownSchema } from "./names";
import { type Objects, initialObjects } from "./object-model";
import { applyToObjects } from "./object-statements";
import { type Context, type Passage, lineFinder } from "./passage";
import { followRelation } from "./renamed";
import { Routines } from "./routines";
import type { Column, Origin, Table, TableKind } from "./schema";
import { SearchPath } from "./search-path";
import type { Remark, SqlFile, SqlSchema } from "./sql-schema";
import { explainRuns, kindOf, makesNoTable, reachesTables } from "./statement-facts";
import type { StatementScope } from "./statement-scope";
import { parseStatements } from "./statements";
import { columnsOfQuery, factsOfTable } from "./table-facts";
import { type Switch, TableModel } from "./table-model";
import { alterTable } from "./table-statements";

type Facts = Partial<Table>;

/** What a rollback restores. */
interface Saved {
  tables: ReturnType<TableModel["save"]>;
  objects: Objects;
}

/** Applies statements to a model of the tables, one after the other. */
export class SqlReader {
  private readonly model = new TableModel();
  private readonly searchPath = new SearchPath();
  private readonly notProvable: Remark[] = [];
  private readonly ignored: Remark[] = [];
  private objects = initialObjects();
  private role = migrationRole;
  private readonly savepoints = new Map<string, Saved>();
  private transactionStart = this.save();
  private readonly routines = new Routines(this, this.searchPath);

  public schema(): SqlSchema {
    const { views, functions, roles, schemas, ...lists } = this.objects;
    return {
      tables: this.model.tables(),
      views: [...views.values()],
      functions: [...functions.values()],
      roles: [...roles.values()],
      schemas: [...schemas.values()],
      defaultPrivileges: [...lists.defaultPrivileges],
      settings: [...lists.settings],
      operators: [...lists.operators],
      triggers: [...lists.triggers],
      sequences: [...lists.sequences],
      notProvable: [...this.notProvable],
      ignored: [...this.ignored],
    };
  }

  public read({ file, sql }: SqlFile): void {
    this.transactionStart = this.save();
    this.applyText({ file, sql, firstLine: 1, path: [] });
    this.model.dropTemporary();
    this.role = migrationRole;
    this.searchPath.restore(["public"]);
  }

  /** @throws SqlSyntaxError */
  public applyText(passage: Passage): void {
    const lineAt = lineFinder(passage);
    for (const { tree, text, line } of parseStatements(passage.sql, passage.file)) {
      const context = { ...passage, sql: text, line: passage.firstLine + line - 1, lineAt };
      this.apply(tree, context);
      this.applyToObjects(tree, context);
      this.routines.apply(tree, context);
    }
  }

  /** Says of something that it was not judged. */
  public remark(object: string, reason: string, { file, line }: Origin): void {
    this.notProvable.push({ file, line, object, reason });
  }

  private apply(node: Node, context: Context): void {
    if ("CreateStmt" in node) {
      const { relation, if_not_exists } = node.CreateStmt;
      const facts = factsOfTable(
        node.CreateStmt,
        (name) => this.find(name, context),
        (name) => this.model.get(name),
      );
      this.make(relation, kindOf(node.CreateStmt), context, { ifNotExists: if_not_exists, facts });
    } else if ("CreateForeignTableStmt" in node) {
      const { relation, if_not_exists } = node.CreateForeignTableStmt.base ?? {};
      this.make(relation, "foreign table", context, { ifNotExists: if_not_exists });
    } else if ("CreateTableAsStmt" in node) {
      const { into, objtype, if_not_exists, query } = node.CreateTableAsStmt;
      const facts = { columns: this.columnsOf(query, context) };
      if (objtype === "OBJECT_TABLE") {
        this.make(into?.rel, "table", context, { ifNotExists: if_not_exists, facts });
      }
    } else if ("SelectStmt" in node) this.selectInto(node.SelectStmt, context);
    else if ("ExplainStmt" in node) {
      const { query } = node.ExplainStmt;
      if (query && explainRuns(node.ExplainStmt)) this.apply(query, context);
    } else if ("CreateSchemaStmt" in node) {
      const saved = this.searchPath.save();
      this.searchPath.restore([node.CreateSchemaStmt.schemaname ?? unknownSchema]);
      for (const element of node.CreateSchemaStmt.schemaElts ?? []) {
        this.apply(element, context);
        this.applyToObjects(element, context);
      }
      this.searchPath.restore(saved);
    } else if ("AlterTableStmt" in node) {
      const { relation, cmds = [] } = node.AlterTableStmt;
      for (const command of cmds) {
        if ("AlterTableCmd" in command) this.alter(relation, command.AlterTableCmd, context);
      }
    } else if ("RenameStmt" in node) {
      const { renameType, relation, subname, newname = "" } = node.RenameStmt;
      if (renameType === "OBJECT_SCHEMA") {
        this.model.renameSchema(subname ?? "", newname, context.path);
      } else if (relation && reachesTables(renameType)) {
        const from = this.find(relation, context);
        this.rename(from, { schema: from.schema, name: newname }, context);
      }
    } else if ("AlterObjectSchemaStmt" in node) {
      const { objectType, relation, newschema = "" } = node.AlterObjectSchemaStmt;
      if (!relation || !reachesTables(objectType)) return;
      const from = this.find(relation, context);
      this.rename(from, { schema: newschema, name: from.name }, context);
    } else if ("DropStmt" in node) {
      const { removeType, objects = [] } = node.DropStmt;
      dropWithDependents(node.DropStmt, this.scope(context));
      for (const object of objects) this.drop(removeType, object, context);
    } else if ("VariableSetStmt" in node) {
      this.searchPath.apply(node.VariableSetStmt);
      const { kind, name } = node.VariableSetStmt;
      // Whether it ran is not known once the branch is over.
      if (context.path.length > 0 && (name === "search_path" || kind === "VAR_RESET_ALL")) {
        this.searchPath.forget();
      }
    } else if ("DiscardStmt" in node) {
      const { target } = node.DiscardStmt;
      if (target === "DISCARD_ALL") this.searchPath.restore(["public"]);
      if (target === "DISCARD_ALL" || target === "DISCARD_TEMP") this.model.dropTemporary();
    } else if ("TransactionStmt" in node) this.transaction(node.TransactionStmt);
    else if ("CreateExtensionStmt" in node) this.extension(node.CreateExtensionStmt, context);
    else if ("ImportForeignSchemaStmt" in node) {
      const object = `schema ${node.ImportForeignSchemaStmt.local_schema}`;
      const reason = "`import foreign schema` makes tables that only the remote server knows";
      this.remark(object, reason, context);
    }
    this.configure(node, context);
  }

  private make(
    relation: RangeVar | undefined,
    kind: TableKind,
    context: Context,
    { ifNotExists = false, facts = {} }: { ifNotExists?: boolean | undefined; facts?: Facts } = {},
  ): void {
    if (!relation) return;
    const origin = this.origin(relation, context);
    const name = this.searchPath.target(relation);
    if (name.schema === temporarySchema) {
      const reason = "a temporary table is seen by the session alone that made it";
      this.ignored.push({ object: quoteName(name), reason, ...origin });
    }
    this.warnOfPath(relation, origin);
    const scope = this.scope(context);
    const made = { owner: this.role, grants: defaultGrants(scope, name.schema), ...facts };
    this.model.create(name, kind, { origin, path: context.path, ifNotExists }, made);
  }

  private applyToObjects(tree: Node, context: Context): void {
    const scope = this.scope(context);
    applyToObjects(tree, scope);
    this.role = scope.role;
  }

  private scope(context: Context): StatementScope {
    return {
      tables: this.model,
      objects: this.objects,
      role: this.role,
      origin: { file: context.file, line: context.line },
      path: context.path,
      sql: context.sql,
      beforeOwn: this.searchPath.beforeOwn,
      find: (relation) => this.known(relation),
      target: (relation) => this.searchPath.target(relation),
      schemaOf: (parts) => parts.at(-2) ?? this.searchPath.target({}).schema,
    };
  }

  private columnsOf(query: Node | undefined, context: Context): Column[] | undefined {
    return columnsOfQuery(
      query,
      (relation) => this.model.get(this.find(relation, context))?.columns,
    );
  }

  private selectInto(statement: SelectStmt, context: Context): void {
    if (statement.intoClause) {
      const facts = { columns: this.columnsOf({ SelectStmt: statement }, context) };
      this.make(statement.intoClause.rel, "table", context, { facts });
    }
    if (statement.larg) this.selectInto(statement.larg, context);
  }

  private alter(relation: RangeVar | undefined, command: AlterTableCmd, context: Context): void {
    if (!relation) return;
    const name = this.find(relation, context);
    const at = { origin: this.origin(relation, context), path: context.path };
    const protect = (which: Switch) => this.model.protect(name, which, context.path);
    switch (command.subtype) {
      case "AT_EnableRowSecurity":
        return protect("rowSecurity");
      case "AT_ForceRowSecurity":
        return protect("forced");
      case "AT_DisableRowSecurity":
        return this.model.expose(name, "rowSecurity", at);
      case "AT_NoForceRowSecurity":
        return this.model.expose(name, "forced", at);
      case "AT_AddInherit":
        this.model.setKind(name, "inheritance child");
        break;
      case "AT_AttachPartition": {
        const { def } = command;
        const child = def && "PartitionCmd" in def ? def.PartitionCmd.name : undefined;
        if (child) this.model.setKind(this.find(child, context), "partition");
      }
    }
    alterTable(relation, command, this.scope(context));
  }

  private rename(from: TableName, to: TableName, context: Context): void {
    if (this.model.isMadeIn(from, context.path)) followRelation(from, to, this.scope(context));
    this.model.rename(from, to, context.path);
  }

  private drop(removeType: string | undefined, object: Node, { path }: Context): void {
    if (removeType === "OBJECT_SCHEMA" && "String" in object) {
      this.model.dropSchema(object.String.sval ?? "", path);
    } else if (removeType === "OBJECT_TABLE" || removeType === "OBJECT_FOREIGN_TABLE") {
      const parts = "List" in object ? identifiers(object.List.items ?? []) : [];
      const relation = { relname: parts.at(-1), schemaname: parts.at(-2) };
      this.model.drop(
        this.searchPath.find(relation, (name) => this.model.has(name)),
        path,
      );
    }
  }

  private transaction({ kind, savepoint_name = "" }: TransactionStmt): void {
    if (kind === "TRANS_STMT_SAVEPOINT") this.savepoints.set(savepoint_name, this.save());
    else if (kind === "TRANS_STMT_COMMIT") this.transactionStart = this.save();
    else if (kind === "TRANS_STMT_ROLLBACK") this.restore(this.transactionStart);
    else if (kind === "TRANS_STMT_ROLLBACK_TO") {
      this.restore(this.savepoints.get(savepoint_name) ?? this.transactionStart);
    }
  }

  private save(): Saved {
    return { tables: this.model.save(), objects: { ...this.objects } };
  }

  private restore({ tables, objects }: Saved): void {
    this.model.restore(tables);
    this.objects = { ...objects };
  }

  private extension({ extname = "" }: CreateExtensionStmt, context: Context): void {
    if (makesNoTable(extname)) return;
    const reason = "what tables an extension makes is not in the SQL of the migration";
    this.remark(`extension ${extname}`, reason, context);
  }

  /** `set_config('search_path', …)`, wherever in a statement it is called. */
  private configure(node: Node, { sql }: Context): void {
    if (!/set_config/i.test(sql)) return;
    for (const { name, args } of functionCalls(node)) {
      if (name === "set_config" && constantText(args[0]) === "search_path") {
        this.searchPath.configure(constantText(args[1]));
      }
    }
  }

  private find(relation: RangeVar, context: Context): TableName {
    this.warnOfPath(relation, this.origin(relation, context));
    return this.known(relation);
  }

  private known(relation: RangeVar): TableName {
    const isKnown = (name: TableName) =>
      this.model.has(name) || this.objects.views.has(quoteName(name));
    return this.searchPath.find(relation, isKnown);
  }

  private warnOfPath({ schemaname, relname, relpersistence }: RangeVar, origin: Origin): void {
    if (schemaname !== undefined || relpersistence === "t" || !this.searchPath.isUnknown) return;
    const reason =
      "the name is not qualified and search_path was set in a way that can not be read";
    this.remark(quoteName({ schema: unknownSchema, name: relname ?? "" }), reason, origin);
  }

  private origin({ location = 0 }: RangeVar, { file, lineAt }: Context): Origin {
    return { file, line: lineAt(location) };
  }
}
