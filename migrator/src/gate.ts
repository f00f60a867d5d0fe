import { type Finding, type Schema, judgeSchema } from "@app-data/rules";
import { MigratorError } from "./errors";

/**
 * Refuses a catalog in which a table lacks enabled and forced row level security.
 * @throws MigratorError MIG006 that names every such table.
 */
export function passGate(schema: Schema, name: string): void {
  const findings = judgeSchema(schema);
  if (findings.length === 0) return;
  throw new MigratorError(
    "MIG006",
    `${name} was not committed: it would leave rows unprotected. ${findings.map(describe).join(" ")}`,
  );
}

function describe({ code, message, remediation }: Finding): string {
  return `${code} ${message}. ${remediation}`;
}
