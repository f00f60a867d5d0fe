import { privilegesOf } from "../../model/judged-schema";
import { quoteRole } from "../../model/names";
import { defineRule } from "../rule";
import { relations } from "./database-objects";

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
    relations(judged).map(({ kind, object, described, grants }) => {
      const unlimited = grants.filter(({ privilege }) => unconfined.includes(privilege));
      const passed = grants.filter(({ grantable }) => grantable);
      return [...judged.applicationRoles].map((role) => {
        const rights = privilegesOf(unlimited, role);
        const passing = privilegesOf(passed, role);
        return [
          rights && {
            kind,
            object,
            message: `${role} has ${rights} on ${described}, which row level security does not confine; no application role must have it`,
            remediation: `Write \`revoke ${rights} on ${object} from ${quoteRole(role)};\`, and grant no ALL.`,
          },
          passing && {
            kind,
            object,
            message: `${role} may grant ${passing} on ${described} to others; the migrations must show who has which right`,
            remediation: `Write \`revoke grant option for ${passing} on ${object} from ${quoteRole(role)};\`.`,
          },
        ];
      });
    }),
});
