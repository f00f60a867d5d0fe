import { type Catalog, type Fact, splitKey } from "./objects";

/** A table or a function, by its name in the catalog's keys. */
export interface Named {
  kind: "table" | "function";
  name: string;
}

/** What the objects of a catalog say of others: their expressions, definitions and bodies. */
const TEXTS = ["using", "check", "definition", "source"];

const PARTS = ["policy", "constraint", "index", "rule"];

/**
 * The part of a catalog by which some tables and functions can be judged as well as by all of it: with
 * what mentions them, with all that these mention in turn, and everything that is neither.
 */
export function partOf(catalog: Catalog, changed: readonly Named[]): Catalog {
  const owners = new Map<string, string[]>();
  const texts = new Map<string, string[]>();
  for (const [key, fact] of catalog) {
    const { owner, word, text } = mentionsOf(key, fact);
    if (owner === undefined) continue;
    if (word !== undefined) owners.set(word, [...(owners.get(word) ?? []), owner]);
    const known = texts.get(owner);
    if (known) known.push(text);
    else texts.set(owner, [text]);
  }
  const wanted = new Set(changed.map(({ kind, name }) => `${kind} ${name}`));
  const words = changed.map(({ name }) => wordOf(name));
  for (const [owner, parts] of texts) {
    if (parts.some((text) => words.some((word) => text.includes(word)))) wanted.add(owner);
  }
  // A set is walked to its end while it grows.
  for (const owner of wanted) {
    for (const word of texts.get(owner)?.join("\n").match(/\w+/g) ?? []) {
      for (const mentioned of owners.get(word) ?? []) wanted.add(mentioned);
    }
  }
  return new Map(
    [...catalog].filter(([key, fact]) => {
      const { owner } = mentionsOf(key, fact);
      return owner === undefined || wanted.has(owner);
    }),
  );
}

/** Whose an object is, and what it says of others. */
interface Mentions {
  /** The table or function that it is or is part of; undefined for anything else. */
  owner: string | undefined;
  /** What others mention it by; undefined for a part. */
  word: string | undefined;
  text: string;
}

/** A fact stays the same object as long as nothing changes it. */
const known = new WeakMap<Fact, Mentions>();

function mentionsOf(key: string, fact: Fact): Mentions {
  const found = known.get(fact);
  if (found) return found;
  const { kind, name } = splitKey(key);
  const isWhole = kind === "table" || kind === "function";
  const isPart = PARTS.includes(kind);
  const mentions = {
    owner: isWhole ? key : isPart ? `table ${String(fact["table"])}` : undefined,
    word: isWhole ? wordOf(name) : undefined,
    text: isWhole || isPart ? textOf(fact) : "",
  };
  known.set(fact, mentions);
  return mentions;
}

/** The last word of a name, which is in every text that mentions it, quoted or not. */
function wordOf(name: string): string {
  return name.replace(/\(.*$/s, "").match(/\w+/g)?.at(-1) ?? name;
}

function textOf(fact: Fact): string {
  const inherits = Array.isArray(fact["inherits"]) ? fact["inherits"].map(String) : [];
  return [...TEXTS.map((name) => String(fact[name] ?? "")), ...inherits].join("\n");
}
