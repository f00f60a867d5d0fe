import type { Node } from "libpg-query";
import type { Source } from "./names-in-scope";

/** Two values that are equal: each a column, a constant or the user; undefined for any other. */
export interface Equality {
  left: string;
  right: string;
}

/** What a condition comes to. */
export type Outcome = "true" | "false" | "null";

/** What a condition comes to where its negation comes to an outcome. */
export const opposite = { true: "false", false: "true", null: "null" } as const;

/** One way in which a condition can come to an outcome. */
export interface Alternative {
  equalities: readonly Equality[];
  /** Values that are null, and values that are not; of the same kinds as in {@link Equality}. */
  nulls: readonly string[];
  present: readonly string[];
  /** Tables with a row that makes it true, the judged row left out. */
  sources: readonly (Source & { definer: boolean })[];
  /** What is visibly no owner test, as clauses. */
  holes: readonly string[];
}

/** A condition that says nothing of the row's owner. */
export const nothing: Alternative = {
  equalities: [],
  nulls: [],
  present: [],
  sources: [],
  holes: [],
};

/** More alternatives than this are not followed. */
const ALTERNATIVES_LIMIT = 128;

/** The condition can be true in more ways than are followed. */
export class TooManyAlternatives extends Error {}

/** Says of a condition that it confines nothing, and why. */
export function hole(reason: string): Alternative[] {
  return [{ ...nothing, holes: [reason] }];
}

/** Both hold; what contradicts itself is left out. */
export function both(one: readonly Alternative[], other: readonly Alternative[]): Alternative[] {
  if (one.length * other.length > ALTERNATIVES_LIMIT) throw new TooManyAlternatives();
  return one.flatMap((a) =>
    other
      .map((b) => ({
        equalities: [...a.equalities, ...b.equalities],
        nulls: [...a.nulls, ...b.nulls],
        present: [...a.present, ...b.present],
        sources: [...a.sources, ...b.sources],
        holes: [...a.holes, ...b.holes],
      }))
      .filter(isPossible),
  );
}

/** Either holds. One that demands nothing stands for all others: whoever judges it judges them. */
export function either(...ways: readonly (readonly Alternative[])[]): Alternative[] {
  const alternatives = ways.flat();
  const open = alternatives.find(
    ({ equalities, nulls, present, sources }) =>
      equalities.length + nulls.length + present.length + sources.length === 0,
  );
  return open ? [open] : alternatives;
}

/** What is equal to something is not null. */
function isPossible({ equalities, nulls, present }: Alternative): boolean {
  return nulls.every(
    (value) =>
      !present.includes(value) &&
      !equalities.some(({ left, right }) => left === value || right === value),
  );
}

/** All conditions hold. */
export function all(conditions: readonly (readonly Alternative[])[]): Alternative[] {
  return conditions.reduce<Alternative[]>(both, [nothing]);
}

/** Values that an alternative's equalities make equal, found by any of them. */
export class Classes {
  private readonly parents = new Map<string, string>();

  constructor(equalities: readonly Equality[]) {
    for (const { left, right } of equalities) this.parents.set(this.root(left), this.root(right));
  }

  public areEqual(one: string, other: string): boolean {
    return this.root(one) === this.root(other);
  }

  private root(value: string): string {
    let at = value;
    for (let next = this.parents.get(at); next !== undefined && next !== at;) {
      at = next;
      next = this.parents.get(at);
    }
    return at;
  }
}

/** A constant as a value that can be compared; undefined for what is none. */
export function constantKey(node: Node): string | undefined {
  if (!("A_Const" in node)) return undefined;
  const { isnull, sval, ival, boolval, fval } = node.A_Const;
  if (isnull) return undefined;
  if (sval) return `'${sval.sval ?? ""}'`;
  if (boolval) return `#${String(boolval.boolval ?? false)}`;
  if (ival) return `#${ival.ival ?? 0}`;
  return fval ? `#${fval.fval ?? ""}` : undefined;
}
