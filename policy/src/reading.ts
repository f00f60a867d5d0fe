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

/** As {@link read}, with everything below the property; unknown when any part of it is. */
export function readWhole(properties: unknown, ...path: readonly (string | number)[]): Reading {
  const reading = read(properties, ...path);
  if (reading.state !== "known") return reading;
  try {
    const whole: unknown = JSON.parse(JSON.stringify(reading.value));
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
