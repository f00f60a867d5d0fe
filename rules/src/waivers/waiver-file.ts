import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Environment, type Waiver, type Waivers, environments } from "./waivers";

export { environments };

/** Where a project's waivers stand, from its root. */
export const waiverFile = "policy/waivers.json";

/** The file of the waivers is not what it has to be. */
export class WaiverFileError extends Error {
  public override readonly name = "WaiverFileError";
}

/** Where waivers are read from, and for where. */
export interface WaiverPlace {
  /** Relative to `directory`, as messages name it. */
  readonly file: string;
  /** @default the folder in which the program runs */
  readonly directory?: string;
  /** Absent where files are judged for every environment. */
  readonly environment?: Environment | undefined;
}

const TEXTS = ["rule", "object", "reason", "owner", "granted", "expires"] as const;

/**
 * Reads the waivers of a project, as of today. Without the file nothing is waived.
 *
 * @throws WaiverFileError CFG045 when the file is of another shape.
 */
export function readWaivers({ file, directory = ".", environment }: WaiverPlace): Waivers {
  const place = path.resolve(directory, file);
  return {
    entries: existsSync(place) ? parseWaivers(readFileSync(place, "utf8"), file) : [],
    file,
    today: new Date().toISOString().slice(0, "YYYY-MM-DD".length),
    ...(environment !== undefined && { environment }),
  };
}

/**
 * Reads waivers: a JSON list of objects with `rule`, `object`, `reason`, `owner`, `granted`, `expires`
 * and optionally `environments`. What the texts say is judged where waivers are applied.
 *
 * @param file for messages.
 * @throws WaiverFileError CFG045 for any other shape.
 */
export function parseWaivers(text: string, file: string): Waiver[] {
  const list = parseJson(text, file);
  if (!Array.isArray(list)) throw fault(file, "is not a list of waivers");
  return list.map((entry: unknown, index) => readWaiver(entry, `${file}, entry ${index + 1},`));
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault(file, `is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

function readWaiver(entry: unknown, place: string): Waiver {
  if (typeof entry !== "object" || entry === null) throw fault(place, "is not an object");
  const fields: Record<string, unknown> = { ...entry };
  const text = (key: (typeof TEXTS)[number]): string => {
    const value = fields[key];
    if (typeof value === "string") return value;
    throw fault(place, `has no text "${key}"`);
  };
  const odd = Object.keys(fields).find(
    (key) => key !== "environments" && !TEXTS.some((each) => each === key),
  );
  if (odd !== undefined) throw fault(place, `has the unknown field "${odd}"`);
  const places = readEnvironments(fields["environments"], place);
  return {
    rule: text("rule"),
    object: text("object"),
    reason: text("reason"),
    owner: text("owner"),
    granted: text("granted"),
    expires: text("expires"),
    ...(places && { environments: places }),
  };
}

function readEnvironments(value: unknown, place: string): Environment[] | undefined {
  if (value === undefined) return undefined;
  const found = Array.isArray(value)
    ? value.map((each) => environments.find((known) => known === each))
    : [];
  const places = found.filter((each) => each !== undefined);
  if (places.length > 0 && places.length === found.length) return places;
  throw fault(place, `has environments other than a list of ${environments.join(", ")}`);
}

function fault(place: string, found: string): WaiverFileError {
  return new WaiverFileError(
    `CFG045 ${place} ${found}; it must be a JSON list of objects with ${TEXTS.join(", ")} and ` +
      "optionally environments. Correct the file.",
  );
}
