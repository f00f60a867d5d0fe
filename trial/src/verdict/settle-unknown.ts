import type { Trial } from "../try-database";
import type { JudgedFinding } from "./verdict";

/** What the attacker says: where it got through, and what it tried. */
export type Attacked = Pick<Trial, "tried"> & { findings: readonly JudgedFinding[] };

/**
 * Settles what the rules could not tell. Where the attacker got through, its finding says so; where it
 * tried and did not, it is advice; where nobody could try, it is refused.
 * @param attacked absent where the attacker was left out.
 */
export function settleUnknown(
  findings: readonly JudgedFinding[],
  attacked: Attacked | undefined,
): JudgedFinding[] {
  return findings.flatMap(({ unknown, ...finding }) =>
    unknown ? settle(finding, attacked) : [finding],
  );
}

function settle(finding: JudgedFinding, attacked: Attacked | undefined): JudgedFinding[] {
  const { message, remediation } = finding;
  const refused = (why: string): JudgedFinding => ({
    ...finding,
    level: "mandatory",
    message: `${message}; ${why}`,
    remediation: `${remediation} Or give rows to try it with in policy/trial-rows/*.sql, or waive it.`,
  });
  if (!attacked) return [refused("nobody tried it, because the attacker was left out")];
  const target = targetOf(finding.object);
  const tried = attacked.tried.find(({ object }) => object === target);
  if (!tried?.judged) {
    return [refused(`it could not be tried: ${tried?.reason ?? "the attacker does not reach it"}`)];
  }
  if (attacked.findings.some(({ object, level }) => object === target && level === "mandatory")) {
    return [];
  }
  const count = tried.attempts === 1 ? "1 attempt" : `${tried.attempts} attempts`;
  return [
    {
      ...finding,
      level: "advisory",
      message: `${message}; ${count} on ${target} did not get through`,
      remediation: "Nothing has to be done; a plain test of the row's owner is read by the rules.",
    },
  ];
}

/** What is attacked in the place of a policy, trigger or rule: the table that it is on. */
function targetOf(object: string): string {
  return /^(?:policy|trigger|rule) .* on (.*)$/s.exec(object)?.[1] ?? object;
}
