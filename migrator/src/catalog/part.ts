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
  const owners = ownersByWord(catalog);
  const texts = new Map<string, string>();
  for (const [key, fact] of catalog) {
    const owner = ownerOf(key, fact);
    if (owner !== undefined) texts.set(owner, `${texts.get(owner) ?? ""}\n${textOf(fact)}`);
  }
  const wanted = new Set(changed.map(({ kind, name }) => `${kind} ${name}`));
  const words = changed.map(({ name }) => wordOf(name));
  for (const [owner, text] of texts) {
    if (words.some((word) => text.includes(word))) wanted.add(owner);
  }
  // A set is walked to its end while it grows.
  for (const owner of wanted) {
    for (const word of texts.get(owner)?.match(/\w+/g) ?? []) {
      for (const mentioned of owners.get(word) ?? []) wanted.add(mentioned);
    }
  }
  return new Map(
    [...catalog].filter(([key, fact]) => {
      const owner = ownerOf(key, fact);
      return owner === undefined || wanted.has(owner);
    }),
  );
}

/** The table or function that an object is or is part of; undefined for anything else. */
function ownerOf(key: string, fact: Fact): string | undefined {
  const { kind } = splitKey(key);
  if (kind === "table" || kind === "function") return key;
  return PARTS.includes(kind) ? `table ${String(fact["table"])}` : undefined;
}

function ownersByWord(catalog: Catalog): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const key of catalog.keys()) {
    const { kind, name } = splitKey(key);
    if (kind !== "table" && kind !== "function") continue;
    const word = wordOf(name);
    owners.set(word, [...(owners.get(word) ?? []), key]);
  }
  return owners;
}

/** The last word of a name, which is in every text that mentions it, quoted or not. */
function wordOf(name: string): string {
  return name.replace(/\(.*$/s, "").match(/\w+/g)?.at(-1) ?? name;
}

function textOf(fact: Fact): string {
  const inherits = Array.isArray(fact["inherits"]) ? fact["inherits"].map(String) : [];
  return [...TEXTS.map((name) => String(fact[name] ?? "")), ...inherits].join("\n");
}
