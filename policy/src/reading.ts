/**
 * What is known of a property. At preview the value of a property that depends
 * on a resource still to be made is unknown; reading one throws, and a policy
 * that lets the error pass is no longer mandatory. So policies read through here.
 */
export type Reading =
  | { state: "absent" }
  /** It is set, to what is not known before the update. */
  | { state: "unknown" }
  | { state: "known"; value: NonNullable<unknown> };

/**
 * Reads a property of a resource. Null counts as absent. Secrets arrive here
 * unwrapped: never put a value that may be one into a message.
 * @param path the keys to follow, from the resource's properties down.
 */
export function read(properties: unknown, ...path: readonly (string | number)[]): Reading {
  let value: unknown = properties;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return { state: "absent" };
    try {
      value = Reflect.get(value, key);
    } catch (error) {
      if (isUnknownValueError(error)) return { state: "unknown" };
      throw error;
    }
  }
  return value === undefined || value === null ? { state: "absent" } : { state: "known", value };
}

/** The last large value that was read whole: each rule on a schema asks for the same one. */
let latest: { text: string; reading: Reading } | undefined;
const LARGE = 10_000;

/**
 * As {@link read}, with everything below the property; unknown when any part of it is. What it returns
 * is shared and must not be changed.
 */
export function readWhole(properties: unknown, ...path: readonly (string | number)[]): Reading {
  const top = read(properties, ...path);
  if (top.state !== "known") return top;
  const text = textBehind(top.value);
  if (text !== undefined && text === latest?.text) return latest.reading;
  const reading = readThrough(top.value);
  if (text !== undefined && text.length > LARGE) latest = { text, reading };
  return reading;
}

/**
 * A value of a resource as JSON, with marks in place of what is unknown. Each object of a resource is
 * wrapped in a proxy that looks for those, and costs ten times what is read through it.
 * @returns undefined where @pulumi/policy does not tell what it has wrapped.
 */
function textBehind(value: NonNullable<unknown>): string | undefined {
  if (typeof value !== "object") return undefined;
  const wrapped: unknown = Reflect.get(value, "__getSpecialProxyTarget");
  return wrapped === undefined ? undefined : JSON.stringify(wrapped);
}

function readThrough(value: NonNullable<unknown>): Reading {
  try {
    const whole: unknown = JSON.parse(JSON.stringify(value));
    return whole === null || whole === undefined
      ? { state: "absent" }
      : { state: "known", value: whole };
  } catch (error) {
    if (isUnknownValueError(error)) return { state: "unknown" };
    throw error;
  }
}

/** @pulumi/policy 1.21 throws a class that it does not declare; this field is that class's own. */
function isUnknownValueError(error: unknown): boolean {
  return error instanceof Error && "unknownTypeSentinel" in error;
}
