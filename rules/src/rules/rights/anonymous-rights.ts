import { privilegesOf } from "../../model/judged-schema";
import { quoteRole } from "../../model/names";
import { defineRule } from "../rule";
import { relations } from "./database-objects";

/** Nobody is signed in, so no row is theirs. */
export const anonymousRightsRule = defineRule({
  name: "anonymous-rights",
  code: "POL116",
  description: "A request without a signed-in user has no right on any table, view or sequence.",
  severity: "high",
  level: "mandatory",
  remediation: "Revoke it; what is public by design needs a waiver.",
  judgesPlatformGrants: true,
  find: (judged) => {
    const { anonymousRole: role } = judged.contract;
    return relations(judged).map(({ kind, object, described, grants }) => {
      const rights = privilegesOf(grants, role);
      return (
        rights && {
          kind,
          object,
          message: `${role} has ${rights} on ${described}; a request without a signed-in user must have no right on any table`,
          remediation: `Write \`revoke all on ${object} from ${quoteRole(role)};\`, or waive it for public data.`,
        }
      );
    });
  },
});
