import type { JudgedSchema } from "../../model/judged-schema";
import { type NamedObject, quoteName, tableObject, viewObject } from "../../model/names";
import type { Grant } from "../../model/schema";

/** A table, view or sequence that rights are granted on. */
export interface GrantedObject extends NamedObject {
  /** "materialized view public.totals", as a sentence names it. */
  described: string;
  grants: readonly Grant[];
}

/** Every table, view and sequence with its grants; GRANT and REVOKE take the name in `object`. */
export function grantedRelations({ tables, views, schema }: JudgedSchema): GrantedObject[] {
  return [
    ...tables.map((table) => ({
      ...tableObject(table),
      described: `table ${quoteName(table)}`,
      grants: table.grants ?? [],
    })),
    ...views.map((view) => ({
      ...viewObject(view),
      described: `${view.kind} ${quoteName(view)}`,
      grants: view.grants,
    })),
    ...(schema.sequences ?? []).flatMap(({ schema: where, name, grants }): GrantedObject[] => {
      const object = `sequence ${quoteName({ schema: where, name })}`;
      return [{ kind: "sequence", object, described: object, grants }];
    }),
  ];
}
