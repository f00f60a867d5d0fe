import { settleUnknown } from "../../../trial/src/verdict/settle-unknown";
import type { JudgedFinding } from "../../../trial/src";

const known: JudgedFinding = {
  rule: "policy-confinement",
  code: "POL110",
  level: "advisory",
  object: 'policy "on notes" on public.notes',
  message: "policy may let others in",
  remediation: "Compare the owner.",
};
const unknown: JudgedFinding = { ...known, unknown: true };
const tried = (judged: boolean, reason?: string) => ({
  tried: [
    { object: "public.notes", attempts: 12, judged, ...(reason !== undefined && { reason }) },
  ],
  findings: [],
});

describe("what a rule cannot tell", () => {
  const settled = (...of: Parameters<typeof settleUnknown>) =>
    settleUnknown(...of).map(({ level, message, unknown: left }) => ({ level, message, left }));

  it("is advice with the number of attempts where the attacker did not get through", () => {
    expect(settled([unknown], tried(true))).toEqual([
      {
        level: "advisory",
        message: "policy may let others in; 12 attempts on public.notes did not get through",
        left: undefined,
      },
    ]);
  });

  it("is told by the attacker's finding where it got through", () => {
    const leak: JudgedFinding = { ...known, object: "public.notes", level: "mandatory" };
    expect(settled([unknown], { ...tried(true), findings: [leak] })).toEqual([]);
    const advice: JudgedFinding = { ...leak, level: "advisory" };
    expect(settled([unknown], { ...tried(true), findings: [advice] })).toHaveLength(1);
  });

  it("is refused where it could not be tried, with what is missing and how to give it", () => {
    expect(settleUnknown([unknown], tried(false, "no row could be put in"))).toEqual([
      expect.objectContaining({
        level: "mandatory",
        message: "policy may let others in; it could not be tried: no row could be put in",
        remediation:
          "Compare the owner. Or give rows to try it with in policy/trial-rows/*.sql, or waive it.",
      }),
    ]);
    expect(settled([unknown], { tried: [], findings: [] })[0]).toMatchObject({
      level: "mandatory",
      message: expect.stringContaining("the attacker does not reach it") as string,
    });
  });

  it("is refused where the attacker was left out", () => {
    expect(settled([unknown], undefined)).toEqual([
      {
        level: "mandatory",
        message: "policy may let others in; nobody tried it, because the attacker was left out",
        left: undefined,
      },
    ]);
  });

  it("does not change what a rule can tell", () => {
    expect(settled([known], undefined)).toEqual([
      { level: known.level, message: known.message, left: undefined },
    ]);
  });
});
