import type { Fact, Json } from "../../catalog";
import {
  type Drift,
  type Subject,
  drift,
  fields,
  quoteRole,
  quoteText,
  text,
  texts,
  without,
} from "./drift";

const WITH_GRANT_OPTION = " with grant option";

/** Another owner may do everything, and may switch row level security off. */
export function compareOwner(subject: Subject, expected: Fact, actual: Fact): Drift[] {
  const [before, after] = [text(expected, "owner"), text(actual, "owner")];
  if (before === after) return [];
  const statements = [`alter ${subject.clause} owner to ${quoteRole(before)}`];
  const what = `${subject.label} is owned by ${after} instead of ${before}`;
  return [drift(subject.key, "changed", "widened", what, { statements })];
}

/** A comment changes nothing that anyone may do. */
export function compareComment(subject: Subject, expected: Fact, actual: Fact): Drift[] {
  const [before, after] = [expected["comment"] ?? null, actual["comment"] ?? null];
  if (before === after) return [];
  const wanted = typeof before === "string" ? before : null;
  const statements = [`comment on ${subject.clause} is ${quoteText(wanted)}`];
  const what = `the comment on ${subject.label} ${after === null ? "is gone" : "was changed"}`;
  return [drift(subject.key, "changed", "neutral", what, { statements })];
}

/**
 * Rights that were granted beside the migrations, and rights that were taken.
 * @param prefix what comes before `grant` and `revoke`, of default privileges.
 */
export function compareGrants(
  { key, label, clause }: Subject,
  expected: Fact,
  actual: Fact,
  prefix = "",
): Drift[] {
  return grantChanges(expected["grants"], actual["grants"]).flatMap(({ role, added, lost }) => {
    const revoke = (privilege: string) =>
      `${prefix}revoke ${bare(privilege)} on ${clause} from ${quoteRole(role)}`;
    const grant = (privilege: string) =>
      `${prefix}grant ${bare(privilege)} on ${clause} to ${quoteRole(role)}` +
      (privilege === bare(privilege) ? "" : WITH_GRANT_OPTION);
    // Of a privilege that was held before, only the right to pass it on came or went.
    const passedOn = lost.filter((privilege) => added.map(bare).includes(bare(privilege)));
    const taken = without(lost, passedOn);
    const found: Drift[] = [];
    if (added.length > 0) {
      const statements = [...added.map(revoke), ...passedOn.map(grant)];
      const what = `${role} was granted ${spell(added)} on ${label}`;
      found.push(drift(key, "changed", "widened", what, { statements }));
    }
    if (taken.length > 0) {
      const what = `${role} lost ${spell(taken)} on ${label}`;
      found.push(drift(key, "changed", "tightened", what, { statements: taken.map(grant) }));
    }
    return found;
  });
}

/** What each role has more and less. */
export function grantChanges(
  expected: Json | undefined,
  actual: Json | undefined,
): { role: string; added: string[]; lost: string[] }[] {
  const [before, after] = [fields(expected), fields(actual)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().map((role) => {
    const [had, has] = [texts(before[role]), texts(after[role])];
    return { role, added: without(has, had), lost: without(had, has) };
  });
}

/** Privileges as a sentence names them. */
export function spell(privileges: string[]): string {
  return privileges
    .map((privilege) => privilege.replace(/^[a-z]+/, (word) => word.toUpperCase()))
    .join(", ");
}

/** A privilege without the right to pass it on. */
function bare(privilege: string): string {
  return privilege.endsWith(WITH_GRANT_OPTION)
    ? privilege.slice(0, -WITH_GRANT_OPTION.length)
    : privilege;
}
