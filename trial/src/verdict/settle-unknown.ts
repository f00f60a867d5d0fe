import type { JudgedFinding } from "./verdict";
import type { Trial } from "../try-database";

/**
 * Settles what the rules could not tell: it is advice where the attacker tried it and did not get through,
 * and refused where nobody could try it.
 * @param trial absent where the attacker was left out.
 */
export function settleUnknown(
  findings: readonly JudgedFinding[],
  trial: Pick<Trial, "tried"> | undefined,
): JudgedFinding[] {
  return findings.map(({ unknown, ...finding }) => (unknown ? settle(finding, trial) : finding));
}

function settle(finding: JudgedFinding, trial: Pick<Trial, "tried"> | undefined): JudgedFinding {
  const { message } = finding;
  if (!trial) {
    return { ...finding, level: "mandatory", message: `${message}; the attacker was left out` };
  }
  const tried = trial.tried.find(({ object }) => object === targetOf(finding.object));
  if (tried?.judged) {
    const count = `${tried.attempts} ${tried.attempts === 1 ? "attempt" : "attempts"}`;
    return {
      ...finding,
      level: "advisory",
      message: `${message}; ${count} on ${tried.object} did not get through`,
    };
  }
  const reason = tried?.reason ?? "the attacker does not reach it";
  return {
    ...finding,
    level: "mandatory",
    message: `${message}; it could not be tried: ${reason}`,
    remediation: `${finding.remediation} Or give rows to try it with in policy/trial-rows/*.sql, or waive it.`,
  };
}

/** What is attacked in the place of a policy or trigger: the table that it is on. */
function targetOf(object: string): string {
  return /^(?:policy|trigger|rule) .* on (.*)$/s.exec(object)?.[1] ?? object;
}
