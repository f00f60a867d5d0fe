import type { Client } from "pg";
import { loadParser } from "@app-data/rules";
import { applyMigration } from "../../migrator/src";
import {
  type Catalog,
  applyChanges,
  catalogChanges,
  readCatalog,
} from "../../migrator/src/catalog";
import { Mentions } from "../../migrator/src/catalog/mentions";
import { Gate } from "../../migrator/src/judge/gate";
import { type MigratorFixture, createFixture, projectTrios } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeAll(async () => {
  await loadParser();
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
  await applyMigration(fixture.settings, projectTrios()[0]);
});
afterAll(() => fixture.database.drop());

const table = (name: string, columns: string, policy = "") => `
  create table public.${name} (${columns});
  alter table public.${name} owner to migrator;
  alter table public.${name} enable row level security, force row level security;
  ${policy && `grant select on public.${name} to authenticated; create policy own on public.${name} for select to authenticated using (${policy});`}`;

/** What a change makes of the catalog, after what was there before it. */
async function change(before: string, sql: string) {
  await superuser.query("begin");
  try {
    await superuser.query(before);
    const known = await readCatalog(superuser);
    await superuser.query(sql);
    return { known, changes: catalogChanges(known, await readCatalog(superuser)) };
  } finally {
    await superuser.query("rollback");
  }
}

const tablesOf = (catalog: Catalog) =>
  [...catalog.keys()].filter((key) => key.startsWith("table public.")).sort();

describe("the part of a catalog that is judged after a change", () => {
  const chain = Array.from({ length: 30 }, (_, index) =>
    table(
      `link_${index}`,
      `id integer primary key${index > 0 ? `, parent_id integer references public.link_${index - 1}` : ""}`,
    ),
  ).join("");

  it("leaves out a chain of tables that a new one leads to, and keeps where it leads", async () => {
    const next = table("next", "id integer primary key, link_id integer references public.link_29");
    const { known, changes } = await change(chain, next);
    const part = new Mentions(known).partAfter(known, changes);
    expect(tablesOf(part.catalog)).toEqual(["table public.next"]);
    expect(part.referenced.map(({ name }) => name)).toEqual(
      Array.from({ length: 30 }, (_, index) => `link_${29 - index}`),
    );
  });

  it("leaves out what only refers to a table that is given a column", async () => {
    const { known, changes } = await change(chain, "alter table public.link_3 add note text");
    const part = new Mentions(known).partAfter(known, changes);
    expect(tablesOf(part.catalog)).toEqual(["table public.link_3"]);
  });

  const led =
    table("profiles", "id uuid primary key constraint to_users references public.users (id)") +
    table("members", "id uuid primary key references public.profiles (id)") +
    table(
      "notes",
      "id integer primary key, member_id uuid references public.members (id)",
      "member_id = auth.uid()",
    );

  it.each([
    [
      "a table whose rows no longer lead to users, three foreign keys away",
      led,
      "alter table public.profiles drop constraint to_users",
    ],
    [
      "a policy that calls a function that calls the one that changed",
      `create function public.inner_id() returns uuid language sql stable set search_path = ''
         as 'select auth.uid()';
       create function public.outer_id() returns uuid language sql stable set search_path = ''
         as 'select public.inner_id()';
       ${table("owned", "id integer primary key, user_id uuid references public.users (id)", "user_id = public.outer_id()")}`,
      `create or replace function public.inner_id() returns uuid language sql stable
         set search_path = '' as 'select null::uuid'`,
    ],
  ])("holds %s", async (_, before, sql) => {
    const { known, changes } = await change(before, sql);
    const part = new Mentions(known).partAfter(known, changes);
    const last = before.includes("public.owned") ? "table public.owned" : "table public.notes";
    expect(tablesOf(part.catalog)).toContain(last);
  });

  it.each([
    [
      "a row level security that is lifted",
      led,
      "alter table public.members no force row level security",
    ],
    [
      "an open policy",
      led,
      "create policy open on public.notes for select to authenticated using (true)",
    ],
    [
      "an open policy of a table that leads to users by others' keys alone",
      led,
      `${table("labels", "id integer primary key, member_id uuid references public.members (id)", "true")}`,
    ],
    [
      "nothing of an open policy of a table that leads to nobody",
      chain,
      table("labels", "id integer primary key, link_id integer references public.link_29", "true"),
    ],
  ])("is refused for what all of it is refused for: %s", async (what, before, sql) => {
    const { known, changes } = await change(before, sql);
    const gate = new Gate(undefined, () => undefined);
    const whole = gate.judge(applyChanges(known, changes));
    expect(gate.judgeAfter([], known, changes)).toEqual(whole);
    expect(whole.length > 0).toBe(!what.startsWith("nothing"));
  });
});
