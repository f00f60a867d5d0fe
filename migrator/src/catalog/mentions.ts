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

/**
 * Which tables and functions of a catalog mention which, kept up to date, so that the part that a change
 * concerns is found without a look at all the others. An owner is a table or a function, by its key.
 */
export class Mentions {
  /** What each owner is made of: its own key and those of its parts. */
  private readonly parts = new Map<string, Set<string>>();
  private readonly ownerOf = new Map<string, string>();
  private readonly ownersCalled = new Map<string, Set<string>>();
  private readonly wordsOf = new Map<string, Set<string>>();
  private readonly ownersMentioning = new Map<string, Set<string>>();
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
    for (const owner of changed) this.mention(owner, catalog);
  }

  /** The keys of an owner and of its parts. */
  public partsOf(owner: string): Iterable<string> {
    return this.parts.get(owner) ?? [];
  }

  /**
   * The part of a changed catalog by which what changed can be judged as well as by all of it: with
   * what mentions it, with all that these mention in turn, and everything that is neither table nor
   * function.
   * @param catalog as it was when this was last brought up to date.
   */
  public partAfter(catalog: Catalog, changes: CatalogChanges): Catalog {
    const wanted = new Set<string>();
    const parts = new Map<string, string[]>();
    for (const [key, fact] of Object.entries(changes)) {
      // What is gone was part of what it was part of before.
      const owner = fact ? ownerOf(key, fact) : this.ownerOf.get(key);
      if (owner === undefined) continue;
      wanted.add(owner);
      parts.set(owner, [...(parts.get(owner) ?? []), key]);
    }
    for (const owner of [...wanted]) {
      for (const mentioning of this.ownersMentioning.get(wordOf(owner)) ?? [])
        wanted.add(mentioning);
    }
    const after = new Map<string, Fact>();
    const add = (key: string) => {
      const changed = changes[key];
      const fact = changed === undefined ? catalog.get(key) : changed;
      if (fact) after.set(key, fact);
    };
    for (const key of this.others) add(key);
    // A set is walked to its end while it grows.
    for (const owner of wanted) {
      const keys = [...(this.parts.get(owner) ?? []), ...(parts.get(owner) ?? [])];
      for (const key of keys) add(key);
      for (const word of wordsIn(keys, after)) {
        for (const mentioned of this.ownersCalled.get(word) ?? []) wanted.add(mentioned);
      }
    }
    return after;
  }

  /** Brings up to date what is known of an owner. */
  private mention(owner: string, catalog: Catalog): void {
    const keys = this.parts.get(owner) ?? new Set();
    if (keys.size > 0) addTo(this.ownersCalled, wordOf(owner), owner);
    else removeFrom(this.ownersCalled, wordOf(owner), owner);
    const words = wordsIn(keys, catalog);
    for (const word of this.wordsOf.get(owner) ?? []) {
      if (!words.has(word)) removeFrom(this.ownersMentioning, word, owner);
    }
    for (const word of words) addTo(this.ownersMentioning, word, owner);
    if (words.size > 0) this.wordsOf.set(owner, words);
    else this.wordsOf.delete(owner);
  }
}

function ownerOf(key: string, fact: Fact): string | undefined {
  const { kind } = splitKey(key);
  if (kind === "table" || kind === "function") return key;
  return PARTS.includes(kind) ? `table ${String(fact["table"])}` : undefined;
}

/** The last word of an owner's name, which is in every text that mentions it, quoted or not. */
function wordOf(owner: string): string {
  const { name } = splitKey(owner);
  return (name.replace(/\(.*$/s, "").match(/\w+/g)?.at(-1) ?? name).toLowerCase();
}

function wordsIn(keys: Iterable<string>, catalog: Catalog): Set<string> {
  const words = new Set<string>();
  for (const key of keys) {
    const fact = catalog.get(key);
    if (fact) for (const word of wordsOf(fact)) words.add(word);
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
