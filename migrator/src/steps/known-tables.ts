import { Client, type ClientBase } from "pg";
import type { CatalogReading, Fact } from "../catalog";
import { foreignKeyOf } from "../catalog/definitions";
import type { Lock, Through } from "../plan/effect";
import { sqlName } from "../plan/names";

/**
 * Something is not as the catalog that a run knows has it, or a lock is not to be had at once, or rows may be lost:
 * nothing has been done yet, and the transaction is tried again with every question asked first.
 */
export class NeedsCare extends Error {
  public override readonly name = "NeedsCare";
}

/** The tables of a known catalog that the user of a connection owns. */
export class KnownTables {
  private readonly user: string | undefined;

  constructor(
    client: ClientBase,
    private readonly reading: CatalogReading,
  ) {
    this.user = client instanceof Client ? client.user : undefined;
  }

  /** What the catalog says of a table of the user's; undefined for what is none, or may be none. */
  public find(relation: string): Fact | undefined {
    const fact = this.reading.catalog.get(`table ${relation}`);
    return fact && fact["owner"] === this.user && fact["kind"] !== "foreign table"
      ? fact
      : undefined;
  }

  /** The tables that a lock is taken on in the end; undefined when that takes another look at the catalog. */
  public resolve({ relation, through }: Lock): string[] | undefined {
    const { catalog } = this.reading;
    const isOther = ["index", "sequence"].some((kind) => catalog.has(`${kind} ${relation}`));
    if (!through) return isOther ? [] : [relation];
    switch (through.what) {
      case "table of the index": {
        const table = catalog.get(`index ${relation}`)?.["table"];
        return typeof table === "string" ? [table] : undefined;
      }
      case "referenced tables":
        return this.referenced(relation, through);
      case "partitioned table":
      case "default partition":
        return this.find(relation)?.["kind"] === "table" ? [] : undefined;
      default:
        return undefined;
    }
  }

  private referenced(relation: string, { constraint, column }: Through): string[] | undefined {
    const named = constraint && `constraint ${relation}.${sqlName([constraint])}`;
    if (named && !this.reading.catalog.has(named)) return undefined;
    const keys = named ? [named] : [...this.reading.mentions.partsOf(`table ${relation}`)];
    return keys.flatMap((key) => {
      const definition = this.reading.catalog.get(key)?.["definition"];
      const found = typeof definition === "string" ? foreignKeyOf(definition) : undefined;
      if (!found || (column !== undefined && !found.columns.includes(column))) return [];
      return [sqlName([found.table.schema, found.table.name])];
    });
  }
}
