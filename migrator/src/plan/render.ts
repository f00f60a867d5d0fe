import { versionBefore, versionOf } from "../files/version";
import type {
  Blocker,
  Plan,
  PlannedDrift,
  PlannedLock,
  PlannedLoss,
  PlannedMigration,
  PlannedStatement,
  Size,
} from "./types";

/** How a plan is shown. */
export interface RenderOptions {
  /**
   * Lists every statement; else those that lock nothing that is there, and have no hazard but to say
   * who may do what on it, are counted. @default false
   */
  full?: boolean;
}

const MOST_BLOCKERS = 10;
const MOST_CHARACTERS = 76;

/** A plan as text for people; as data it is JSON by itself. */
export function renderPlan(plan: Plan, { full = false }: RenderOptions = {}): string {
  const lines = [
    describeDatabase(plan),
    ...plan.limits.map((limit) => `Note: ${limit}`),
    ...plan.drift.map(describeDrift),
    ...plan.rollbacks.flatMap((rollback) => ["", ...renderRollback(rollback)]),
    ...plan.migrations.flatMap((migration) => ["", ...renderMigration(migration, full)]),
    "",
    ...closing(plan),
  ];
  return lines.join("\n");
}

function describeDatabase({ database, applied, migrations, rollbacks, halfDone }: Plan): string {
  const where = database
    ? `Database ${database.name} (system ${database.systemIdentifier ?? "unknown"}, ` +
      `database ${database.databaseOid})`
    : "No database";
  const known = applied ? `${applied.length} applied, ` : "";
  const marked = rollbacks.map(({ name }) =>
    halfDone.includes(name) ? `${name} (half done)` : name,
  );
  const undone = rollbacks.length > 0 ? `, to be rolled back: ${marked.join(", ")}` : "";
  return `${where}: ${known}${migrations.length} pending${undone}.`;
}

function describeDrift({ what, healable, remedy }: PlannedDrift): string {
  return healable
    ? `Drift, repaired first: ${what}.`
    : `Drift, which a migration may not change: ${what}. ${remedy}`;
}

function closing({ hash, limits, migrations, rollbacks }: Plan): string[] {
  if (migrations.length === 0 && rollbacks.length === 0) return [`Nothing to do. Plan ${hash}`];
  const lowest = versionOf(rollbacks.at(-1)?.name ?? "");
  if (lowest !== undefined) {
    const command = `npx migrator rollback --to ${versionBefore(lowest)}`;
    return [`Plan ${hash}`, `Rolled back by a deployment of the stack, or by: ${command}`];
  }
  if (limits.length > 0) return [`Plan ${hash}; \`up\` cannot be held to it, see above.`];
  return [`Plan ${hash}`, `Run exactly this: npx migrator up --plan ${hash}`];
}

function renderMigration(migration: PlannedMigration, full: boolean): string[] {
  const { name, transactional, halfApplied, hazards, losses, rollback, blockers } = migration;
  const facts = [
    transactional ? "one transaction" : "step by step, with a journal",
    ...(halfApplied ? ["goes on where it was cut off"] : []),
    ...(hazards.length > 0 ? [hazards.join(", ")] : ["no hazard"]),
  ];
  return [
    `${name}: ${facts.join("; ")}`,
    ...renderStatements(migration.statements, full),
    ...listing("locks", migration.relations.filter(isShown).map(describeLock)),
    ...listing("loses", losses.map(describeLoss)),
    ...listing("rollback", describeRollback(rollback)),
    ...listing("waits for", blockers.slice(0, MOST_BLOCKERS).map(describeBlocker)),
    ...(blockers.length > MOST_BLOCKERS
      ? [`  ${" ".repeat(9)}  and ${blockers.length - MOST_BLOCKERS} sessions more`]
      : []),
  ];
}

function renderRollback({ name, ...rollback }: Plan["rollbacks"][number]): string[] {
  return [`${name}: to be rolled back`, ...listing("rollback", describeRollback(rollback))];
}

function renderStatements(statements: readonly PlannedStatement[], full: boolean): string[] {
  const shown = statements.filter((statement) => full || isNotable(statement));
  const rows = shown.flatMap((statement) => {
    const { file, line, text, notes, unclear } = statement;
    return [
      [`${file}:${line}`, cut(text)],
      ...[describeEffect(statement), ...notes.map(indented), ...unclear.map(notKnown)].map(
        (what) => ["", what],
      ),
    ];
  });
  const quiet = statements.length - shown.length;
  const rest =
    quiet > 0 ? [`  ${quiet} more on what this plan makes, or without lock and hazard`] : [];
  return [...aligned(rows), ...rest];
}

/** Locks, hazards that do not follow from them, and how it runs. */
function describeEffect({ locks, hazards, runs, unclear }: PlannedStatement): string {
  const felt = locks.filter(isFelt);
  const named = hazards.filter((hazard) => felt.length === 0 || !hazard.startsWith("blocks"));
  const facts = [...felt.map(shortLock), ...named, ...(runs === "in a transaction" ? [] : [runs])];
  const nothing = unclear.length > 0 ? "no lock and no hazard that is known" : "no lock, no hazard";
  return `  ${facts.join(", ") || nothing}`;
}

function indented(what: string): string {
  return `  ${what}`;
}

function notKnown(what: string): string {
  return `  not known: ${what}`;
}

/** Whether a statement does something that a reader of a plan has to see. */
function isNotable({ hazards, locks, unclear, notes, runs, onlyNew }: PlannedStatement): boolean {
  const named = onlyNew ? hazards.filter((hazard) => hazard !== "changes access") : hazards;
  const felt = !onlyNew && locks.some(isFelt);
  const saysMore = unclear.length > 0 || (notes.length > 0 && locks.length === 0);
  return named.length > 0 || saysMore || runs !== "in a transaction" || felt;
}

/** Reading a table blocks nobody but who asks for ACCESS EXCLUSIVE. */
function isFelt({ mode }: PlannedLock): boolean {
  return mode !== "ACCESS SHARE";
}

function isShown(lock: PlannedLock): boolean {
  return isFelt(lock) && (lock.presence === "there" || lock.presence === "unknown");
}

function shortLock({ mode, relation, through }: PlannedLock): string {
  return through ? `${mode} on ${through} of ${relation}` : `${mode} on ${relation}`;
}

function describeLock(lock: PlannedLock): string {
  return `${shortLock(lock)}${sizeOf(lock)}`;
}

/** A loss with its rows and size. */
export function describeLoss(loss: PlannedLoss): string {
  const what = loss.column === null ? loss.relation : `${loss.relation}, column ${loss.column}`;
  return loss.presence === "new"
    ? `${what} (new: what is written to it by then)`
    : `${what}${sizeOf(loss)}`;
}

function sizeOf({ presence, rows, bytes }: Size & { presence: PlannedLock["presence"] }): string {
  if (presence === "new") return " (new)";
  if (presence === "absent") return " (not there now)";
  if (presence === "unknown") return "";
  const count = rows === null ? "never analysed" : `about ${grouped(rows)} rows`;
  return bytes === null ? ` (${count})` : ` (${count}, ${readable(bytes)})`;
}

function describeRollback(rollback: PlannedMigration["rollback"]): string[] {
  const { exists, losses, unclear, impossible } = rollback;
  if (impossible !== undefined) return [`CANNOT BE UNDONE: ${impossible}`];
  if (!exists) return ["there is none"];
  const lost = losses.map((loss) => `loses ${describeLoss(loss)}`);
  const lines = [...lost, ...unclear.map((what) => `not known: ${what}`)];
  return lines.length > 0 ? lines : ["loses nothing"];
}

function describeBlocker({ pid, application, role, state, ageSeconds, locks }: Blocker): string {
  const who = `${pid === null ? "no process" : `process ${pid}`}, ${application ?? "unnamed"}`;
  const age = ageSeconds === null ? "" : `, in a transaction for ${ageSeconds} s`;
  const held = locks.map(
    ({ relation, mode, granted }) => `${granted ? "holds" : "awaits"} ${mode} on ${relation}`,
  );
  const why = held.length > 0 ? held.join(", ") : "may hold an older snapshot";
  return `${who}, role ${role ?? "unknown"}, ${state ?? "state not visible"}${age}: ${why}`;
}

/** The title before the first line alone. */
function listing(title: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? title : "").padEnd(9)}  ${line}`);
}

function aligned(rows: readonly string[][]): string[] {
  const width = Math.max(0, ...rows.map(([first = ""]) => first.length));
  return rows.map(([first = "", rest = ""]) => `  ${first.padEnd(width)}  ${rest}`);
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}

function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

function readable(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(bytes || 1) / 10)));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power] ?? ""}`;
}
