import type { CatalogVersions } from "./sql/versions";

/** A row of one of PostgreSQL's catalogs. */
interface Row {
  owner: string | null;
  label: string | null;
}

/** What a transaction changed. */
export interface ChangedOwners {
  /** The objects that rows were written of, or deleted. */
  owners: Set<string>;
  /**
   * Whether more may differ: an object is called otherwise now, which others may show in their
   * definitions, or somebody else committed something just now.
   */
  isMore: boolean;
}

/** The rows of PostgreSQL's catalogs as of the last transaction that was accepted. */
export class KnownVersions {
  private readonly rows: Map<string, Row>[];
  private ids: (string | null)[];

  /** @param all what is there, all of it counted as written. */
  constructor(all: readonly CatalogVersions[]) {
    this.rows = all.map(() => new Map());
    this.ids = [];
    this.accept(all);
  }

  /** What differs from what is known. */
  public compare(found: readonly CatalogVersions[]): ChangedOwners {
    const owners = new Set<string>();
    let isMore = false;
    const relations = this.relationsAfter(found);
    const change = (owner: string | null | undefined) => {
      if (typeof owner !== "string") return;
      const [kind, oid = ""] = owner.split(" ");
      owners.add((kind === "relation" && relations(oid)?.owner) || owner);
    };
    for (const [place, row] of found.entries()) {
      const { ids, written } = row;
      const known = this.rowsAt(place);
      const news = new Set<string>();
      for (const [id, owner, label] of written ?? []) {
        const before = known.get(id);
        news.add(id);
        change(owner);
        change(before?.owner);
        if (before && label !== null && before.label !== null && before.label !== label) {
          isMore = true;
        }
      }
      if (ids === null || ids === this.ids[place]) continue;
      const now = idsOf(row);
      for (const [id, { owner }] of known) if (!now.has(id)) change(owner);
      // Somebody else made it, and only a reading of all tells what it is part of.
      for (const id of now) if (!known.has(id) && !news.has(id)) isMore = true;
    }
    return { owners, isMore };
  }

  /** Takes over what was found. */
  public accept(found: readonly CatalogVersions[]): void {
    for (const [place, row] of found.entries()) {
      const { ids, written } = row;
      const known = this.rowsAt(place);
      for (const [id, owner, label] of written ?? []) known.set(id, { owner, label });
      if (ids === null || ids === this.ids[place]) continue;
      const now = idsOf(row);
      for (const id of known.keys()) if (!now.has(id)) known.delete(id);
    }
    this.ids = found.map(({ ids }) => ids);
  }

  /** The rows of pg_class, by id. */
  private relationsAfter([relations]: readonly CatalogVersions[]) {
    const written = new Map(
      relations?.written?.map(([id, owner, label]) => [id, { owner, label }]),
    );
    return (id: string): Row | undefined => written.get(id) ?? this.rowsAt(0).get(id);
  }

  private rowsAt(place: number): Map<string, Row> {
    const rows = this.rows[place];
    if (!rows) throw new Error(`The catalog at ${place} was not read before.`);
    return rows;
  }
}

// A row is compared, and then accepted.
const parsed = new WeakMap<CatalogVersions, Set<string>>();

function idsOf(row: CatalogVersions): Set<string> {
  const known = parsed.get(row);
  if (known) return known;
  const ids = new Set(row.ids ? row.ids.split(" ") : []);
  parsed.set(row, ids);
  return ids;
}
