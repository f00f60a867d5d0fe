import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeSchema, schemaRules } from "../../rules/src";
import { JudgedDatabase, notes } from "./judged-database";

const PAGES = join(__dirname, "../../docs/policies");

/** What the examples of some pages stand on beside a table of notes. */
const grounds: Record<string, string> = {
  "foreign-key-actions": `
    create table public.questions (
      id uuid primary key, user_id uuid not null references public.users (id)
    );
    create policy own on public.questions for delete to authenticated
      using ((select auth.uid()) = user_id);
    grant delete on public.questions to authenticated;`,
  "policy-confinement": `
    alter table public.notes add published boolean;
    grant select on public.notes to authenticated;`,
  "policy-recursion": `
    create table public.members (team_id uuid, user_id uuid references public.users (id));
    grant select on public.members to authenticated;`,
  "policy-write-check": "grant update on public.notes to authenticated;",
  "rewrite-rules": `
    create table public.feed (user_id uuid, body text);
    create function public.to_feed() returns trigger language plpgsql as 'begin return null; end';`,
  "soft-delete": `
    alter table public.notes add deleted_at timestamptz;
    create policy own on public.notes for update to authenticated
      using (user_id = (select auth.uid()));`,
};

/** Pages whose right example goes on from the wrong one. */
const corrections = [
  "granted-copies",
  "object-owners",
  "policy-index",
  "public-execution",
  "role-powers",
];

/** Pages whose examples `migrator` has no right to run. */
const privileged = ["object-owners", "role-powers", "session-settings"];

/** The first block of a section of a page, and what the rule says of it. */
function example(page: string, section: "Wrong" | "Right"): [sql: string, shown: string] {
  const text = readFileSync(join(PAGES, `${page}.md`), "utf8");
  const [, below = ""] = text.split(`\n## ${section}\n`);
  const [sql = "", shown = ""] = [...below.matchAll(/```[a-z]*\n([\s\S]*?)```/g)].map(
    ([, block = ""]) => block,
  );
  return [
    sql,
    shown
      .replace(/^POL\d+ \S+: /, "")
      .replace(/\s+/g, " ")
      .trim(),
  ];
}

describe("the page of a rule", () => {
  let database: JudgedDatabase;

  beforeAll(async () => {
    database = await JudgedDatabase.create();
  });

  afterAll(() => database.drop());

  const pages = schemaRules.map(({ name }) => name);

  it.each(pages)("%s shows what the rule says of its wrong example", async (page) => {
    const [sql, shown] = example(page, "Wrong");
    expect(await sayings(page, sql)).toContain(shown);
  });

  it.each(pages)("%s has a right example of which the rule says nothing", async (page) => {
    const [wrong] = corrections.includes(page) ? example(page, "Wrong") : [""];
    expect(await sayings(page, `${wrong}\n${example(page, "Right")[0]}`)).toEqual([]);
  });

  async function sayings(page: string, sql: string): Promise<string[]> {
    const table = sql.includes("create table public.notes ") ? "" : notes;
    const role = privileged.includes(page) ? "; reset role" : "";
    const schema = await database.schemaAfter(`${table}${grounds[page] ?? ""}${role};${sql}`);
    return judgeSchema(schema)
      .filter(({ rule }) => rule === page)
      .map(({ message, remediation }) => `${message}. ${remediation}`);
  }
});
