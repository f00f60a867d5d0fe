import type { ClientBase } from "pg";
import { type Script, literal } from "../script";
import { DigestTree } from "./digest";
import type { GrantedRelations } from "./granted-relations";
import { Mentions } from "./mentions";
import {
  type Catalog,
  type CatalogChanges,
  type Fact,
  type Json,
  catalogChanges,
  equalJson,
  splitKey,
} from "./objects";
import { addReading, readRows } from "./read-catalog";
import { type CatalogRow, OTHERS_QUERY, RARE_QUERY, stepQuery } from "./sql/catalog-query";
import type { Search } from "./sql/touched";

/** What a transaction changed in the catalog. */
export interface CatalogStep {
  changes: CatalogChanges;
  /** Digest of the catalog after it. */
  digest: string;
  /** Relations that were read again, with the keys of what belongs to each now. */
  keysOf: Map<number, string[]>;
}

/** What is known of a transaction's writes. */
interface Touched {
  /** Whether the transaction wrote anything. */
  has_written: boolean;
  /** Whether the session that was asked for holds the migration lock. */
  locked: boolean;
  /** Whether the server counts all of them. */
  counted: boolean;
  /** Relations whose definition, parts or rights may have changed. */
  relations: number[];
  /** Whether something that belongs to no relation may have. */
  others: boolean;
  /** Whether a type went, if only the row type of a table. */
  types_gone: boolean;
  /** Whether a constraint came, went or changed, of a table or of a domain. */
  constraints: boolean;
  /** What those relations are now, and what belongs to them, but for what is rare. */
  objects: Row[];
  /** Whether there are views, sequences, rules or statistics among it. */
  rare: boolean;
}

type Row = CatalogRow<Fact>;

/** A step that was asked for. */
interface AddedStep {
  /** Whether the migration lock is held, once the answer is there. */
  isLocked: () => boolean;
  read: () => Promise<CatalogStep>;
}

const UNKNOWN: GrantedRelations = {
  names: [],
  complete: false,
  dropsOnly: false,
  mayRename: true,
};

// Relation number of what belongs to none.
const NONE = 0;

/**
 * A catalog that follows what the transactions of one connection change: a step reads again only what
 * its transaction wrote, so that a migration costs the same in a large database as in a small one.
 * Where a name changed, which other objects may show in their definitions, everything is read.
 */
export class CatalogReading {
  private known: Mentions | undefined;

  private constructor(
    private readonly objects: Map<string, Fact>,
    private readonly keysOf: Map<number, string[]>,
    private readonly tree: DigestTree,
    /** Whether all that was read at first was as expected, to the last fact. */
    public readonly wasExpected: boolean,
  ) {}

  /**
   * Reads the whole catalog, in the transaction that the connection is in.
   * @param expected as `readCatalog` has it; is digested while the server reads.
   */
  public static async take(
    client: ClientBase,
    expected: Catalog = new Map(),
  ): Promise<CatalogReading> {
    const asked = readRows(client, expected);
    const tree = new DigestTree(expected);
    const rows = await asked;
    const objects = factsOf(rows);
    const changes = catalogChanges(expected, objects);
    tree.apply(changes);
    const wasExpected = Object.keys(changes).length === 0;
    return new CatalogReading(objects, keysByRelation(rows), tree, wasExpected);
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
   * What the current transaction changed so far, with the statements that are left in the script. The
   * reading stays as it is, until the transaction is committed and the step is accepted.
   * @param granted where its statements changed rights; without it, that is searched for.
   */
  public async step(script: Script, granted?: GrantedRelations): Promise<CatalogStep> {
    const { read } = this.addStep(script, granted);
    await script.run();
    return read();
  }

  /**
   * As {@link step}, with the next message of a script.
   * @param keeper process of the session that should hold the migration lock.
   * @returns what reads the answer, once it is there, and asks for what else is needed.
   */
  public addStep(script: Script, granted: GrantedRelations = UNKNOWN, keeper?: number): AddedStep {
    const others = this.keysOf.get(NONE) ?? [];
    // An event trigger can do anything.
    const isTold = others.some((key) => key.startsWith("event trigger "));
    const { names, complete, dropsOnly, mayRename } = isTold ? UNKNOWN : granted;
    const quoted = `array[${names.map(literal).join(", ")}]::text[]`;
    const [name, search] = searchFor(complete, dropsOnly);
    const values = [literal(keeper), ...(search === "gone" ? [] : [quoted])];
    const answer = addReading<Touched>(script, name, stepQuery(search), values);
    return {
      isLocked: () => answer.rows[0]?.locked ?? false,
      read: async () => {
        const [touched] = answer.rows;
        if (!touched?.has_written) return { changes: {}, digest: this.digest, keysOf: new Map() };
        return (
          (await this.narrowStep(script, touched, mayRename)) ??
          this.fullStep(await readRows(script.client))
        );
      },
    };
  }

  /** Takes over a step whose transaction is committed. */
  public accept({ changes, keysOf }: CatalogStep): void {
    for (const [key, fact] of Object.entries(changes)) {
      if (fact === null) this.objects.delete(key);
      else this.objects.set(key, fact);
    }
    for (const [relation, keys] of keysOf) {
      if (keys.length === 0) this.keysOf.delete(relation);
      else this.keysOf.set(relation, keys);
    }
    this.tree.apply(changes);
    this.known?.apply(this.objects, Object.keys(changes));
  }

  /** @returns undefined when what was read again does not show all that changed. */
  private async narrowStep(
    script: Script,
    touched: Touched,
    mayRename: boolean,
  ): Promise<CatalogStep | undefined> {
    const { counted, relations } = touched;
    const hasTypes = (this.keysOf.get(NONE) ?? []).some((key) => key.startsWith("type "));
    if (!counted || (touched.types_gone && hasTypes)) return undefined;
    const rows = [...touched.objects];
    if (touched.rare) {
      const oids = `array[${relations.join(", ")}]::oid[]`;
      rows.push(...(await readFew(script, "catalog_rare", RARE_QUERY, oids)));
    }
    const others = touched.others || (touched.constraints && hasTypes);
    const readOthers = others || this.changesWhoHolds(relations, rows);
    if (readOthers) {
      rows.push(...(await readFew(script, "catalog_others", OTHERS_QUERY, "'{}'")));
    }

    const read = [...relations, ...(readOthers ? [NONE] : [])];
    const before = factsIn(
      this.objects,
      read.flatMap((relation) => this.keysOf.get(relation) ?? []),
    );
    const after = factsOf(rows);
    if (this.changesNames(rows, before, after, mayRename)) return undefined;
    const changes = catalogChanges(before, after);
    const found = keysByRelation(rows);
    const keysOf = new Map(read.map((relation) => [relation, found.get(relation) ?? []]));
    return { changes, digest: this.tree.digest(changes), keysOf };
  }

  private fullStep(rows: readonly Row[]): CatalogStep {
    const changes = catalogChanges(this.objects, factsOf(rows));
    const keysOf = new Map(
      [...this.keysOf.keys()].map((relation): [number, string[]] => [relation, []]),
    );
    for (const [relation, keys] of keysByRelation(rows)) keysOf.set(relation, keys);
    return { changes, digest: this.tree.digest(changes), keysOf };
  }

  /** Whether a role holds something here for the first time, or nothing any more. */
  private changesWhoHolds(relations: readonly number[], rows: readonly Row[]): boolean {
    const known = new Set(this.keysOf.get(NONE));
    const roleKnown = (role: string) => known.has(`role ${role}`) || known.has(`role "${role}"`);
    const now = new Set(rows.flatMap(({ fact }) => holders(fact)));
    if ([...now].some((role) => !roleKnown(role))) return true;
    const keys = relations.flatMap((relation) => this.keysOf.get(relation) ?? []);
    const gone = new Set(
      [...factsIn(this.objects, keys).values()].flatMap(holders).filter((role) => !now.has(role)),
    );
    if (gone.size === 0) return false;
    const read = new Set(keys);
    for (const [key, fact] of this.objects) {
      if (!read.has(key)) for (const role of holders(fact)) gone.delete(role);
      if (gone.size === 0) return false;
    }
    return true;
  }

  /**
   * Whether something is called otherwise now: others may name it, and were not read again. Where nothing
   * is renamed, a column that is missing is gone, and what named it with it, under a lock.
   */
  private changesNames(
    rows: readonly Row[],
    before: Catalog,
    after: Catalog,
    mayRename: boolean,
  ): boolean {
    const renamed = rows.some(
      ({ relation, key }) =>
        relation !== null &&
        isRelation(key) &&
        before.size > 0 &&
        this.wasCalledOtherwise(relation, key),
    );
    if (renamed) return true;
    return [...before].some(([key, fact]) => {
      const now = after.get(key);
      if (!now) return /^(function|type|schema|role|extension) /.test(key);
      return (
        mayRename &&
        !equalJson(fact["columns"] ?? null, now["columns"] ?? null) &&
        losesColumn(fact, now)
      );
    });
  }

  private wasCalledOtherwise(relation: number, key: string): boolean {
    const keys = this.keysOf.get(relation) ?? [];
    return keys.some((known) => isRelation(known) && known !== key);
  }
}

function searchFor(complete: boolean, dropsOnly: boolean): [name: string, search: Search] {
  if (!complete) return ["catalog_step_search", "changed or granted on"];
  return dropsOnly ? ["catalog_step_gone", "gone"] : ["catalog_step", "changed"];
}

async function readFew(script: Script, name: string, query: string, value: string): Promise<Row[]> {
  const found = addReading<Row>(script, name, query, [value]);
  await script.run();
  return found.rows;
}

function factsOf(rows: readonly Row[]): Map<string, Fact> {
  return new Map(rows.map(({ key, fact }) => [key, fact]));
}

function factsIn(objects: Catalog, keys: readonly string[]): Map<string, Fact> {
  return new Map(
    keys.flatMap((key) => {
      const fact = objects.get(key);
      return fact ? [[key, fact]] : [];
    }),
  );
}

function keysByRelation(rows: readonly Row[]): Map<number, string[]> {
  const keys = new Map<number, string[]>();
  for (const { relation, key } of rows) {
    const list = keys.get(relation ?? NONE);
    if (list) list.push(key);
    else keys.set(relation ?? NONE, [key]);
  }
  return keys;
}

function isRelation(key: string): boolean {
  return ["table", "view", "materialized view", "sequence"].includes(splitKey(key).kind);
}

/** The roles that a fact names as owner, grantee or bound by a policy. */
function holders({ owner, grants, roles }: Fact): string[] {
  const named = [
    ...(typeof owner === "string" ? [owner] : []),
    ...(typeof grants === "object" && grants !== null ? Object.keys(grants) : []),
    ...(Array.isArray(roles) ? roles.map(String) : []),
  ];
  return named.filter((role) => role !== "public");
}

function losesColumn(before: Fact, after: Fact): boolean {
  const now = new Set(columnNames(after["columns"]));
  return columnNames(before["columns"]).some((name) => !now.has(name));
}

function columnNames(columns: Json | undefined): Json[] {
  return (Array.isArray(columns) ? columns : []).map((column) =>
    typeof column === "object" && column !== null && !Array.isArray(column)
      ? (column["name"] ?? null)
      : null,
  );
}
