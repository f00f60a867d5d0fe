import { privilegesOf } from "./granted-objects";
import { quoteName } from "./names";
import { type Found, defineRule } from "./rule";

/** Row level security can not protect a materialized view or a foreign table. */
export const grantedCopiesRule = defineRule({
  name: "granted-copies",
  code: "POL124",
  description: "No materialized view and no foreign table is granted to anybody.",
  severity: "critical",
  level: "mandatory",
  remediation: "Grant a security_invoker view over tables, or a table that is filled from it.",
  find: ({ tables, views = [] }) => {
    const copies = [
      ...tables.filter(({ kind }) => kind === "foreign table"),
      ...views.filter(({ kind }) => kind === "materialized view"),
    ];
    return copies.flatMap((copy): Found[] => {
      const held = (copy.grants ?? []).filter(({ grantee }) => grantee !== copy.owner);
      const [first] = held;
      if (!first) return [];
      const object = quoteName(copy);
      return [
        {
          object,
          message: `${first.grantee} has ${privilegesOf(held)} on ${copy.kind} ${object}, whose rows no policy can confine; it must be granted to nobody`,
          remediation: `Write \`revoke all on ${object} from ${first.grantee};\`, and grant a table with policies.`,
          origin: first.origin ?? copy.origin,
        },
      ];
    });
  },
});
