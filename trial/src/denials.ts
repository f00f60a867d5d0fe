import type { Catalog, Relation } from "./catalog";
import { wordsOf } from "./hints";

const NEGATED = /\bNOT\b|<> ALL\b/gi;

/**
 * The tables whose rows shut users out: a policy lets in who is not in them. Every table is filled for every
 * user, so that with their rows there nobody might be let in at all.
 */
export class Denials {
  private readonly known = new Map<number, readonly Relation[]>();

  constructor(private readonly catalog: Catalog) {}

  /** Those of a table's policies, and of the functions that they call. */
  public of(relation: Relation): readonly Relation[] {
    let found = this.known.get(relation.id);
    if (!found) {
      const words = new Set(
        relation.policies.flatMap(({ using, check }) =>
          [using ?? "", check ?? ""].flatMap((text) => this.negatedWords(text)),
        ),
      );
      found = this.catalog.relations.filter(
        ({ id, kind, name }) => kind === "r" && id !== relation.id && words.has(name),
      );
      this.known.set(relation.id, found);
    }
    return found;
  }

  /** The words of what follows a negation, and of the functions among them. */
  private negatedWords(text: string): string[] {
    const words = [...text.matchAll(NEGATED)].flatMap(({ index }) => [
      ...wordsOf(firstOperand(text.slice(index))),
    ]);
    const called = this.catalog.routines.filter(({ name }) => words.includes(name));
    return [...words, ...called.flatMap(({ source }) => [...wordsOf(source)])];
  }
}

/** A text up to the end of the first parentheses in it. */
function firstOperand(text: string): string {
  let depth = 0;
  for (const [at, character] of [...text].entries()) {
    if (character === "(") depth += 1;
    if (character !== ")") continue;
    depth -= 1;
    if (depth <= 0) return text.slice(0, at + 1);
  }
  return text;
}
