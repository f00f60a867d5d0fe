import type { DefElem, Node } from "libpg-query";

/** The named option of a list `(name value, …)`, undefined when it is not given. */
export function findOption(
  options: readonly Node[] | undefined,
  name: string,
): DefElem | undefined {
  for (const option of options ?? []) {
    if ("DefElem" in option && option.DefElem.defname?.toLowerCase() === name)
      return option.DefElem;
  }
  return undefined;
}

/** Whether an option is on: given without a value it is. @param otherwise when it is not given. */
export function isOptionOn(
  options: readonly Node[] | undefined,
  name: string,
  otherwise = false,
): boolean {
  const option = findOption(options, name);
  if (!option) return otherwise;
  const { arg } = option;
  if (!arg) return true;
  if ("Boolean" in arg) return arg.Boolean.boolval ?? false;
  // The tree leaves a zero out.
  if ("Integer" in arg) return (arg.Integer.ival ?? 0) !== 0;
  return !("String" in arg && /^(false|off|0|no)$/i.test(arg.String.sval ?? ""));
}
