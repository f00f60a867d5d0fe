import { type Fact, splitKey } from "../../catalog";
import { type Drift, type DriftClass, drift, quoteRole, text, texts, without } from "./drift";
import { compareComment } from "./rights";

/** What differs in a row level security policy. */
export function comparePolicy(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const fact = expected ?? actual ?? {};
  const table = text(fact, "table");
  const policy = splitKey(key).name.slice(table.length + 1);
  const label = `policy ${policy} on ${table}`;
  const drop = `drop policy if exists ${policy} on ${table}`;
  if (!expected) {
    const opens = fact["permissive"] === true;
    const what = `${label} was added, ${describe(fact)}`;
    return [drift(key, "added", opens ? "widened" : "tightened", what, { statements: [drop] })];
  }
  const statements = [drop, createPolicy(policy, table, expected)];
  if (!actual) {
    const closes = expected["permissive"] !== true;
    return [
      drift(key, "gone", closes ? "widened" : "tightened", `${label} is gone`, { statements }),
    ];
  }
  const subject = { key, label, clause: `policy ${policy} on ${table}` };
  return [
    ...differences(expected, actual).map(([clause, classification]) =>
      drift(key, "changed", classification, `${label}: ${clause}`, { statements }),
    ),
    ...compareComment(subject, expected, actual),
  ];
}

/** Each thing that differs, as a clause, and what it does to who sees what. */
function differences(before: Fact, after: Fact): [string, DriftClass][] {
  const found: [string, DriftClass][] = [];
  const permissive = after["permissive"] === true;
  if (before["permissive"] !== after["permissive"]) {
    found.push([
      permissive
        ? "was restrictive and is permissive now"
        : "was permissive and is restrictive now",
      permissive ? "widened" : "tightened",
    ]);
  }
  const [had, has] = [texts(before["roles"]), texts(after["roles"])];
  const [more, fewer] = [without(has, had), without(had, has)];
  if (more.length + fewer.length > 0) {
    const opens = permissive ? more.length > 0 : fewer.length > 0;
    const change = `roles changed from ${had.join(", ")} to ${has.join(", ")}`;
    found.push([change, opens ? "widened" : "tightened"]);
  }
  if (before["command"] !== after["command"]) {
    const change = `command changed from ${text(before, "command")} to ${text(after, "command")}`;
    const narrower = permissive ? before["command"] === "all" : after["command"] === "all";
    found.push([change, narrower ? "tightened" : "widened"]);
  }
  for (const [field, name] of [
    ["using", "using"],
    ["check", "with check"],
  ] as const) {
    const [was, is] = [before[field] ?? null, after[field] ?? null];
    if (was === is) continue;
    const narrower = isNarrower(expressionOf(before, field), expressionOf(after, field));
    const change = `${name} changed from ${show(was)} to ${show(is)}`;
    found.push([
      narrower ? change : `${change}, which may widen it`,
      narrower ? "tightened" : "widened",
    ]);
  }
  return found;
}

/** Without a `with check`, PostgreSQL checks new rows with `using`. */
function expressionOf(policy: Fact, field: "using" | "check"): string {
  return text(policy, field) || (field === "check" ? text(policy, "using") : "");
}

/**
 * Whether it is certain that the second expression lets no row pass that the first stops. The server
 * prints every `and` and `or` in parentheses of its own, so `(first AND more)` is the first and more.
 */
function isNarrower(before: string, after: string): boolean {
  if (after === "false" || before === "true") return true;
  return before !== "" && after.startsWith(`(${before} AND `) && isEnclosed(after);
}

/** Whether the first parenthesis of an expression is closed by its last character. */
function isEnclosed(expression: string): boolean {
  const bare = expression.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, "");
  let depth = 0;
  const end = [...bare].findIndex((character) => {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    return depth === 0;
  });
  return end === bare.length - 1;
}

function createPolicy(policy: string, table: string, fact: Fact): string {
  const using = text(fact, "using");
  const check = text(fact, "check");
  return (
    `create policy ${policy} on ${table} ` +
    `as ${fact["permissive"] === true ? "permissive" : "restrictive"} ` +
    `for ${text(fact, "command")} to ${texts(fact["roles"]).map(quoteRole).join(", ")}` +
    (using === "" ? "" : ` using (${using})`) +
    (check === "" ? "" : ` with check (${check})`)
  );
}

function describe(fact: Fact): string {
  const kind = fact["permissive"] === true ? "permissive" : "restrictive";
  const condition = text(fact, "using") || text(fact, "check");
  return `${kind}, for ${text(fact, "command")} to ${texts(fact["roles"]).join(", ")}: ${condition}`;
}

function show(expression: Fact[string]): string {
  return typeof expression === "string" ? expression : "none";
}
