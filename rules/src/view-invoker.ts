import { privilegesOf } from "./granted-objects";
import { quoteName } from "./names";
import { defineRule } from "./rule";

/** A view reads with its owner's rights unless it says otherwise. */
export const viewInvokerRule = defineRule({
  name: "view-invoker",
  code: "POL123",
  description: "Every view that is granted to anybody reads with the rights of who queries it.",
  severity: "critical",
  level: "mandatory",
  remediation: "Make the view `with (security_invoker = true)`.",
  find: (schema) =>
    (schema.views ?? []).flatMap((view) => {
      const held = view.grants.filter(({ grantee }) => grantee !== view.owner);
      const [first] = held;
      if (view.kind !== "view" || view.securityInvoker || !first) return [];
      const object = quoteName(view);
      return [
        {
          object,
          message:
            `view ${object} is without security_invoker, and ${first.grantee} has ${privilegesOf(held)} on ` +
            `it: it shows what ${view.owner} may read; a granted view must be security_invoker`,
          remediation: `Write \`alter view ${object} set (security_invoker = true);\`, after every \`create or replace view\`, too.`,
          origin: view.origin,
        },
      ];
    }),
});
