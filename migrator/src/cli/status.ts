import { type LogEntry, type LogRecord, isHalfDone } from "../log/log";
import { type Trio, inspectTrio, sha256 } from "../files/trio";
import { compareVersions } from "../files/version";

/** One migration, as files and log together have it. */
export interface StatusRow {
  version: string;
  /** As its file is called, or, without one, as the log calls it. */
  name: string;
  state: string;
  /** When it was applied, ISO 8601; absent when it is not. */
  appliedAt?: string;
  durationMs?: number;
}

/** What is applied, half applied or pending, by version, and whose files are not those of then. */
export function statusRows(trios: readonly Trio[], log: readonly LogEntry[]): Promise<StatusRow[]> {
  const files = new Map(trios.map((trio) => [trio.version, trio]));
  const entries = new Map(log.map((entry) => [entry.version, entry]));
  const versions = [...new Set([...files.keys(), ...entries.keys()])].sort(compareVersions);
  return Promise.all(
    versions.map((version) => rowOf(version, files.get(version), entries.get(version))),
  );
}

/** A row as text for people. */
export function renderStatusRow({ name, state, appliedAt, durationMs }: StatusRow): string {
  const when = appliedAt === undefined ? "" : ` ${appliedAt} in ${durationMs} ms`;
  return `${name.padEnd(40)}  ${state}${when}`;
}

/** What the last run failed with, as text for people. */
export function renderFailure({ name, note, recordedAt }: LogRecord): string {
  const [why = ""] = (note ?? "").split("\n");
  return `The last run failed: ${name} ${recordedAt}  ${why}`;
}

async function rowOf(
  version: string,
  trio: Trio | undefined,
  entry: LogEntry | undefined,
): Promise<StatusRow> {
  const name = trio?.name ?? entry?.name ?? version;
  if (entry && isHalfDone(entry)) {
    return { version, name, state: entry.applied ? "half undone" : "half applied" };
  }
  if (!entry?.applied) {
    return { version, name, state: trio ? "pending" : "rolled back, file missing" };
  }
  if (trio && trio.name !== entry.name) {
    return { version, name, state: `applied as ${entry.name}, file RENAMED`, ...whenOf(entry) };
  }
  const remark = await remarkOn(trio, entry);
  const state = remark === undefined ? "applied" : `applied, ${remark}`;
  return { version, name, state, ...whenOf(entry) };
}

function whenOf({ recordedAt, durationMs }: LogEntry) {
  return { appliedAt: recordedAt, durationMs };
}

/** What about the files is not as it was when they were applied, if anything. */
export async function remarkOn(
  trio: Trio | undefined,
  entry: LogEntry,
): Promise<string | undefined> {
  if (!trio) return "file missing";
  const isAsApplied = (part: "forward" | "rollback" | "verify") =>
    entry.digests[part].text === sha256(trio[part].sql);
  if (isAsApplied("forward") && isAsApplied("rollback") && isAsApplied("verify")) return undefined;
  const now = await inspectTrio(trio);
  const isEdited = (part: "forward" | "rollback" | "verify") =>
    entry.digests[part].content !== now[part].content;
  if (isEdited("forward")) return "file EDITED";
  const others = (["rollback", "verify"] as const).filter(isEdited);
  // What a rollback runs is what the log keeps.
  return others.length > 0 ? `${others.join(" and ")} file newer than the log's` : undefined;
}
