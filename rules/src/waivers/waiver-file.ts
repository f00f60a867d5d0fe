import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { ShapeError } from "../model/shape";
import { type Environment, type Waiver, type Waivers, readWaiver } from "./waivers";

export { environments } from "./waivers";

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
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (error) {
    throw fault(file, `is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!Array.isArray(entries)) throw fault(file, "is not a list of waivers");
  return entries.map((entry: unknown, index) => parseEntry(entry, `${file}, entry ${index + 1}:`));
}

function parseEntry(entry: unknown, place: string): Waiver {
  try {
    const waiver = readWaiver(entry, "");
    const odd = Object.keys(Object(entry)).find((key) => !(key in waiver));
    if (odd !== undefined) throw fault(place, `the field "${odd}" is unknown`);
    if (waiver.environments?.length === 0) throw fault(place, "environments is empty");
    return waiver;
  } catch (error) {
    throw error instanceof ShapeError ? fault(place, error.message) : error;
  }
}

function fault(place: string, found: string): WaiverFileError {
  return new WaiverFileError(
    `CFG045 ${place} ${found}; it must be a JSON list of objects with rule, object, reason, owner, granted, expires and ` +
      "optionally environments. Correct the file.",
  );
}
