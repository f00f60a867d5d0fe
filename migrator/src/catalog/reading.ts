import type { ClientBase } from "pg";
import type { Script } from "../database/script";
import { DigestTree } from "./digest";
import { Mentions } from "./mentions";
import { type Catalog, type CatalogChanges, type Fact, catalogChanges } from "./objects";
import { addWritten, readOwners, readRows, readVersions } from "./read-catalog";
import type { CatalogRow } from "./sql/catalog-query";
import type { CatalogVersions } from "./sql/versions";
import { KnownVersions } from "./versions";

/** What a transaction changed in the catalog. */
export interface CatalogStep {
  changes: CatalogChanges;
  /** Digest of the catalog after it. */
  digest: string;
  /** The rows of PostgreSQL's catalogs after it. */
  versions: readonly CatalogVersions[];
  /** The objects that were read again, with the keys of what is part of each now. */
  keysOf: ReadonlyMap<string, string[]>;
}

type Row = CatalogRow<Fact>;

/** Stands for what is part of no relation, function or type, and always read. */
const OTHERS = "others";

/**
 * A catalog that follows what the transactions of one connection change. What a transaction changed is told
 * by the rows of PostgreSQL's catalogs alone: those that it wrote, and those that are gone. The objects
 * that these are part of are read again; where one is called otherwise now, everything is.
 */
export class CatalogReading {
  private known: Mentions | undefined;

  private constructor(
    private readonly objects: Map<string, Fact>,
    private readonly keysOf: Map<string, string[]>,
    private readonly versions: KnownVersions,
    private readonly tree: DigestTree,
  ) {}

  /**
   * Reads the whole catalog, in the transaction that the connection is in.
   * @param expected as `readCatalog` has it.
   */
  public static async take(client: ClientBase, expected?: Catalog): Promise<CatalogReading> {
    const versions = new KnownVersions(await readVersions(client));
    // Somebody may commit in between: then a later step reads an object again, and finds it unchanged.
    const rows = await readRows(client, expected);
    const objects = factsOf(rows);
    return new CatalogReading(objects, keysByOwner(rows), versions, new DigestTree(objects));
  }

  /** The catalog as of the last step that was accepted. */
  public get catalog(): Catalog {
    return this.objects;
  }

  /** Digest of {@link catalog}. */
  public get digest(): string {
    return this.tree.digest();
  }

  /** What mentions what in {@link catalog}. */
  public get mentions(): Mentions {
    return (this.known ??= new Mentions(this.objects));
  }

  /**
   * Asks, with the next message of a script, what the current transaction changed so far. The reading stays
   * as it is, until the transaction is committed and the step is accepted.
   * @returns what reads it, once the message is answered.
   */
  public addStep(script: Script): () => Promise<CatalogStep> {
    const written = script.add<{ is_written: boolean }>(
      "select pg_catalog.pg_current_xact_id_if_assigned() is not null as is_written",
    );
    const { versions, others } = addWritten(script);
    return async () => {
      if (!written.rows[0]?.is_written) {
        return { changes: {}, digest: this.digest, versions: [], keysOf: new Map() };
      }
      const { owners, isMore } = this.versions.compare(versions.rows);
      if (isMore) return this.wholeStep(script.client);
      const rows = owners.size > 0 ? await readOwners(script.client, owners) : [];
      return this.stepOf([...owners, OTHERS], versions.rows, [...others.rows, ...rows]);
    };
  }

  /** Takes over a step whose transaction is committed. */
  public accept({ changes, keysOf, versions }: CatalogStep): void {
    for (const [key, fact] of Object.entries(changes)) {
      if (fact === null) this.objects.delete(key);
      else this.objects.set(key, fact);
    }
    for (const [owner, keys] of keysOf) {
      if (keys.length === 0) this.keysOf.delete(owner);
      else this.keysOf.set(owner, keys);
    }
    this.versions.accept(versions);
    this.tree.apply(changes);
    this.known?.apply(this.objects, Object.keys(changes));
  }

  private async wholeStep(client: ClientBase): Promise<CatalogStep> {
    const versions = await readVersions(client);
    return this.stepOf([...this.keysOf.keys()], versions, await readRows(client));
  }

  /**
   * @param owners all that was read again.
   * @param rows what was found of them.
   */
  private stepOf(
    owners: readonly string[],
    versions: readonly CatalogVersions[],
    rows: readonly Row[],
  ): CatalogStep {
    const found = keysByOwner(rows);
    const read = new Set([...owners, ...found.keys()]);
    const keysOf = new Map([...read].map((owner) => [owner, found.get(owner) ?? []]));
    const before = new Map<string, Fact>();
    for (const key of [...read].flatMap((owner) => this.keysOf.get(owner) ?? [])) {
      const fact = this.objects.get(key);
      if (fact) before.set(key, fact);
    }
    const changes = catalogChanges(before, factsOf(rows));
    return { changes, digest: this.tree.digest(changes), versions, keysOf };
  }
}

function factsOf(rows: readonly Row[]): Map<string, Fact> {
  return new Map(rows.map(({ key, fact }) => [key, fact]));
}

function keysByOwner(rows: readonly Row[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const { owner, key } of rows) {
    const list = keys.get(owner ?? OTHERS);
    if (list) list.push(key);
    else keys.set(owner ?? OTHERS, [key]);
  }
  return keys;
}
