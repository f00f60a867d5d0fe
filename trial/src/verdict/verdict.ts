import type { Finding, Schema } from "@app-data/rules";
import type { Trial } from "../try-database";

/** What is said of migrations, before waivers. */
export interface Verdict {
  findings: JudgedFinding[];
  /** How many files could not be read or were refused: nothing was judged. */
  refusedFiles: number;
  /** What the attacker did; absent where it was left out or never got to it. */
  trial?: TrialSummary;
  /** What was left out or went wrong without harm, in sentences. */
  limits: string[];
  /** What the migrations made; absent where they could not be applied. */
  schema?: Schema;
  /** What was attacked and what came of it; absent where the attacker was left out. */
  attacks?: Pick<Trial, "tried" | "shown">;
}

/** What the attacker did. */
export interface TrialSummary {
  tables: number;
  attempts: number;
}

/** A finding of a rule or of the trial. */
export interface JudgedFinding extends Finding {
  /** SQL that shows it. */
  reproduction?: string;
}

/** That PostgreSQL's parser can read the SQL; without it nothing else can be judged. */
export const readableRule = {
  name: "migration-readable",
  code: "POL001",
  description: "PostgreSQL's parser can read the SQL of every migration.",
  remediation: "Correct the statement at the line and column that the message gives.",
} as const;
