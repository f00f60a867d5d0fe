import { scanSync } from "libpg-query";

/** The expressions of a `create policy` or `alter policy`, as written. */
export interface PolicyExpressions {
  using: string | null;
  check: string | null;
}

/** Reads the expressions off the text of the statement, which the parser has accepted. */
export function policyExpressions(statement: string): PolicyExpressions {
  const bytes = Buffer.from(statement, "utf8");
  const found: PolicyExpressions = { using: null, check: null };
  let depth = 0;
  let opened = 0;
  let part: keyof PolicyExpressions | undefined;
  let before = "";
  for (const { text, start, end } of scanSync(statement).tokens) {
    if (text === "(") {
      if (depth === 0) {
        opened = end;
        part = before === "using" ? "using" : before === "check" ? "check" : undefined;
      }
      depth += 1;
    } else if (text === ")") {
      depth -= 1;
      if (depth === 0 && part) found[part] = bytes.subarray(opened, start).toString("utf8");
    }
    if (depth === 0) before = text.toLowerCase();
  }
  return found;
}
