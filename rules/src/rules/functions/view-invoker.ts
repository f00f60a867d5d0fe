import { holdersOf, listRoles, privilegesOf } from "../../model/judged-schema";
import { viewObject } from "../../model/names";
import { defineRule } from "../rule";

/** A view reads with its owner's rights unless it says otherwise. */
export const viewInvokerRule = defineRule({
  name: "view-invoker",
  code: "POL123",
  description:
    "Every view that end users may use reads with the rights of the role that queries it.",
  severity: "critical",
  level: "mandatory",
  remediation: "Make the view `with (security_invoker = true)`.",
  find: ({ views, endUsers }) =>
    views.flatMap((view) => {
      const held = view.grants.filter(({ grantee }) => endUsers.has(grantee));
      if (view.kind !== "view" || view.securityInvoker || held.length === 0) return [];
      const named = viewObject(view);
      const who = listRoles(holdersOf(held));
      return {
        ...named,
        message:
          `view ${named.object} is without security_invoker, and ${who} has ${privilegesOf(held)} on ` +
          `it: it shows what ${view.owner} may read; a granted view must be security_invoker`,
        remediation: `Write \`alter view ${named.object} set (security_invoker = true);\`, after every \`create or replace view\`, too.`,
      };
    }),
});
