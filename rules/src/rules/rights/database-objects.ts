import type { JudgedSchema } from "../../model/judged-schema";
import {
  type NamedObject,
  functionObject,
  quoteName,
  schemaObject,
  tableObject,
  viewObject,
} from "../../model/names";
import type { Grant } from "../../model/schema";

/** What has an owner or can be granted. */
export interface DatabaseObject extends NamedObject {
  /** With its kind, as sentences and ALTER name it: "materialized view public.totals". */
  described: string;
  owner?: string | undefined;
  /** None for functions: their rights are in `executableBy`. */
  grants: readonly Grant[];
}

/** Every table, view and sequence; GRANT and REVOKE take the name in `object`. */
export function relations({ tables, views, schema }: JudgedSchema): DatabaseObject[] {
  return [
    ...tables.map((table) => {
      const kind = table.kind === "foreign table" ? table.kind : "table";
      return describe(tableObject(table), table, `${kind} ${quoteName(table)}`);
    }),
    ...views.map((view) => describe(viewObject(view), view, `${view.kind} ${quoteName(view)}`)),
    ...(schema.sequences ?? []).map((sequence) =>
      describe({ kind: "sequence", object: `sequence ${quoteName(sequence)}` }, sequence),
    ),
  ];
}

/** Every schema. */
export function schemas({ schema }: JudgedSchema): DatabaseObject[] {
  return (schema.schemas ?? []).map((one) => describe(schemaObject(one.name), one));
}

/** Every function. */
export function functions(judged: JudgedSchema): DatabaseObject[] {
  return judged.functions.map(({ owner, ...item }) => describe(functionObject(item), { owner }));
}

function describe(
  named: NamedObject,
  { owner, grants = [] }: Partial<Pick<DatabaseObject, "owner" | "grants">>,
  described = named.object,
): DatabaseObject {
  return { ...named, described, owner, grants };
}
