import type { RangeVar, VariableSetStmt } from "libpg-query";
import { constantText } from "./expressions";
import { type TableName, temporarySchema, unknownSchema } from "./names";

/**
 * Which schema an unqualified name means. Migrations start with PostgreSQL's
 * default, `"$user", public`; that no schema is named after the role that
 * migrates is the contract of this stack.
 */
export class SearchPath {
  private schemas: readonly string[] | undefined = ["public"];

  /** The value can not be read off the SQL. */
  public get isUnknown(): boolean {
    return this.schemas === undefined;
  }

  public save(): readonly string[] | undefined {
    return this.schemas;
  }

  public restore(saved: readonly string[] | undefined): void {
    this.schemas = saved;
  }

  /** Takes a `set`, `reset` or `set … to default` into account. */
  public apply({ kind, name, args = [] }: VariableSetStmt): void {
    if (kind === "VAR_RESET_ALL") this.schemas = ["public"];
    if (name !== "search_path") return;
    if (kind === "VAR_RESET" || kind === "VAR_SET_DEFAULT") this.schemas = ["public"];
    if (kind === "VAR_SET_VALUE") this.set(args.map((value) => constantText(value)));
  }

  /** Takes `set_config('search_path', …)` into account; undefined is a value that is not constant. */
  public configure(value: string | undefined): void {
    this.set(value?.split(",").map((schema) => schema.trim().replace(/^"(.*)"$/, "$1")) ?? [value]);
  }

  public forget(): void {
    this.schemas = undefined;
  }

  /** The schemas that are searched before PostgreSQL's own; mostly none. */
  public get beforeOwn(): string[] {
    const schemas = this.schemas ?? [];
    return schemas.slice(0, Math.max(0, schemas.indexOf("pg_catalog")));
  }

  /** The table that a `create` makes. */
  public target(relation: RangeVar): TableName {
    const name = relation.relname ?? "";
    if (relation.relpersistence === "t") return { schema: temporarySchema, name };
    return { schema: normal(relation.schemaname) ?? this.schemas?.[0] ?? unknownSchema, name };
  }

  /** The table that any other statement means: the first that is known, temporary ones before all. */
  public find(relation: RangeVar, isKnown: (name: TableName) => boolean): TableName {
    const name = relation.relname ?? "";
    const schema = normal(relation.schemaname);
    if (schema !== undefined) return { schema, name };
    const candidates = [temporarySchema, ...(this.schemas ?? [unknownSchema])];
    return (
      candidates.map((candidate) => ({ schema: candidate, name })).find(isKnown) ??
      this.target(relation)
    );
  }

  private set(values: readonly (string | undefined)[]): void {
    const schemas = values.filter((value) => value !== "$user" && value !== "");
    this.schemas = schemas.includes(undefined)
      ? undefined
      : schemas.flatMap((schema) => normal(schema) ?? []);
  }
}

function normal(schema: string | undefined): string | undefined {
  return schema?.startsWith("pg_temp") ? temporarySchema : schema;
}
