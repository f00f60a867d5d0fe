import { holdersOf } from "../../model/judged-schema";
import { quoteRole } from "../../model/names";
import { defineRule } from "../rule";
import { functions, relations, schemas } from "./database-objects";

/** The owner of a table can switch its protection off. */
export const objectOwnersRule = defineRule({
  name: "object-owners",
  code: "POL118",
  description: "No application role owns anything or may create anything.",
  severity: "critical",
  level: "mandatory",
  remediation: "Let the role of the migrations own it, and grant what is needed.",
  find: (judged) => {
    const { contract, applicationRoles } = judged;
    const owned = [...relations(judged), ...functions(judged), ...schemas(judged)];
    return [
      owned
        .filter(({ owner = "" }) => applicationRoles.has(owner))
        .map(({ kind, object, described, owner = "" }) => ({
          kind,
          object,
          message: `${described} belongs to ${owner}, which can take its protection away; an application role must own nothing`,
          remediation: `Write \`alter ${described} owner to ${quoteRole(contract.migrationRole)};\`.`,
        })),
      schemas(judged).map(({ kind, object, grants }) =>
        holdersOf(grants.filter(({ privilege }) => privilege === "create"))
          .filter((role) => applicationRoles.has(role))
          .map((role) => ({
            kind,
            object,
            message: `${role} may create objects in ${object}, also ones that stand in for others; an application role must own nothing`,
            remediation: `Write \`revoke create on ${object} from ${quoteRole(role)};\`.`,
          })),
      ),
    ];
  },
});
