import { quoteName } from "./names";
import type { Grant, Origin, Schema } from "./schema";

/** Something that rights are granted on. */
export interface GrantedObject {
  /** "table public.users", "schema app". */
  object: string;
  grants: readonly Grant[];
  origin: Origin | undefined;
}

/** Every table, view and sequence with its grants. */
export function grantedRelations({ tables, views = [], sequences = [] }: Schema): GrantedObject[] {
  return [
    ...tables.map((table) => ({
      object: `table ${quoteName(table)}`,
      grants: table.grants ?? [],
      origin: table.origin,
    })),
    ...views.map((view) => ({
      object: `${view.kind} ${quoteName(view)}`,
      grants: view.grants,
      origin: view.origin,
    })),
    ...sequences.map(({ schema, name, grants, origin }) => ({
      object:
        name === null
          ? `all sequences in schema ${schema}`
          : `sequence ${quoteName({ schema, name })}`,
      grants,
      origin,
    })),
  ];
}

/** What is granted, as a list of words: "select, insert (id)". */
export function privilegesOf(grants: readonly Grant[]): string {
  const words = grants.map(({ privilege, columns }) =>
    columns ? `${privilege} (${columns.join(", ")})` : privilege,
  );
  return [...new Set(words)].join(", ");
}

/** The object's name as a grant or revoke needs it. */
export function revocable(object: string): string {
  return object.replace(/^(table|view|materialized view) /, "");
}
