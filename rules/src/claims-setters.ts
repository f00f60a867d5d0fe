import { functionCalls } from "./expressions";
import { expressionTree } from "./function-bodies";
import { quoteName } from "./names";
import type { Found } from "./rule";
import type { DatabaseFunction, Schema } from "./schema";

/** What may set who makes a request: a call with another name than a constant that says something else. */
const setsIdentity =
  /\bset_config\s*\((?!\s*'(?!request\.|role'|session_authorization')[^']*')|\bset\s+(local\s+|session\s+)?"?request\./i;

/** Policies that set who makes a request while they ask who it is. */
export function policiesThatSetClaims({ tables, functions = [] }: Schema): Found[] {
  const setters = settersAmong(functions);
  return tables.flatMap((table) =>
    (table.policies ?? []).flatMap((policy) => {
      const sets = [policy.using, policy.check].some(
        (text) => text !== null && (setsIdentity.test(text) || calls(text, setters)),
      );
      if (!sets) return [];
      const object = `policy ${policy.name} on ${quoteName(table)}`;
      return [
        {
          object,
          message: `${object} sets the claims of the request while it judges a row, by set_config or a function that calls it; who is signed in must be said before`,
          remediation: "Compare the row with `(select auth.uid())`, and set nothing.",
          origin: policy.origin ?? table.origin,
        },
      ];
    }),
  );
}

/** The names of functions that set claims, or name one that does. */
function settersAmong(functions: readonly DatabaseFunction[]): ReadonlySet<string> {
  const setters = new Set<string>();
  for (let before = -1; before < setters.size;) {
    before = setters.size;
    const named =
      setters.size > 0 ? new RegExp(`\\b(${[...setters].join("|")})\\b`, "i") : undefined;
    for (const { name, source } of functions) {
      if (source && /^\w+$/.test(name) && (setsIdentity.test(source) || named?.test(source))) {
        setters.add(name);
      }
    }
  }
  return setters;
}

function calls(text: string, names: ReadonlySet<string>): boolean {
  if (names.size === 0) return false;
  return functionCalls(expressionTree(text)).some(({ name }) => names.has(name));
}
