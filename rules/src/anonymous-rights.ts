import { anonymous } from "./contract";
import { grantedRelations, privilegesOf, revocable } from "./granted-objects";
import { defineRule } from "./rule";

/** Nobody is signed in, so no row is theirs. */
export const anonymousRightsRule = defineRule({
  name: "anonymous-rights",
  code: "POL116",
  description: "A request without a signed-in user has no right on any table or view.",
  severity: "high",
  level: "mandatory",
  remediation: "Revoke it from anon; what is public by design needs a waiver.",
  find: (schema) =>
    grantedRelations(schema).flatMap(({ object, grants, origin }) => {
      const held = grants.filter(({ grantee }) => grantee === anonymous);
      const [first] = held;
      if (!first) return [];
      const name = revocable(object);
      return [
        {
          object: name,
          message:
            `anon has ${privilegesOf(held)} on ${object}; a request without a signed-in user must have ` +
            "no right on any table",
          remediation: `Write \`revoke all on ${name} from anon;\`, or waive it for public data.`,
          origin: first.origin ?? origin,
        },
      ];
    }),
});
