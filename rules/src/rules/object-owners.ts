import type { JudgedSchema } from "../model/judged-schema";
import {
  type NamedObject,
  functionObject,
  quoteRole,
  schemaObject,
  tableObject,
  viewObject,
} from "../model/names";
import { type Found, defineRule } from "./rule";

/** Who owns a table can switch its protection off. */
export const objectOwnersRule = defineRule({
  name: "object-owners",
  code: "POL118",
  description: "No application role owns anything or may create anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Let the role of the migrations own it, and grant what is needed.",
  find: (judged) => {
    const { applicationRoles, contract } = judged;
    const owned = ownedObjects(judged).flatMap(({ named, sql, owner }): Found[] =>
      owner !== undefined && applicationRoles.has(owner)
        ? [
            {
              ...named,
              message: `${sql} belongs to ${owner}, which can take its protection away; an application role must own nothing`,
              remediation: `Write \`alter ${sql} owner to ${quoteRole(contract.migrationRole)};\`.`,
            },
          ]
        : [],
    );
    const creating = (judged.schema.schemas ?? []).flatMap(({ name, grants }): Found[] =>
      grants
        .filter(({ grantee, privilege }) => privilege === "create" && applicationRoles.has(grantee))
        .map(({ grantee }) => {
          const named = schemaObject(name);
          return {
            ...named,
            message: `${grantee} may create objects in ${named.object}, also ones that stand in for others; an application role must own nothing`,
            remediation: `Write \`revoke create on ${named.object} from ${quoteRole(grantee)};\`.`,
          };
        }),
    );
    return [...owned, ...creating];
  },
});

interface Owned {
  named: NamedObject;
  /** As ALTER takes it: "table public.notes". */
  sql: string;
  owner: string | undefined;
}

function ownedObjects({ tables, views, functions, schema }: JudgedSchema): Owned[] {
  return [
    ...tables.map((table) => {
      const named = tableObject(table);
      const kind = table.kind === "foreign table" ? table.kind : "table";
      return { named, sql: `${kind} ${named.object}`, owner: table.owner };
    }),
    ...views.map((view) => {
      const named = viewObject(view);
      return { named, sql: `${view.kind} ${named.object}`, owner: view.owner };
    }),
    ...functions.map((item) => {
      const named = functionObject(item);
      return { named, sql: named.object, owner: item.owner };
    }),
    ...(schema.schemas ?? []).map(({ name, owner }) => {
      const named = schemaObject(name);
      return { named, sql: named.object, owner };
    }),
  ];
}
