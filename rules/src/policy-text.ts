import { scanSync } from "./parser";
import type { RowPolicy } from "./schema";

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

/** The same text with one name put in the place of another, wherever it stands as a name. */
export function renameIn(expression: string, from: string, to: string): string {
  if (!expression.includes(from)) return expression;
  const bytes = Buffer.from(expression, "utf8");
  let result = "";
  let at = 0;
  for (const { text, start, end } of scanSync(expression).tokens) {
    if (text !== `"${from}"` && text.toLowerCase() !== from) continue;
    result += `${bytes.subarray(at, start).toString("utf8")}"${to.replaceAll('"', '""')}"`;
    at = end;
  }
  return result + bytes.subarray(at).toString("utf8");
}

/** A policy whose expressions follow a table or a column to its new name. */
export function renameInPolicy(policy: RowPolicy, from: string, to: string): RowPolicy {
  const { using, check } = policy;
  return {
    ...policy,
    using: using === null ? null : renameIn(using, from, to),
    check: check === null ? null : renameIn(check, from, to),
  };
}
