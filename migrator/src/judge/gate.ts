import {
  type Finding,
  type ReferencedTable,
  type Waiver,
  type Waivers,
  covers,
  defaultContract,
  judgeSchema,
  waive,
} from "@app-data/rules";
import { type Catalog, type CatalogChanges, applyChanges, schemaOf } from "../catalog";
import { Mentions, isNamed, isSilent } from "../catalog/mentions";
import { CODES, MigratorError } from "../errors";

/** Judges what is about to be committed by every mandatory rule, and lets pass what is waived. */
export class Gate {
  /** What was reported as waived, so that it is reported once. */
  readonly #reported = new Set<string>();

  /**
   * @param waivers none when undefined.
   * @param report is given a line for each finding that is waived.
   * @param contract what the database is built on.
   */
  public constructor(
    private readonly waivers: Waivers | undefined,
    private readonly report: (line: string) => void,
    private readonly contract = defaultContract,
  ) {}

  /**
   * Judges a catalog.
   * @param referenced the tables outside of it that its own lead to by foreign keys. @default none
   * @returns what must not be committed.
   */
  public judge(catalog: Catalog, referenced: ReferencedTable[] = []): Finding[] {
    const schema = { ...schemaOf(catalog), referenced };
    const findings = judgeSchema(schema, "mandatory", this.contract);
    if (this.waivers === undefined) return findings;
    // Of the others, whether they are needed included, policies speak before and after.
    const entries = this.waivers.entries.filter((waiver) =>
      findings.some((finding) => covers(waiver, finding)),
    );
    const { standing, waived, problems } = waive(findings, { ...this.waivers, entries });
    for (const { finding, waiver } of waived) this.#report(finding, waiver);
    return [...standing, ...problems];
  }

  /**
   * Judges a catalog after changes: where only tables and functions changed, these are judged again with
   * what refers to them, and what they refer to.
   * @param known what was found before the changes.
   * @param mentions of the catalog as it was before them.
   */
  public judgeAfter(
    known: readonly Finding[],
    catalog: Catalog,
    changes: CatalogChanges,
    mentions = new Mentions(catalog),
  ): Finding[] {
    const changed = Object.keys(changes).filter((key) => !isSilent(key));
    if (changed.length === 0) return [...known];
    const isNarrow = known.length === 0 && changed.every(isNamed);
    if (!isNarrow) return this.judge(applyChanges(catalog, changes));
    const part = mentions.partAfter(catalog, changes);
    return this.judge(part.catalog, part.referenced);
  }

  #report({ code, message }: Finding, { reason, owner, expires }: Waiver): void {
    const line = `waived until ${expires} (${owner}): ${code} ${message}. ${reason}`;
    if (this.#reported.has(line)) return;
    this.#reported.add(line);
    this.report(line);
  }
}

/**
 * Refuses a catalog that a mandatory rule refuses.
 * @param outcome what does not happen to what, as a clause.
 * @throws MigratorError MIG006 that names everything that was found.
 */
export function passGate(findings: readonly Finding[], outcome: string): void {
  if (findings.length === 0) return;
  throw new MigratorError(CODES.refusedByGate, `${outcome} ${findings.map(describe).join(" ")}`);
}

/** The {@link passGate} outcome of a migration. */
export function notCommitted(name: string): string {
  return `${name} was not committed: it would leave rows unprotected.`;
}

function describe({ code, message, remediation }: Finding): string {
  return `${code} ${message}. ${remediation}`;
}
