import type { Contract } from "@app-data/rules";
import type { Catalog, Column, Relation, Routine } from "./catalog";

/** What constraints, policies, views and functions say of a column. */
export interface Hints {
  /** What it is compared with, of constraints first. */
  literals: string[];
  numbers: number[];
  /** Regular expressions that it is matched against. */
  patterns: string[];
  /** Patterns of LIKE. */
  likes: string[];
  /** An object with the keys that are looked up in it, and the values that they are compared with. */
  object: Record<string, string> | undefined;
}

/** A string of a SQL text, after what says how it is used. */
const STRING =
  /(~~\*?|~\*?|\bi?like\b|->>?|#>>?|\?|current_setting\(|set_config\()?\s*'((?:[^']|'')*)'/gi;
const LOOKED_FOR = /\?[&|]?\s*'(\w+)'/g;
const LOOKED_UP = /->>?\s*'(\w+)'(?:::text)?\)*(?:\s*=\s*\(?'((?:[^']|'')*)')?/g;
const CONNECTIVE = /\b(?:and|or)\b|[;\n]/i;
const NUMBER = /(?<![\w.'])-?\d+(?:\.\d+)?/g;
const MOST_LITERALS = 8;

/** Finds, for each column, the texts that decide by its values. */
export class HintReader {
  private readonly known = new WeakMap<Column, Hints>();
  private readonly texts = new Map<string, readonly string[]>();
  /** All policies, views and functions, by the words that they hold. */
  private readonly byWord = new Map<string, Set<string>>();

  private readonly routines: readonly Routine[];
  private readonly relations: readonly Relation[];

  constructor(catalog: Catalog, { identityFunctions }: Contract) {
    this.relations = catalog.relations;
    // How the token is read says nothing of rows.
    this.routines = catalog.routines.filter(
      ({ schema, name }) =>
        !identityFunctions.some((one) => one.schema === schema && one.name === name),
    );
    for (const { definition, policies } of catalog.relations) {
      this.remember(definition);
      for (const { using, check } of policies) {
        this.remember(using);
        this.remember(check);
      }
    }
    for (const { source } of this.routines) this.remember(source);
  }

  /** What is said of a column. */
  public of(relation: Relation, column: Column): Hints {
    let hints = this.known.get(column);
    if (!hints) {
      const constraints = [
        ...column.domainChecks,
        ...relation.checks
          .filter(({ columns }) => columns.includes(column.name))
          .map(({ expression }) => expression),
      ];
      hints = readHints([...constraints, ...this.textsOn(relation, column.name)], column.name);
      this.known.set(column, hints);
    }
    return hints;
  }

  /** All texts that may say something of a column: policies, generated columns, partitions, functions, views. */
  public textsOn(relation: Relation, name: string): readonly string[] {
    const key = `${relation.id} ${name}`;
    let texts = this.texts.get(key);
    if (!texts) {
      texts = this.findTexts(relation, name);
      this.texts.set(key, texts);
    }
    return texts;
  }

  private findTexts(relation: Relation, name: string): string[] {
    // What is asked of the rows of a partition or child stands on its parent.
    const ofParents = this.relations
      .filter(({ id }) => relation.parents.includes(id))
      .flatMap((parent) => this.textsOn(parent, name));
    const own = [
      ...relation.columns.map(({ expression }) => expression),
      relation.partitionCheck,
    ].flatMap((text) => (text !== null && wordsOf(text).has(name) ? [text] : []));
    const triggers = this.routines
      .filter(({ id, source }) => relation.triggers.includes(id) && wordsOf(source).has(name))
      .map(({ source }) => source);
    const looking = relation.policies.filter(({ columns }) => columns.includes(name));
    const policies = looking
      .flatMap(({ using, check }) => [using ?? "", check ?? ""])
      .filter((text) => wordsOf(text).has(name));
    const called = this.routines
      .filter(({ id }) => looking.some(({ calls }) => calls.includes(id)))
      .map(({ source }) => source);
    const ofRelation = this.byWord.get(relation.name);
    const elsewhere = [...(this.byWord.get(name) ?? [])].filter((text) => ofRelation?.has(text));
    // A helper may be given what it compares the column with.
    const callers = this.routines
      .filter(({ source }) => elsewhere.includes(source))
      .flatMap((routine) => [...(this.byWord.get(routine.name) ?? [])]);
    return [
      ...new Set([
        ...own,
        ...ofParents,
        ...policies,
        ...triggers,
        ...called,
        ...elsewhere,
        ...callers,
      ]),
    ];
  }

  private remember(text: string | null): void {
    if (text === null) return;
    for (const word of wordsOf(text)) {
      const texts = this.byWord.get(word) ?? new Set();
      texts.add(text);
      this.byWord.set(word, texts);
    }
  }
}

/** The parts of a text that each compare something. */
export function clausesOf(text: string): string[] {
  return text.split(/\b(?:and|or|where|on|join|returning|then|else)\b|;/i);
}

const wordsOfTexts = new Map<string, ReadonlySet<string>>();

/** The names and key words of a SQL text; of each text they are looked for once. */
export function wordsOf(text: string): ReadonlySet<string> {
  let words = wordsOfTexts.get(text);
  if (!words) {
    const quoted = [...text.matchAll(/"((?:[^"]|"")+)"/g)].map(([, name = ""]) =>
      name.replaceAll('""', '"'),
    );
    words = new Set([...(text.match(/[\w$]+/g) ?? []), ...quoted]);
    wordsOfTexts.set(text, words);
  }
  return words;
}

function readHints(texts: readonly string[], name: string): Hints {
  const text = texts.join("\n");
  const strings = [...text.matchAll(STRING)]
    .map(({ index, 1: use = "", 2: quoted = "" }) => ({
      use: use.toLowerCase(),
      string: quoted.replaceAll("''", "'"),
      // What stands in the same comparison as the column's name is what it is compared with.
      isNear: wordsOf(text.slice(0, index).split(CONNECTIVE).at(-1) ?? "").has(name),
    }))
    .sort((left, right) => Number(right.isNear) - Number(left.isNear));
  const usedBy = (...uses: string[]) =>
    [...new Set(strings.filter(({ use }) => uses.includes(use)).map(({ string }) => string))].slice(
      0,
      MOST_LITERALS,
    );
  const keys = [...text.matchAll(LOOKED_UP)].map(([, key = "", value]): [string, string] => [
    key,
    value ?? "true",
  ]);
  for (const [, key = ""] of text.matchAll(LOOKED_FOR)) keys.push([key, "1"]);
  return {
    literals: usedBy(""),
    numbers: [...new Set([...text.matchAll(NUMBER)].map(([number]) => Number(number)))].slice(
      0,
      MOST_LITERALS,
    ),
    patterns: usedBy("~", "~*"),
    likes: usedBy("~~", "~~*", "like", "ilike"),
    object: keys.length > 0 ? Object.fromEntries(keys) : undefined,
  };
}
