import { applicationRoles } from "./end-users";
import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";
import type { Origin, Schema } from "./schema";

/** Who owns a table can switch its protection off. */
export const objectOwnersRule = defineRule({
  name: "object-owners",
  code: "POL118",
  description: "No application role owns anything or may create anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Let migrator own it, and grant what is needed.",
  find: (schema) => {
    const roles = applicationRoles(schema);
    const owned = ownedObjects(schema).flatMap(({ object, owner, origin }): Found[] =>
      owner !== undefined && roles.has(owner)
        ? [
            {
              object,
              message: `${object} belongs to ${owner}, which can take its protection away; an application role must own nothing`,
              remediation: `Write \`alter ${object} owner to migrator;\`.`,
              origin,
            },
          ]
        : [],
    );
    const creating = (schema.schemas ?? []).flatMap(({ name, grants, origin }): Found[] =>
      grants
        .filter(({ grantee, privilege }) => privilege === "create" && roles.has(grantee))
        .map(({ grantee, origin: granted }) => ({
          object: `schema ${name}`,
          message: `${grantee} may create objects in schema ${name}, also ones that stand in for others; an application role must own nothing`,
          remediation: `Write \`revoke create on schema ${name} from ${grantee};\`.`,
          origin: granted ?? origin,
        })),
    );
    return [...owned, ...creating];
  },
});

interface Owned {
  object: string;
  owner: string | undefined;
  origin: Origin | undefined;
}

function ownedObjects({ tables, views = [], functions = [], schemas = [] }: Schema): Owned[] {
  return [
    ...tables.map((table) => ({
      object: `table ${quoteName(table)}`,
      owner: table.owner,
      origin: table.origin,
    })),
    ...views.map((view) => ({ ...view, object: `${view.kind} ${quoteName(view)}` })),
    ...functions.map((item) => ({
      ...item,
      object: `function ${quoteName(item)}(${item.arguments})`,
    })),
    ...schemas.map((item) => ({ ...item, object: `schema ${item.name}` })),
  ].map(({ object, owner, origin }) => ({ object, owner, origin }));
}
