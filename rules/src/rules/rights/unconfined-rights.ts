import { holdersOf, privilegesOf } from "../../model/judged-schema";
import { quoteRole } from "../../model/names";
import { grantedRelations } from "./granted-objects";
import { defineRule } from "../rule";

/** Rights that policies do not confine. */
const unconfined: readonly string[] = ["truncate", "references", "trigger", "maintain"];

/**
 * TRUNCATE empties a table whatever its policies say; the others open ways around them. Who may pass a
 * right on decides who has it, in place of the migrations.
 */
export const unconfinedRightsRule = defineRule({
  name: "unconfined-rights",
  code: "POL117",
  description:
    "No application role has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN, or may pass any right on.",
  severity: "high",
  level: "mandatory",
  remediation: "Grant select, insert, update and delete by name, never ALL.",
  judgesPlatformGrants: true,
  find: (judged) =>
    grantedRelations(judged).map(({ kind, object, described, grants }) => {
      const roles = holdersOf(grants).filter((role) => judged.applicationRoles.has(role));
      return roles.map((role) => {
        const held = grants.filter(({ grantee }) => grantee === role);
        const what = privilegesOf(held.filter(({ privilege }) => unconfined.includes(privilege)));
        const passing = privilegesOf(held.filter(({ grantable }) => grantable));
        return [
          what !== "" && {
            kind,
            object,
            message: `${role} has ${what} on ${described}, which row level security does not confine; no application role must have it`,
            remediation: `Write \`revoke ${what} on ${object} from ${quoteRole(role)};\`, and grant no ALL.`,
          },
          passing !== "" && {
            kind,
            object,
            message: `${role} may grant ${passing} on ${described} to others; who has a right must be read in the migrations`,
            remediation: `Write \`revoke grant option for ${passing} on ${object} from ${quoteRole(role)};\`.`,
          },
        ];
      });
    }),
});
