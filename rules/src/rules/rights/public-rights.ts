import { everyone, privilegesOf } from "../../model/judged-schema";
import { schemaObject } from "../../model/names";
import { defineRule } from "../rule";
import { relations, schemas } from "./database-objects";

/** PUBLIC is every role that there is and will be. */
export const publicRightsRule = defineRule({
  name: "public-rights",
  code: "POL115",
  description: "PUBLIC has no right on any table, view, sequence or schema.",
  severity: "high",
  level: "mandatory",
  remediation: "Revoke it from PUBLIC and grant it to the role that needs it.",
  judgesPlatformGrants: true,
  find: (judged) => {
    const platform = judged.contract.platformSchemas.map((name) => schemaObject(name).object);
    return [...relations(judged), ...schemas(judged)].map(({ kind, object, described, grants }) => {
      // PostgreSQL itself lets PUBLIC use the schema `public` of a new database.
      const isAccepted = (privilege: string) => object === "schema public" && privilege === "usage";
      const rights = privilegesOf(
        grants.filter(({ privilege }) => !isAccepted(privilege)),
        everyone,
      );
      if (platform.includes(object) || !rights) return undefined;
      return {
        kind,
        object,
        message: `PUBLIC has ${rights} on ${described}; PUBLIC must have no right on anything`,
        remediation: `Write \`revoke all on ${object} from public;\` and grant to roles by name.`,
      };
    });
  },
});
