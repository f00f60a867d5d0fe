import { readFileSync } from "node:fs";
import path from "node:path";
import type { Contract } from "@app-data/rules";

const DIRECTORY = path.join(__dirname, "../../platforms");

/** The SQL that makes what the platform of a contract brings; empty where it brings nothing. */
export function platformSql({ platform }: Contract): string {
  return platform === null ? "" : readFileSync(path.join(DIRECTORY, `${platform}.sql`), "utf8");
}
