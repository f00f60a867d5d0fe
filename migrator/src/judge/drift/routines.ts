import { type Fact, equalJson, splitKey } from "../../catalog";
import { type Drift, type DriftClass, drift, fields, text, texts } from "./drift";
import { compareComment, compareGrants, compareOwner } from "./rights";
import { show } from "./tables";

/** What differs in a function or procedure. */
export function compareRoutine(
  key: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
): Drift[] {
  const { name } = splitKey(key);
  const label = `function ${name}`;
  const subject = { key, label, clause: `routine ${name}` };
  if (!expected) return [addedRoutine(key, label, actual ?? {})];
  if (!actual) return [drift(key, "gone", "neutral", `${label} is gone`, "migration")];
  return [
    ...compareOwner(subject, expected, actual),
    ...differences(label, expected, actual).map(([what, classification]) =>
      drift(key, "changed", classification, what, "migration"),
    ),
    ...compareGrants(subject, expected, actual),
    ...compareComment(subject, expected, actual),
  ];
}

function addedRoutine(key: string, label: string, actual: Fact): Drift {
  const others = Object.keys(fields(actual["grants"]));
  const definer = actual["securityDefiner"] === true;
  const what =
    `${label} was added by no migration; it runs with the rights of ` +
    `${definer ? `its owner, ${text(actual, "owner")}` : "who calls it"}, and ` +
    `${others.length === 0 ? "nobody but the owner" : others.join(", ")} may call it`;
  const person = "Drop it, or write it as a new migration.";
  return drift(key, "added", others.length > 0 ? "widened" : "neutral", what, { person });
}

function differences(label: string, before: Fact, after: Fact): [string, DriftClass][] {
  const found: [string, DriftClass][] = [];
  const definer = after["securityDefiner"] === true;
  if (before["securityDefiner"] !== after["securityDefiner"]) {
    found.push([
      `${label} runs with the rights of ${definer ? "its owner" : "who calls it"} ` +
        `(security ${definer ? "definer" : "invoker"})`,
      definer ? "widened" : "tightened",
    ]);
  }
  if (
    before["sourceSha256"] !== after["sourceSha256"] ||
    before["language"] !== after["language"]
  ) {
    found.push([`${label} was replaced: its body is another, which may widen it`, "widened"]);
  }
  const pinned = (fact: Fact) =>
    texts(fact["settings"]).find((setting) => setting.startsWith("search_path="));
  if (pinned(before) !== pinned(after)) {
    const what =
      pinned(after) === undefined
        ? `${label} no longer pins its search_path`
        : `${label} pins another search_path: ${show(pinned(after) ?? null)}`;
    found.push([what, "widened"]);
  } else if (!equalJson(before["settings"] ?? null, after["settings"] ?? null)) {
    found.push([
      `settings of ${label} changed from ${settings(before)} to ${settings(after)}`,
      "widened",
    ]);
  }
  if (before["leakproof"] !== after["leakproof"]) {
    const on = after["leakproof"] === true;
    found.push([
      on
        ? `${label} may see rows before policies do (leakproof)`
        : `${label} is no longer leakproof`,
      on ? "widened" : "tightened",
    ]);
  }
  for (const field of ["kind", "arguments", "returns", "volatility", "parallel", "strict"]) {
    const [was, is] = [before[field] ?? null, after[field] ?? null];
    if (was !== is)
      found.push([`${field} of ${label} changed from ${show(was)} to ${show(is)}`, "neutral"]);
  }
  return found;
}

function settings(fact: Fact): string {
  return texts(fact["settings"]).join(", ") || "none";
}
