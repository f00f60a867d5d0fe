import type { ForeignKey, ReferencedTable } from "@app-data/rules";
import { foreignKeyOf } from "./definitions";
import { type Catalog, type CatalogChanges, type Fact, splitKey } from "./objects";

// What the objects of a catalog say of others: their expressions, definitions and bodies.
const TEXTS = ["using", "check", "definition", "source", "calls"];

const PARTS = ["policy", "constraint", "index", "rule", "trigger"];

// What says nothing to the rules.
const SILENT = ["statistics", "type", "extension"];

/** Whether no rule looks at objects of that key. */
export function isSilent(key: string): boolean {
  return SILENT.includes(splitKey(key).kind);
}

/**
 * Whether an object is a table, a function or part of a table: they refer to each other by names in
 * their texts alone.
 */
export function isNamed(key: string): boolean {
  const { kind } = splitKey(key);
  return kind === "table" || kind === "function" || PARTS.includes(kind);
}

/** The part of a catalog that has to be judged after changes. */
export interface PartToJudge {
  catalog: Catalog;
  /** The tables outside of it that its own lead to by foreign keys, directly or through others. */
  referenced: ReferencedTable[];
}

/**
 * Which tables and functions of a catalog mention which, kept up to date, so that the part that a change
 * concerns is found without a look at all the others. An owner is a table or a function, by its key.
 */
export class Mentions {
  /** What each owner is made of: its own key and those of its parts. */
  private readonly parts = new Map<string, Set<string>>();
  private readonly ownerOf = new Map<string, string>();
  /** Owners by the last word of their names. */
  private readonly ownersNamed = new Map<string, Set<string>>();
  private readonly wordsOf = new Map<string, Words>();
  private readonly ownersMentioning = new Map<string, Set<string>>();
  private readonly ownersReferencing = new Map<string, Set<string>>();
  /** Keys of what is neither, and matters to rules. */
  private readonly others = new Set<string>();

  constructor(catalog: Catalog) {
    this.apply(catalog, catalog.keys());
  }

  /**
   * Takes changes over.
   * @param catalog after them.
   * @param keys of what was changed.
   */
  public apply(catalog: Catalog, keys: Iterable<string>): void {
    const changed = new Set<string>();
    for (const key of keys) {
      const fact = catalog.get(key);
      const before = this.ownerOf.get(key);
      const owner = fact && ownerOf(key, fact);
      if (before !== undefined) {
        changed.add(before);
        removeFrom(this.parts, before, key);
        this.ownerOf.delete(key);
      }
      if (owner !== undefined) {
        changed.add(owner);
        this.ownerOf.set(key, owner);
        addTo(this.parts, owner, key);
      } else if (fact && !isSilent(key)) this.others.add(key);
      else this.others.delete(key);
    }
    for (const owner of changed) this.applyOwner(owner, catalog);
  }

  /** The keys of an owner and of its parts. */
  public partsOf(owner: string): Iterable<string> {
    return this.parts.get(owner) ?? [];
  }

  /**
   * The part of a changed catalog by which what changed can be judged as well as by all of it: what
   * changed and what depends on it, all that these mention in turn, and everything that is neither table
   * nor function. Of tables that they refer to by foreign keys alone, the foreign keys are enough.
   * @param catalog as it was when this was last brought up to date.
   */
  public partAfter(catalog: Catalog, changes: CatalogChanges): PartToJudge {
    const changed = new Map<string, string[]>();
    const rekeyed = new Set<string>();
    for (const [key, fact] of Object.entries(changes)) {
      // What is gone was part of what it was part of before.
      const owner = fact ? ownerOf(key, fact) : this.ownerOf.get(key);
      if (owner === undefined) continue;
      changed.set(owner, [...(changed.get(owner) ?? []), key]);
      if ([fact, catalog.get(key)].some(isForeignKey)) rekeyed.add(owner);
    }
    const factsOf = (owner: string): [string, Fact][] =>
      [...new Set([...this.partsOf(owner), ...(changed.get(owner) ?? [])])].flatMap((key) => {
        const fact = changes[key] === undefined ? catalog.get(key) : changes[key];
        return fact ? [[key, fact]] : [];
      });

    const judged = this.withDependents(changed, rekeyed);
    const part = new Map<string, Fact>();
    for (const key of this.others) {
      const fact = changes[key] === undefined ? catalog.get(key) : changes[key];
      if (fact) part.set(key, fact);
    }
    // A set is walked to its end while it grows.
    for (const owner of judged) {
      const facts = factsOf(owner);
      for (const [key, fact] of facts) part.set(key, fact);
      for (const word of wordsIn(facts).mentioned) {
        for (const mentioned of this.ownersNamed.get(word) ?? []) judged.add(mentioned);
      }
    }

    const referenced: ReferencedTable[] = [];
    const reached = new Set(judged);
    for (const owner of reached) {
      const foreignKeys = factsOf(owner).flatMap(([, fact]) => foreignKeyIn(fact) ?? []);
      const table = catalog.get(owner);
      if (!judged.has(owner) && table) {
        referenced.push({
          ...{ schema: String(table["schema"]), name: String(table["name"]) },
          foreignKeys,
        });
      }
      for (const key of foreignKeys) {
        for (const target of this.ownersNamed.get(wordIn(key.table.name)) ?? [])
          if (isTable(target)) reached.add(target);
      }
    }
    return { catalog: part, referenced };
  }

  /**
   * What changed, what mentions it, and what calls a function that does; where foreign keys changed, also
   * what leads to them by its own.
   */
  private withDependents(changed: ReadonlyMap<string, unknown>, rekeyed: Set<string>): Set<string> {
    const found = new Set(changed.keys());
    for (const owner of found) {
      if (!changed.has(owner) && isTable(owner)) continue;
      for (const mentioning of this.ownersMentioning.get(wordOf(owner)) ?? [])
        found.add(mentioning);
    }
    for (const owner of rekeyed) {
      for (const referencing of this.ownersReferencing.get(wordOf(owner)) ?? []) {
        rekeyed.add(referencing);
        found.add(referencing);
      }
    }
    return found;
  }

  /** Brings up to date what is known of an owner. */
  private applyOwner(owner: string, catalog: Catalog): void {
    const keys = this.parts.get(owner) ?? new Set();
    if (keys.size > 0) addTo(this.ownersNamed, wordOf(owner), owner);
    else removeFrom(this.ownersNamed, wordOf(owner), owner);
    const facts = [...keys].flatMap((key): [string, Fact][] => {
      const fact = catalog.get(key);
      return fact ? [[key, fact]] : [];
    });
    const [before, after] = [this.wordsOf.get(owner), wordsIn(facts)];
    for (const word of before?.mentioned ?? []) removeFrom(this.ownersMentioning, word, owner);
    for (const word of before?.referenced ?? []) removeFrom(this.ownersReferencing, word, owner);
    for (const word of after.mentioned) addTo(this.ownersMentioning, word, owner);
    for (const word of after.referenced) addTo(this.ownersReferencing, word, owner);
    if (after.mentioned.size + after.referenced.size > 0) this.wordsOf.set(owner, after);
    else this.wordsOf.delete(owner);
  }
}

/** Words of an owner's texts. */
interface Words {
  /** All of them, but for those of foreign keys. */
  mentioned: Set<string>;
  /** The last word of the name of each table that a foreign key refers to. */
  referenced: Set<string>;
}

function ownerOf(key: string, fact: Fact): string | undefined {
  const { kind } = splitKey(key);
  if (kind === "table" || kind === "function") return key;
  return PARTS.includes(kind) ? `table ${String(fact["table"])}` : undefined;
}

function isTable(owner: string): boolean {
  return owner.startsWith("table ");
}

/** The last word of an owner's name, which is in every text that mentions it, quoted or not. */
function wordOf(owner: string): string {
  return wordIn(splitKey(owner).name.replace(/\(.*$/s, ""));
}

function wordIn(name: string): string {
  return (name.match(/\w+/g)?.at(-1) ?? name).toLowerCase();
}

function wordsIn(facts: readonly [string, Fact][]): Words {
  const words: Words = { mentioned: new Set(), referenced: new Set() };
  for (const [, fact] of facts) {
    const foreignKey = foreignKeyIn(fact);
    if (foreignKey) words.referenced.add(wordIn(foreignKey.table.name));
    else for (const word of wordsOf(fact)) words.mentioned.add(word);
  }
  return words;
}

// A fact stays the same object as long as nothing changes it.
const known = new WeakMap<Fact, string[]>();

/** Words as statements write them, and as they stand behind the escapes of a text: `\nusers`. */
function wordsOf(fact: Fact): string[] {
  const found = known.get(fact);
  if (found) return found;
  const text = textOf(fact).toLowerCase();
  const words = `${text}\n${text.replace(/\\./g, " ")}`.match(/\w+/g) ?? [];
  const distinct = [...new Set(words)];
  known.set(fact, distinct);
  return distinct;
}

function isForeignKey(fact: Fact | null | undefined): boolean {
  return fact ? foreignKeyIn(fact) !== undefined : false;
}

/** The foreign key that a fact is, if it is one. */
function foreignKeyIn({ definition }: Fact): ForeignKey | undefined {
  return typeof definition === "string" && definition.startsWith("FOREIGN KEY ")
    ? foreignKeyOf(definition)
    : undefined;
}

function textOf(fact: Fact): string {
  const inherits = Array.isArray(fact["inherits"]) ? fact["inherits"].map(String) : [];
  return [...TEXTS.map((name) => String(fact[name] ?? "")), ...inherits].join("\n");
}

function addTo(map: Map<string, Set<string>>, name: string, value: string): void {
  const known = map.get(name);
  if (known) known.add(value);
  else map.set(name, new Set([value]));
}

function removeFrom(map: Map<string, Set<string>>, name: string, value: string): void {
  const known = map.get(name);
  known?.delete(value);
  if (known?.size === 0) map.delete(name);
}
