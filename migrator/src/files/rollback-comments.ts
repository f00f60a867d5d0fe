const REBUILT = /^--\s*rebuilt\s*:\s*(.+)$/gim;
const KEPT = /^--\s*kept\s*:\s*(.+)$/gim;
const DROPPED = /^--\s*dropped\s*:\s*(.+)$/gim;

/** Tables whose rows the migrations can make again, as a rollback file says: `-- rebuilt: public.a`. */
export function rebuiltIn(sql: string): Set<string> {
  return new Set(listed(sql, REBUILT).map(unquoted));
}

/** What a rollback file says that stays: `-- kept: extension pg_trgm, schema app`. */
export function keptIn(sql: string): string[] {
  return listed(sql, KEPT);
}

/** What a rollback file says that it does not bring back: `-- dropped: table public.a`. */
export function droppedIn(sql: string): string[] {
  return listed(sql, DROPPED);
}

/** A person may quote a name that needs no quotes. */
export function unquoted(name: string): string {
  return name.replaceAll('"', "");
}

function listed(sql: string, pattern: RegExp): string[] {
  const lists = [...sql.matchAll(pattern)].map(([, list = ""]) => list);
  return lists.flatMap((list) => list.split(",").map((name) => name.trim()));
}
