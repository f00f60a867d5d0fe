/** How the files of a migration begin. */
const PREFIX = /^(\d{3,18})_/;
const LEAST_DIGITS = 3;
/** From there on a number is a time, `YYYYMMDDhhmmss`, and not a count. */
const TIME_DIGITS = 14;

/**
 * A version as it is compared and kept: the number, with zeros before it up to three digits. `0001` and
 * `001` are both `001`.
 */
export function canonicalVersion(digits: string): string {
  return digits.replace(/^0+/, "").padStart(LEAST_DIGITS, "0");
}

/**
 * The version in a migration's name: `001` of `0001_add_notes`.
 * @returns undefined when the name does not begin with 3 to 18 digits and an underscore.
 */
export function versionOf(name: string): string | undefined {
  const digits = digitsOf(name);
  return digits === undefined ? undefined : canonicalVersion(digits);
}

/** The digits that a migration's name begins with, as they are written. */
export function digitsOf(name: string): string | undefined {
  return PREFIX.exec(name)?.[1];
}

/** Whether a text can be a version: 3 to 18 digits. */
export function isVersion(text: string): boolean {
  return /^\d{3,18}$/.test(text);
}

/** Less than 0 when the first version is lower, 0 when they are equal; for canonical versions. */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

/** Whether the first version comes after the second. */
export function isAbove(version: string, other: string): boolean {
  return compareVersions(version, other) > 0;
}

/** Whether a version is wanted where `target` is the newest to have; undefined means all are. */
export function isWanted(version: string, target: string | undefined): boolean {
  return target === undefined || !isAbove(version, target);
}

/** Whether a version is a time and not a count: times leave gaps. */
export function isTime(version: string): boolean {
  return version.length >= TIME_DIGITS;
}

/** What is to stay when a version is undone, as `--to` takes it: the number before, or `none`. */
export function versionBefore(version: string): string {
  const before = BigInt(version) - 1n;
  return before < 0n ? "none" : canonicalVersion(before.toString());
}

/**
 * The digits that a new migration's name begins with: the next number, as wide as that of the newest; the
 * time, to the second, UTC, where the newest is a time.
 * @param newest digits of the newest migration's name; undefined when there is none.
 */
export function nextDigits(newest: string | undefined, now: Date): string {
  if (newest === undefined) return "".padStart(LEAST_DIGITS, "0");
  const next = (BigInt(newest) + 1n).toString();
  if (!isTime(canonicalVersion(newest))) return next.padStart(newest.length, "0");
  const time = now.toISOString().replace(/\D/g, "").slice(0, newest.length);
  return isAbove(next, time) ? next : time;
}
