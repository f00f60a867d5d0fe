import type { DoStmt, Node, SelectStmt } from "libpg-query";
import type { Statement } from "@app-data/rules";
import { accessEffect } from "./access";
import { blockEffect } from "./blocks";
import { objectEffect } from "./drops";
import {
  type Effect,
  HAZARDS,
  type Hazard,
  type Lock,
  type Retype,
  effect,
  hidden,
  together,
} from "./effect";
import { storageEffect } from "./indexes";
import { strongest } from "../lock-mode";
import { relationName } from "../names";
import { isOptionOn } from "../options";
import { opaqueEffect, otherEffect } from "./others";
import { queryEffect } from "./queries";
import { relationEffect } from "./relations";
import { heldSettingsIn } from "../settings";
import { summarize } from "./summary";
import { isTransactional } from "../transactional";

/** What one statement will do, as far as its text tells. */
export interface StatementEffects extends Effect {
  /** Whether it may run in a transaction with others; see {@link isTransactional}. */
  transactional: boolean;
  /** The statement on one line, with its strings blanked out; at most 100 characters. */
  summary: string;
}

/**
 * What a statement does by its own text: the locks that PostgreSQL 17 takes, each relation once with
 * the strongest, and its hazards. Relations that it makes itself are not among the locks: nobody else
 * sees them before the commit. What the text cannot tell is said in `unclear`, never left out.
 * The parser must be loaded, as it is once there is a {@link Statement}.
 */
export function statementEffects({ tree, text }: Statement): StatementEffects {
  const found = readEffect(tree, text);
  const locks = strongestOf(found.locks);
  return {
    ...found,
    ...withRetypes(found, found.retypes),
    locks,
    hazards: hazardsOf(withRetypes(found, found.retypes).hazards, locks),
    transactional: isTransactional(tree),
    summary: summarize(text),
  };
}

/** Hazards and notes of an effect, with those of the columns whose new type rewrites the table. */
export function withRetypes(
  { hazards, notes }: Effect,
  rewriting: readonly Retype[],
): Pick<Effect, "hazards" | "notes"> {
  if (rewriting.length === 0) return { hazards, notes };
  return {
    hazards: [...hazards, "rewrites table"],
    notes: [...notes, "the new type may keep less of a value than the old one"],
  };
}

/** Hazards in order, with those that follow from the locks. */
export function hazardsOf(
  named: readonly Hazard[],
  locks: readonly Pick<Lock, "mode">[],
): Hazard[] {
  const found = new Set(named);
  for (const { mode } of locks) {
    if (mode === "ACCESS EXCLUSIVE") found.add("blocks reads");
    if (BLOCKS_WRITES.includes(mode)) found.add("blocks writes");
  }
  if (found.has("blocks reads")) found.add("blocks writes");
  return HAZARDS.filter((hazard) => found.has(hazard));
}

const BLOCKS_WRITES: readonly Lock["mode"][] = [
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
];

/** What a statement's text says, without what follows from it. @param text the whole statement. */
export function readEffect(tree: Node, text: string): Effect {
  const known = read.get(tree);
  if (known) return known;
  const found =
    relationEffect(tree) ??
    storageEffect(tree) ??
    objectEffect(tree) ??
    accessEffect(tree) ??
    dataEffect(tree) ??
    compoundEffect(tree, text) ??
    opaqueEffect(tree) ??
    otherEffect(tree);
  read.set(tree, found);
  return found;
}

// Inserts that differ in constants alone share their tree.
const read = new WeakMap<Node, Effect>();

function dataEffect(tree: Node): Effect | undefined {
  if ("VariableSetStmt" in tree) return settingEffect(tree);
  if ("SelectStmt" in tree) {
    const creates = intoOf(tree.SelectStmt);
    return together([queryEffect(tree), effect({ creates }), settingEffect(tree)]);
  }
  if (QUERIES.some((kind) => kind in tree)) return queryEffect(tree);
  if ("ExplainStmt" in tree) {
    const { query, options } = tree.ExplainStmt;
    const { locks, ...rest } = queryEffect(query);
    return isOptionOn(options, "analyze") ? { locks, ...rest } : effect({ locks });
  }
  if ("CopyStmt" in tree) {
    const { relation, query, is_from = false } = tree.CopyStmt;
    const mode = is_from ? "ROW EXCLUSIVE" : "ACCESS SHARE";
    const own = relation ? [{ relation: relationName(relation), mode } as const] : [];
    return together([queryEffect(query), effect({ locks: own })]);
  }
  return undefined;
}

function settingEffect(tree: Node): Effect {
  const held = heldSettingsIn(tree);
  return effect({
    notes: held.length > 0 ? [`overridden: the migrator's own ${held.join(", ")} holds`] : [],
  });
}

const QUERIES = [
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "DeclareCursorStmt",
  "PrepareStmt",
] as const;

function compoundEffect(tree: Node, text: string): Effect | undefined {
  if ("DoStmt" in tree) {
    const language = languageOf(tree.DoStmt);
    if (language !== "plpgsql") return hidden(`what a block in ${language} does`);
    return blockEffect(text, (nested) => readEffect(nested, ""));
  }
  if ("CreateSchemaStmt" in tree) {
    const { schemaElts = [] } = tree.CreateSchemaStmt;
    return together(schemaElts.map((element) => readEffect(element, "")));
  }
  return undefined;
}

function languageOf({ args = [] }: DoStmt): string {
  for (const option of args) {
    if (!("DefElem" in option) || option.DefElem.defname !== "language") continue;
    const { arg } = option.DefElem;
    if (arg && "String" in arg) return arg.String.sval ?? "";
  }
  return "plpgsql";
}

function intoOf({ intoClause, larg }: SelectStmt): string[] {
  if (intoClause?.rel) return [relationName(intoClause.rel)];
  return larg ? intoOf(larg) : [];
}

/** Each relation once, in the order of the text. */
function strongestOf(locks: readonly Lock[]): Lock[] {
  const found = new Map<string, Lock>();
  for (const lock of locks) {
    const key = JSON.stringify([lock.relation, lock.through ?? null]);
    const known = found.get(key);
    found.set(key, known ? { ...known, mode: strongest(known.mode, lock.mode) } : lock);
  }
  return [...found.values()];
}
