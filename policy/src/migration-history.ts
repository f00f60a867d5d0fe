import { type Finding, type SqlSchema, SqlSchemaReader, judgeSchema } from "@app-data/rules";

/** What one migration brought, judged together with those before it. */
export interface JudgedMigration {
  file: string;
  sql: string;
  schema: SqlSchema;
  /** What it left wrong that was not wrong before it. */
  findings: Finding[];
  /** Everything that is wrong after it. */
  all: Finding[];
}

/** The migrations of a database that were judged, in their order. */
interface History {
  reader: SqlSchemaReader;
  judged: JudgedMigration[];
}

const histories = new Map<string, History>();
/** 1000 comes after 999. */
const byNumber = new Intl.Collator("en", { numeric: true });

/**
 * Judges a migration on top of the earlier ones of the same database, which the engine sends before it.
 * @param database what its migrations have in common: the resource that is their parent.
 * @throws SqlSyntaxError where PostgreSQL's parser refuses the text.
 */
export async function judgeMigration(
  database: string,
  file: string,
  sql: string,
): Promise<JudgedMigration> {
  const before = histories.get(database);
  const known = before?.judged.find((one) => one.file === file && one.sql === sql);
  if (known) return known;
  const earlier = (before?.judged ?? []).filter((one) => byNumber.compare(one.file, file) < 0);
  const isNext = before !== undefined && earlier.length === before.judged.length;
  const history = isNext ? before : await replay(earlier);
  try {
    history.reader.read({ file, sql });
  } catch (error) {
    // A reader that stopped half-way is of no use to the next.
    histories.delete(database);
    if (earlier.length > 0) histories.set(database, await replay(earlier));
    throw error;
  }
  const schema = history.reader.schema();
  const all = judgeSchema(schema);
  const knownBefore = new Set((earlier.at(-1)?.all ?? []).map(keyOf));
  const findings = all.filter((finding) => !knownBefore.has(keyOf(finding)));
  const judged = { file, sql, schema: ownRemarks(schema, file), findings, all };
  histories.set(database, { reader: history.reader, judged: [...earlier, judged] });
  return judged;
}

async function replay(judged: JudgedMigration[]): Promise<History> {
  const reader = await SqlSchemaReader.start();
  for (const { file, sql } of judged) reader.read({ file, sql });
  return { reader, judged };
}

function ownRemarks(schema: SqlSchema, file: string): SqlSchema {
  const isOwn = (remark: { file: string }) => remark.file === file;
  return {
    ...schema,
    notProvable: schema.notProvable.filter(isOwn),
    ignored: schema.ignored.filter(isOwn),
  };
}

function keyOf({ code, object, message }: Finding): string {
  return `${code} ${object} ${message}`;
}
