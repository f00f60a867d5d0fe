import { type Fact, equalJson, splitKey } from "../../catalog";
import { type Drift, drift, text, texts, without } from "./drift";
import { compareComment, compareGrants, compareOwner } from "./rights";

/** What differs in a view or materialized view. */
export function compareView(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { kind, name } = splitKey(key);
  const label = `${kind} ${name}`;
  const subject = { key, label, clause: label };
  if (!expected) {
    const what = `${label} was added by no migration; it reads with the rights of ${readerOf(actual)}`;
    const person = "Drop it, or write it as a new migration.";
    return [drift(key, "added", "widened", what, { person })];
  }
  const person = "Write it as a new migration, or undo it by hand.";
  const recreate = kind === "view" ? { statements: [createView(name, expected)] } : { person };
  if (!actual) return [drift(key, "gone", "tightened", `${label} is gone`, recreate)];

  const changed: Drift[] = [];
  if (text(expected, "definition") !== text(actual, "definition")) {
    const what = `${label} has another query, which may widen it`;
    changed.push(drift(key, "changed", "widened", what, recreate));
  }
  const invoker = actual["securityInvoker"] === true;
  if (expected["securityInvoker"] !== actual["securityInvoker"]) {
    const what = invoker
      ? `${label} reads with the rights of who queries it (security_invoker is on)`
      : `${label} reads with the rights of its owner (security_invoker is off)`;
    const fix = { statements: optionStatements(name, kind, expected, actual) };
    changed.push(drift(key, "changed", invoker ? "tightened" : "widened", what, fix));
  } else if (!equalJson(expected["options"] ?? null, actual["options"] ?? null)) {
    const before = texts(expected["options"]).join(", ") || "none";
    const after = texts(actual["options"]).join(", ") || "none";
    const what = `options of ${label} changed from ${before} to ${after}`;
    const lostBarrier = without(texts(expected["options"]), texts(actual["options"])).some(
      (option) => /^(security_barrier|check_option)=/.test(option),
    );
    const fix = { statements: optionStatements(name, kind, expected, actual) };
    changed.push(drift(key, "changed", lostBarrier ? "widened" : "neutral", what, fix));
  }
  return [
    ...compareOwner(subject, expected, actual),
    ...changed,
    ...compareGrants({ ...subject, clause: `table ${name}` }, expected, actual),
    ...compareComment(subject, expected, actual),
  ];
}

function readerOf(view: Fact | undefined): string {
  if (view?.["securityInvoker"] === true) return "who queries it";
  return `its owner, ${text(view ?? {}, "owner")}`;
}

function createView(name: string, fact: Fact): string {
  const options = texts(fact["options"]).join(", ");
  const query = text(fact, "definition").trim().replace(/;$/, "");
  return `create or replace view ${name}${options === "" ? "" : ` with (${options})`} as ${query}`;
}

function optionStatements(name: string, kind: string, expected: Fact, actual: Fact): string[] {
  const [before, after] = [texts(expected["options"]), texts(actual["options"])];
  const names = (options: string[]) => options.map((option) => option.split("=", 1)[0] ?? option);
  const surplus = without(names(after), names(before));
  return [
    ...(surplus.length === 0 ? [] : [`alter ${kind} ${name} reset (${surplus.join(", ")})`]),
    ...(before.length === 0 ? [] : [`alter ${kind} ${name} set (${before.join(", ")})`]),
  ];
}
