import type { Catalog, Policy, Relation } from "./catalog";
import { wordsOf } from "./hints";

/** The tables that decide about the rows of another one. */
interface Read {
  ids: ReadonlySet<number>;
  /** SQL is put together when it runs, so that it may read any other, too. */
  orAny: boolean;
}

/**
 * Tells which tables decide about the rows of which. PostgreSQL knows what policies read and call; what
 * functions read is told by the names in their bodies, which it does not resolve.
 */
export class Reads {
  private readonly known = new Map<Relation, Read>();
  private readonly all = new Map<Relation, Read>();
  /** What decides: each policy, by its table, and each function. */
  private readonly deciding: { id: number; words: ReadonlySet<string> }[];

  constructor(private readonly catalog: Catalog) {
    const { relations, routines } = catalog;
    this.deciding = [
      ...relations.flatMap(({ id, policies }) =>
        policies.map((policy) => ({ id, words: wordsOf(textOf(policy)) })),
      ),
      // A trigger's function decides nothing by itself.
      ...routines
        .filter(({ returns }) => returns !== "trigger")
        .map(({ source }) => ({ id: 0, words: wordsOf(source) })),
    ];
  }

  /** The tables and views that the policies of a table read, through functions and views, too. */
  public by(table: Relation): Read {
    const known = this.known.get(table) ?? this.find(table);
    this.known.set(table, known);
    return known;
  }

  /** Whether what is in one table may decide about the rows of another, through the policies of any others. */
  public mayDecide(written: Relation, table: Relation): boolean {
    const known = this.all.get(table) ?? this.findAll(table);
    this.all.set(table, known);
    return known.orAny || known.ids.has(written.id);
  }

  /** Whether what decides about other tables, or a function, looks at this column of this table. */
  public looksAt({ id, name }: Relation, column: string): boolean {
    return this.deciding.some(
      (one) => one.id !== id && one.words.has(name) && one.words.has(column),
    );
  }

  private find({ id, name, policies }: Relation): Read {
    const { relations, routines } = this.catalog;
    const ids = new Set(policies.flatMap(({ reads }) => reads));
    // That it reads itself, only the text tells.
    const isOwn = (words: ReadonlySet<string>) => words.has("FROM") && words.has(name);
    if (policies.some((policy) => isOwn(wordsOf(textOf(policy))))) ids.add(id);
    const calls = policies.flatMap((policy) => policy.calls);
    const texts = new Set(
      routines.filter((one) => calls.includes(one.id)).map(({ source }) => source),
    );
    const addView = (one: Relation) => {
      if ((one.kind === "v" || one.kind === "m") && one.definition !== null)
        texts.add(one.definition);
    };
    for (const one of relations) if (ids.has(one.id)) addView(one);
    // A set that grows is iterated to its end.
    for (const text of texts) {
      const words = wordsOf(text);
      for (const one of routines) if (words.has(one.name)) texts.add(one.source);
      for (const one of relations) {
        if (!words.has(one.name)) continue;
        ids.add(one.id);
        addView(one);
      }
    }
    return { ids, orAny: [...texts].some((text) => /\bexecute\b/i.test(text)) };
  }

  private findAll(table: Relation): Read {
    const found = new Set([table]);
    const ids = new Set<number>();
    let orAny = false;
    for (const one of found) {
      const read = this.by(one);
      orAny ||= read.orAny;
      for (const id of read.ids) ids.add(id);
      for (const other of this.catalog.relations) if (read.ids.has(other.id)) found.add(other);
    }
    return { ids, orAny };
  }
}

function textOf({ using, check }: Policy): string {
  return `${using ?? ""} ${check ?? ""}`;
}
