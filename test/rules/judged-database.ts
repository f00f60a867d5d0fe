import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { readCatalog, schemaOf } from "../../migrator/src/catalog";
import {
  type Contract,
  type Finding,
  type Schema,
  defaultContract,
  judgeSchema,
  loadParser,
} from "../../rules/src";
import { createDatabase } from "../support/database";

/** A database with the users and the identity of 000, on which SQL is run, judged and undone. */
export class JudgedDatabase {
  private constructor(
    private readonly client: ClientBase,
    /** Drops the database. */
    public readonly drop: () => Promise<void>,
  ) {}

  public static async create(): Promise<JudgedDatabase> {
    await loadParser();
    const database = await createDatabase();
    const migrator = await database.connect("migrator");
    const ground = join(__dirname, "../../sql/000_existing_schema.sql");
    await migrator.query(readFileSync(ground, "utf8"));
    return new JudgedDatabase(await database.connect("postgres"), () => database.drop());
  }

  /** What the catalog holds after the SQL. @param runBy the role that runs it. */
  public async schemaAfter(sql: string, runBy = "migrator"): Promise<Schema> {
    await this.client.query("begin");
    try {
      await this.client.query(`set local role ${runBy}`);
      await this.client.query(sql);
      await this.client.query("reset role");
      return schemaOf(await readCatalog(this.client));
    } finally {
      await this.client.query("rollback");
    }
  }

  /** What a rule finds after the SQL. */
  public async findings(
    rule: string,
    sql: string,
    {
      contract = defaultContract,
      runBy = "migrator",
    }: { contract?: Contract; runBy?: string } = {},
  ): Promise<Finding[]> {
    const findings = judgeSchema(await this.schemaAfter(sql, runBy), undefined, contract);
    return findings.filter((finding) => finding.rule === rule);
  }
}

/** A table of notes of a user with row level security; no policies and no rights. */
export const notes = `
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  body text not null default ''
);
create index on public.notes (user_id);
alter table public.notes enable row level security, force row level security;
`;

/** {@link notes} that each user reads and writes. */
export const ownNotes = `${notes}
create policy notes_own on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
grant select, insert (user_id, body), update (body), delete on public.notes to authenticated;
`;
