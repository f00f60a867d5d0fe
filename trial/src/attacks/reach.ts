import type { Contract } from "@app-data/rules";
import type { Catalog, Relation, Routine } from "../rows/catalog";
import type { Probe } from "./probes";

/** Which of the attacker's powers a write may change: those that ask for what was written. */
export class Reach {
  private readonly known = new Map<number, ReadonlySet<number> | "anything">();

  constructor(
    private readonly catalog: Catalog,
    private readonly contract: Contract,
  ) {}

  /** The numbers of the probes to measure after a write or a call, from 1; null for all of them. */
  public of(target: Relation | Routine, probes: readonly Probe[]): number[] | null {
    if (!("columns" in target) || target.hasEffects || this.isDivided(target)) return null;
    return probes.flatMap(({ relation }, index) =>
      !relation || this.asksFor(relation, target) ? [index + 1] : [],
    );
  }

  /** Whether its rows are read by another name, too: that of a partition, a child or a parent. */
  private isDivided({ id, parents }: Relation): boolean {
    return parents.length > 0 || this.catalog.relations.some((one) => one.parents.includes(id));
  }

  private asksFor(table: Relation, written: Relation): boolean {
    if (table === written || table.hasEffects) return true;
    const read = this.readBy(table);
    return read === "anything" || read.has(written.id);
  }

  /** The tables that the policies of a table read, and the policies of these. What functions read is not known. */
  private readBy(table: Relation): ReadonlySet<number> | "anything" {
    const known = this.known.get(table.id);
    if (known) return known;
    const found = new Set<number>();
    this.known.set(table.id, found);
    for (const { reads, calls } of table.policies) {
      if (calls.some((id) => !this.isIdentity(id))) return this.remember(table, "anything");
      for (const id of reads) {
        const other = this.catalog.relations.find((one) => one.id === id);
        const further =
          other?.kind === "r" || other?.kind === "p" ? this.readBy(other) : "anything";
        if (further === "anything") return this.remember(table, "anything");
        for (const each of [id, ...further]) found.add(each);
      }
    }
    return found;
  }

  private remember(table: Relation, read: "anything"): "anything" {
    this.known.set(table.id, read);
    return read;
  }

  private isIdentity(id: number): boolean {
    const called = this.catalog.routines.find((one) => one.id === id);
    return this.contract.identityFunctions.some(
      ({ schema, name }) => schema === called?.schema && name === called.name,
    );
  }
}
