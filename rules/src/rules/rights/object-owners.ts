import { type JudgedSchema, holdersOf } from "../../model/judged-schema";
import {
  type NamedObject,
  functionObject,
  quoteRole,
  schemaObject,
  tableObject,
  viewObject,
} from "../../model/names";
import { defineRule } from "../rule";

/** Who owns a table can switch its protection off. */
export const objectOwnersRule = defineRule({
  name: "object-owners",
  code: "POL118",
  description: "No application role owns anything or may create anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Let the role of the migrations own it, and grant what is needed.",
  find: (judged) => [
    ownedObjects(judged).map(({ owner = "", sql, ...named }) => {
      if (!judged.applicationRoles.has(owner)) return undefined;
      return {
        ...named,
        message: `${sql} belongs to ${owner}, which can take its protection away; an application role must own nothing`,
        remediation: `Write \`alter ${sql} owner to ${quoteRole(judged.contract.migrationRole)};\`.`,
      };
    }),
    (judged.schema.schemas ?? []).map(({ name, grants }) =>
      holdersOf(grants.filter(({ privilege }) => privilege === "create"))
        .filter((role) => judged.applicationRoles.has(role))
        .map((role) => {
          const named = schemaObject(name);
          return {
            ...named,
            message: `${role} may create objects in ${named.object}, also ones that stand in for others; an application role must own nothing`,
            remediation: `Write \`revoke create on ${named.object} from ${quoteRole(role)};\`.`,
          };
        }),
    ),
  ],
});

/** What has an owner; `sql` is what ALTER takes: "table public.notes". */
function ownedObjects({ tables, views, functions, schema }: JudgedSchema) {
  const named = (object: NamedObject, owner: string | undefined, kind?: string) => ({
    ...object,
    owner,
    sql: kind === undefined ? object.object : `${kind} ${object.object}`,
  });
  return [
    ...tables.map((table) => {
      const kind = table.kind === "foreign table" ? table.kind : "table";
      return named(tableObject(table), table.owner, kind);
    }),
    ...views.map((view) => named(viewObject(view), view.owner, view.kind)),
    ...functions.map((item) => named(functionObject(item), item.owner)),
    ...(schema.schemas ?? []).map(({ name, owner }) => named(schemaObject(name), owner)),
  ];
}
