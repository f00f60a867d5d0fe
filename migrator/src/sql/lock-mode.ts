/** PostgreSQL's locks on relations, the weakest first, as `lock table` and the manual name them. */
export const LOCK_MODES = [
  "ACCESS SHARE",
  "ROW SHARE",
  "ROW EXCLUSIVE",
  "SHARE UPDATE EXCLUSIVE",
  "SHARE",
  "SHARE ROW EXCLUSIVE",
  "EXCLUSIVE",
  "ACCESS EXCLUSIVE",
] as const;

/** A lock on a relation. */
export type LockMode = (typeof LOCK_MODES)[number];

// Table 13.2 of the manual, "Conflicting Lock Modes": for each mode the ones that it waits for.
const CONFLICTS: Record<LockMode, readonly LockMode[]> = {
  "ACCESS SHARE": LOCK_MODES.slice(7),
  "ROW SHARE": LOCK_MODES.slice(6),
  "ROW EXCLUSIVE": LOCK_MODES.slice(4),
  "SHARE UPDATE EXCLUSIVE": LOCK_MODES.slice(3),
  SHARE: LOCK_MODES.slice(2).filter((mode) => mode !== "SHARE"),
  "SHARE ROW EXCLUSIVE": LOCK_MODES.slice(2),
  EXCLUSIVE: LOCK_MODES.slice(1),
  "ACCESS EXCLUSIVE": LOCK_MODES,
};

/** Whether one session has to wait for the other. */
export function conflict(one: LockMode, other: LockMode): boolean {
  return CONFLICTS[one].includes(other);
}

/** The lock that blocks more. */
export function strongest(one: LockMode, other: LockMode): LockMode {
  return LOCK_MODES.indexOf(one) >= LOCK_MODES.indexOf(other) ? one : other;
}

/** The mode that the tree of `lock table` and `pg_locks` (`RowExclusiveLock`) mean. */
export function lockModeOf(mode: number | string | undefined): LockMode | undefined {
  if (typeof mode === "number") return LOCK_MODES[mode - 1];
  const words = mode?.replace(/Lock$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ");
  return LOCK_MODES.find((known) => known === words?.toUpperCase());
}

/** Modes beside which everybody reads and writes on, and that no other migration waits for. */
export const READING_MODES: readonly LockMode[] = LOCK_MODES.slice(0, 3);
