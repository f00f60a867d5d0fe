import path from "node:path";
import { readWaivers, waiverFile } from "@app-data/rules";
import type { PackContext } from "./aws/policies";
import { environmentOf } from "./environment";

/**
 * What the policies are made for here and now.
 *
 * @throws WaiverFileError CFG045 when the file of the waivers is of another shape.
 */
export function packContext(variables: Readonly<Record<string, string | undefined>>): PackContext {
  const environment = environmentOf(variables);
  const directory = path.join(__dirname, "../..");
  return { environment, waivers: readWaivers({ file: waiverFile, directory, environment }) };
}
