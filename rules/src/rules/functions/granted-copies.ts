import { holdersOf, listRoles, privilegesOf } from "../../model/judged-schema";
import { quoteName, quoteRole, tableObject, viewObject } from "../../model/names";
import { type Findings, defineRule } from "../rule";

/** Row level security cannot protect a materialized view or a foreign table. */
export const grantedCopiesRule = defineRule({
  name: "granted-copies",
  code: "POL124",
  description: "No materialized view and no foreign table is granted to end users.",
  severity: "critical",
  level: "mandatory",
  remediation:
    "Revoke it, and let a security definer function return the caller's rows alone, or fill a table with policies.",
  find: ({ tables, views, endUsers }) =>
    [
      ...tables.filter(({ kind }) => kind === "foreign table"),
      ...views.filter(({ kind }) => kind === "materialized view"),
    ].flatMap((copy): Findings => {
      const held = (copy.grants ?? []).filter(({ grantee }) => endUsers.has(grantee));
      if (held.length === 0) return [];
      const name = quoteName(copy);
      const roles = holdersOf(held);
      return {
        ...(copy.kind === "foreign table" ? tableObject(copy) : viewObject(copy)),
        message: `${listRoles(roles)} has ${privilegesOf(held)} on ${copy.kind} ${name}, whose rows no policy can confine; end users must not have it`,
        remediation:
          `Write \`revoke all on ${name} from ${roles.map(quoteRole).join(", ")};\`, and let a security ` +
          "definer function return the caller's rows alone.",
      };
    }),
});
