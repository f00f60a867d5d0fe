import {
  type Finding,
  type Waiver,
  type Waivers,
  covers,
  judgeSchema,
  waive,
} from "@app-data/rules";
import { type Catalog, type CatalogChanges, type Fact, applyChanges, schemaOf } from "./catalog";
import { type Named, partOf } from "./catalog/part";
import { MigratorError } from "./errors";

// What of a catalog says nothing to the rules.
const SILENT = ["sequence", "trigger", "statistics", "type", "extension"];

// What tables, with what is part of them, and code refer to each other by.
const NAMED: readonly string[] = ["table", "policy", "constraint", "index", "rule", "function"];

/** Judges what is about to be committed by every mandatory rule, and lets pass what is waived. */
export class Gate {
  /** What was said to be waived, so that it is said once. */
  readonly #told = new Set<string>();

  /**
   * @param waivers none when undefined.
   * @param report is given a line for each finding that is waived.
   */
  public constructor(
    private readonly waivers: Waivers | undefined,
    private readonly report: (line: string) => void,
  ) {}

  /** Judges a catalog. @returns what must not be committed. */
  public judge(catalog: Catalog): Finding[] {
    const findings = judgeSchema(schemaOf(catalog), "mandatory");
    if (this.waivers === undefined) return findings;
    // Of the others, whether they are needed included, policies speak before and after.
    const entries = this.waivers.entries.filter((waiver) =>
      findings.some((finding) => covers(waiver, finding)),
    );
    const { standing, waived, problems } = waive(findings, { ...this.waivers, entries });
    for (const { finding, waiver } of waived) this.#tell(finding, waiver);
    return [...standing, ...problems];
  }

  /**
   * Judges a catalog after changes: where only tables and functions changed, these are judged again with
   * what refers to them, and what they refer to.
   * @param known what was found before the changes.
   */
  public judgeAfter(
    known: readonly Finding[],
    catalog: Catalog,
    changes: CatalogChanges,
  ): Finding[] {
    const changed = Object.entries(changes).filter(([key]) => !SILENT.includes(kindOf(key)));
    if (changed.length === 0) return [...known];
    const after = applyChanges(catalog, changes);
    const isNarrow = known.length === 0 && changed.every(([key]) => NAMED.includes(kindOf(key)));
    if (!isNarrow) return this.judge(after);
    // What is gone was part of what it was part of before.
    const names = changed.map(([key, fact]) => nameOf(key, fact ?? catalog.get(key)));
    return this.judge(partOf(after, names));
  }

  #tell({ code, message }: Finding, { reason, owner, expires }: Waiver): void {
    const line = `waived until ${expires} (${owner}): ${code} ${message}. ${reason}`;
    if (this.#told.has(line)) return;
    this.#told.add(line);
    this.report(line);
  }
}

/**
 * Refuses a catalog that a mandatory rule refuses.
 * @throws MigratorError MIG006 that names everything that was found.
 */
export function passGate(findings: readonly Finding[], name: string): void {
  if (findings.length === 0) return;
  throw new MigratorError(
    "MIG006",
    `${name} was not committed: it would leave rows unprotected. ${findings.map(describe).join(" ")}`,
  );
}

function nameOf(key: string, fact: Fact | undefined): Named {
  const kind = kindOf(key);
  const name = key.slice(kind.length + 1);
  if (kind === "table" || kind === "function") return { kind, name };
  const table = fact?.["table"];
  if (typeof table === "string") return { kind: "table", name: table };
  return { kind: "table", name: name.slice(0, name.lastIndexOf(".")) };
}

function kindOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}

function describe({ code, message, remediation }: Finding): string {
  return `${code} ${message}. ${remediation}`;
}
