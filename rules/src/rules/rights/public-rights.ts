import { everyone, privilegesOf } from "../../model/judged-schema";
import { schemaObject } from "../../model/names";
import { grantedRelations } from "./granted-objects";
import { defineRule } from "../rule";

/** PUBLIC is every role that there is and will be. */
export const publicRightsRule = defineRule({
  name: "public-rights",
  code: "POL115",
  description: "PUBLIC has no right on any table, view, sequence or schema.",
  severity: "high",
  level: "mandatory",
  remediation: "Revoke it from PUBLIC and grant it to the role that needs it.",
  find: (judged) => {
    const schemas = (judged.schema.schemas ?? [])
      .filter(({ name }) => !judged.isOfPlatform({ schema: name }))
      .map(({ name, grants }) => ({
        ...schemaObject(name),
        described: schemaObject(name).object,
        // PostgreSQL itself lets PUBLIC use the schema `public` of a new database.
        grants: grants.filter(({ privilege }) => name !== "public" || privilege !== "usage"),
      }));
    return [...grantedRelations(judged), ...schemas].flatMap(
      ({ kind, object, described, grants }) => {
        const held = grants.filter(({ grantee }) => grantee === everyone);
        if (held.length === 0) return [];
        return {
          kind,
          object,
          message: `PUBLIC has ${privilegesOf(held)} on ${described}; PUBLIC must have no right on anything`,
          remediation: `Write \`revoke all on ${object} from public;\` and grant to roles by name.`,
        };
      },
    );
  },
});
