import type { Catalog } from "./catalog";
import { wordsOf } from "./hints";

const NEGATED = /\bNOT\b|<> ALL\b/gi;

/**
 * The ids of tables whose rows shut users out: a policy lets in who is not in them. With rows there in every
 * world nobody might be let in at all, so one world has none.
 */
export function shuttingOut({ relations, routines }: Catalog): ReadonlySet<number> {
  const words = new Set<string>();
  for (const { policies } of relations) {
    for (const text of policies.flatMap(({ using, check }) => [using ?? "", check ?? ""])) {
      for (const { index } of text.matchAll(NEGATED))
        for (const word of wordsOf(firstOperand(text.slice(index)))) words.add(word);
    }
  }
  for (const { name, source } of routines)
    if (words.has(name)) for (const word of wordsOf(source)) words.add(word);
  const referred = new Set(
    relations.flatMap(({ foreignKeys }) => foreignKeys.map(({ target }) => target)),
  );
  return new Set(
    relations
      .filter(({ id, kind, name }) => kind === "r" && words.has(name) && !referred.has(id))
      .map(({ id }) => id),
  );
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
