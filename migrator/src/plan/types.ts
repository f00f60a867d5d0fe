import type { DatabaseIdentity } from "../database/identity";
import type { Hazard, Through } from "../sql/effects/effect";
import type { LockMode } from "../sql/lock-mode";

/** What a run of the migrator would do. It is JSON as it stands. */
export interface Plan {
  /**
   * SHA-256, hexadecimal, of what must not change between approval and run: the database, its catalog,
   * what is applied to it, and the files of what is pending. Sizes, rows and sessions are not in it.
   */
  hash: string;
  /** Undefined when the plan was made from the files alone. */
  database: DatabaseIdentity | undefined;
  /**
   * Why the plan knows less than it could, each a sentence; empty when it knows all. A plan with one of
   * these cannot be held to: `up` would find another hash.
   */
  limits: string[];
  /** Names of the migrations that are applied; undefined when that is not known. */
  applied: string[] | undefined;
  /** The migrations to be rolled back, newest first, and what each rollback would lose. */
  rollbacks: (PlannedRollback & { name: string })[];
  /** Names of the migrations that are half applied or half undone now, newest first. */
  halfDone: string[];
  /**
   * What is not as the migrations made it, what may widen access first. What can be is repaired before
   * the first migration; one that would change what cannot be is refused. Empty when nothing is pending.
   */
  drift: PlannedDrift[];
  /** What is pending, in order. */
  migrations: PlannedMigration[];
}

/** One thing in the catalog that is not as the migrations made it. */
export interface PlannedDrift {
  /** What differs, as a clause. */
  what: string;
  /** Whether it is repaired first. */
  healable: boolean;
  /** What repairs it. */
  remedy: string;
}

/** What one pending migration would do. */
export interface PlannedMigration {
  version: string;
  name: string;
  /** Whether it is one transaction; else its steps are committed one by one, and a journal kept. */
  transactional: boolean;
  /** An earlier run was cut off between its steps; this one goes on there. */
  halfApplied: boolean;
  /** It deletes data that is there now; or may, because its text does not show all that it runs. */
  destructive: boolean;
  hazards: Hazard[];
  statements: PlannedStatement[];
  /** Each relation that it locks, with the strongest lock. */
  relations: PlannedLock[];
  /** What it takes away of what is there now. */
  losses: PlannedLoss[];
  rollback: PlannedRollback;
  /** Sessions that it would wait for, the oldest transaction first. */
  blockers: Blocker[];
}

/** What one statement would do. */
export interface PlannedStatement {
  file: string;
  /** From 1. */
  line: number;
  /** In characters, from 1. */
  column: number;
  /** The statement on one line of at most 100 characters, with its strings blanked out. */
  text: string;
  /** How it runs: with others in a transaction, alone in none, or in batches with a commit each. */
  runs: "in a transaction" | "alone" | "in batches";
  locks: PlannedLock[];
  /** What it does to relations that are there now; those that are new have no users yet. */
  hazards: Hazard[];
  /** What it locks or changes is not there yet. */
  onlyNew: boolean;
  /** What its text cannot tell. */
  unclear: string[];
  notes: string[];
}

/**
 * Whether a relation is in the database, or made by an earlier statement of this plan; "absent" is in
 * neither (a function may make it), "unknown" where the database was not asked, or the name is bare.
 */
export type Presence = "there" | "new" | "absent" | "unknown";

/** A lock on a relation, and how big that is. */
export interface PlannedLock extends Size {
  /** As SQL writes it. */
  relation: string;
  mode: LockMode;
  presence: Presence;
  /** Not the relation itself is locked but these, which only the catalog knows. */
  through: Through["what"] | null;
}

/** How big a relation is; with its partitions. */
export interface Size {
  /** The server's estimate; null when it is not known, or the table was never analysed. */
  rows: number | null;
  /**
   * With indexes and TOAST; as of the last `vacuum` while somebody holds or awaits ACCESS EXCLUSIVE,
   * null when it is not known.
   */
  bytes: number | null;
}

/** Rows, or values of a column, that would be gone. */
export interface PlannedLoss extends Size {
  relation: string;
  /** Null when whole rows go. */
  column: string | null;
  presence: Presence;
}

/** How a migration can be undone. */
export interface PlannedRollback {
  /** Whether its rollback file holds a statement. */
  exists: boolean;
  /** What undoing it would lose; of what is new now, what is written to it by then. */
  losses: PlannedLoss[];
  /** What the text of the rollback cannot tell. */
  unclear: string[];
  /** Why it cannot be undone, as its header says. */
  impossible?: string;
}

/** A session that a migration would wait for; as much of it as the role may see. */
export interface Blocker {
  /** Null for a prepared transaction, which has no process. */
  pid: number | null;
  application: string | null;
  role: string | null;
  /** As `pg_stat_activity` has it: `idle in transaction`. Null where the role may not see it. */
  state: string | null;
  /** Age of its transaction in seconds; null where the role may not see it. */
  ageSeconds: number | null;
  /** What it holds or awaits that stands in the way; empty when it is its snapshot alone. */
  locks: { relation: string; mode: LockMode; granted: boolean }[];
}
