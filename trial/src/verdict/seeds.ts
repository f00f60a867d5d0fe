import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import type { SqlFile } from "@app-data/rules";

/** Where a project's rows for the attacker stand, from its root. */
const SEEDS = "policy/trial-rows";

/**
 * Reads the SQL files with rows that the attacker cannot make up, in the order of their names.
 * @param root of the project.
 * @param folder from the root.
 */
export function readSeeds(root: string, folder = SEEDS): SqlFile[] {
  const directory = path.join(root, folder);
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith(".sql"));
  return names.sort().map((name) => ({
    file: `${folder}/${name}`,
    sql: readFileSync(path.join(directory, name), "utf8"),
  }));
}
