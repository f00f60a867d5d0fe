import { type Environment, type Waiver, type Waivers, waiverFile } from "@app-data/rules";

/** Waivers as a project has them, read on a day on which those of the tests hold. */
export function waiversOf(entries: readonly Waiver[] = [], environment?: Environment): Waivers {
  const read = { entries, file: waiverFile, today: "2026-11-22" };
  return environment === undefined ? read : { ...read, environment };
}

/** A waiver without fault. */
export function waiverOf(rule: string, object: string): Waiver {
  const reason = "The table is empty, and goes with the next release.";
  const days = { granted: "2026-11-01", expires: "2027-01-31" };
  return { rule, object, reason, owner: "platform team", ...days };
}
