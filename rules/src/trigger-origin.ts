import type { DatabaseFunction, Origin, Trigger } from "./schema";

/** Where a trigger was given what it runs now; migrations run in the order of their names. */
export function originOf(
  { origin: made }: Trigger,
  { origin: changed }: DatabaseFunction,
): Origin | undefined {
  return made && changed && changed.file > made.file ? changed : made;
}
