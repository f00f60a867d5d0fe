import type { LockMode } from "../lock-mode";

/**
 * What a reader has to know of a statement before it runs. All but "may delete data" and "blocks reads" are
 * the words of the header of a migration; "blocks reads" comes with "blocks writes", and "may delete data"
 * is what runs something whose text is elsewhere.
 */
export type Hazard =
  | "deletes data"
  | "may delete data"
  | "rewrites table"
  | "blocks writes"
  | "blocks reads"
  | "changes access"
  | "builds index";

/** Hazards in the order in which they are told. */
export const HAZARDS: readonly Hazard[] = [
  "deletes data",
  "may delete data",
  "rewrites table",
  "blocks reads",
  "blocks writes",
  "changes access",
  "builds index",
];

/** Relations that a statement locks without naming them; the catalog knows them. */
export interface Through {
  what:
    | "table of the index"
    | "table of the statistics"
    | "referenced tables"
    | "referencing tables"
    | "partitioned table"
    | "default partition"
    | "tables of the query"
    | "tables of the type"
    | "every table";
  /** Only this foreign key counts. */
  constraint?: string;
  /** Only foreign keys from, or to, this column count. */
  column?: string;
}

/** A lock on a relation, held until the transaction ends. */
export interface Lock {
  /** As SQL writes it: `public.users`. */
  relation: string;
  mode: LockMode;
  /** Absent when it is the relation itself that is locked. */
  through?: Through;
  /**
   * `concurrently` takes a weak lock, but then waits for every transaction that a lock of this mode
   * would wait for.
   */
  waitsAs?: LockMode;
}

/** Rows or values that a statement takes away. */
export interface Loss {
  relation: string;
  /** Null when whole rows go. */
  column: string | null;
}

/** A column that gets another type: whether the table is rewritten depends on the one that it has. */
export interface Retype {
  relation: string;
  column: string;
  /** The new type, as the tree names it: `varchar`; its modifiers are in {@link modifiers}. */
  type: string;
  modifiers: number[];
  /** The values are computed. */
  using: boolean;
}

/** What the text of one statement says that it will do. */
export interface Effect {
  locks: Lock[];
  hazards: Hazard[];
  /** What the text cannot tell, each a sentence without its full stop. */
  unclear: string[];
  /** What is worth knowing beside: what is scanned under a lock, what may be skipped. */
  notes: string[];
  /** Relations that it makes, or finds (`if not exists`). */
  creates: string[];
  /** Relations that it makes on a condition. */
  mayCreate: string[];
  /** Relations that are gone after it. */
  drops: string[];
  /** Schemas that are gone after it, with everything in them. */
  dropsSchemas: string[];
  /** Relations that have another name after it. */
  renames: { from: string; to: string }[];
  losses: Loss[];
  retypes: Retype[];
  /** Relations that it changes without a lock on them, as `grant` does. */
  changes: string[];
}

/** What one subcommand of `alter table` does beside locking the table itself. */
export interface Subeffect extends Partial<Effect> {
  /** The lock that it needs on the table. @default "ACCESS EXCLUSIVE" */
  mode?: LockMode;
}

/** An effect from the parts that are not empty. */
export function effect(parts: Partial<Effect> = {}): Effect {
  const { locks = [], hazards = [], unclear = [], notes = [] } = parts;
  const {
    creates = [],
    mayCreate = [],
    drops = [],
    dropsSchemas = [],
    renames = [],
    losses = [],
    retypes = [],
    changes = [],
  } = parts;
  return {
    locks,
    hazards,
    unclear,
    notes,
    creates,
    mayCreate,
    drops,
    dropsSchemas,
    renames,
    losses,
    retypes,
    changes,
  };
}

/** The effect of what runs something that its text does not show: it may do anything. */
export function hidden(...reasons: string[]): Effect {
  return reasons.length === 0
    ? effect()
    : effect({ hazards: ["may delete data"], unclear: reasons });
}

/** All effects as one. */
export function together(effects: readonly Effect[]): Effect {
  return {
    locks: effects.flatMap(({ locks }) => locks),
    hazards: unique(effects.flatMap(({ hazards }) => hazards)),
    unclear: unique(effects.flatMap(({ unclear }) => unclear)),
    notes: unique(effects.flatMap(({ notes }) => notes)),
    creates: unique(effects.flatMap(({ creates }) => creates)),
    mayCreate: unique(effects.flatMap(({ mayCreate }) => mayCreate)),
    drops: unique(effects.flatMap(({ drops }) => drops)),
    dropsSchemas: unique(effects.flatMap(({ dropsSchemas }) => dropsSchemas)),
    renames: effects.flatMap(({ renames }) => renames),
    losses: effects.flatMap(({ losses }) => losses),
    retypes: effects.flatMap(({ retypes }) => retypes),
    changes: unique(effects.flatMap(({ changes }) => changes)),
  };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
