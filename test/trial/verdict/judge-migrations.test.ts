import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type JudgeOptions, judgeMigrations } from "../../../trial/src";
import { superuser } from "../trial-server";

const PROJECT = path.resolve(__dirname, "../../..");
const base = [
  {
    file: "000.sql",
    sql: readFileSync(path.join(PROJECT, "sql/000_existing_schema.sql"), "utf8"),
  },
];
const protect = (table: string) =>
  `alter table ${table} enable row level security, force row level security;
   create policy nobody on ${table} to authenticated using (false);`;
const notes = `create table public.notes (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.users (id)
  );
  create index notes_user_id on public.notes (user_id);
  alter table public.notes enable row level security, force row level security;
  create policy notes_own on public.notes for select to authenticated
    using ((select auth.uid()) = user_id);
  grant select on public.notes to authenticated;`;

const REAL_TIMERS = [
  "hrtime",
  "nextTick",
  "performance",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
] as const;

describe("judgeMigrations", () => {
  let cache: string;

  beforeAll(() => {
    cache = mkdtempSync(path.join(tmpdir(), "app-data-verdicts-"));
    process.env["APP_DATA_CACHE"] = cache;
  });

  afterAll(() => {
    delete process.env["APP_DATA_CACHE"];
    rmSync(cache, { recursive: true, force: true });
  });

  const judge = (texts: string[], options: JudgeOptions = {}) =>
    judgeMigrations(
      texts.map((sql, index) => ({ file: `00${index + 1}.sql`, sql })),
      { server: superuser(), withTrial: false, ...options },
    );
  const refusals = async (texts: string[], options: JudgeOptions = {}) =>
    (await judge(texts, options)).findings
      .filter(({ level }) => level === "mandatory")
      .map(({ code, file, line, message }) => ({ code, place: `${file}:${line}`, message }));

  describe("applies files as up does", () => {
    it("uses a value that was added to an enum in a later statement", async () => {
      const sql = `create type public.state as enum ('one');
        create table public.jobs (state public.state not null); ${protect("public.jobs")}
        alter type public.state add value 'two';
        alter table public.jobs alter column state set default 'two';`;
      expect(await refusals([sql])).toEqual([]);
    });

    it("runs what PostgreSQL runs in no transaction, and what is done in batches", async () => {
      const sql = `create table public.jobs (id bigint primary key, done boolean); ${protect("public.jobs")}
        create policy migrator on public.jobs to migrator using (true) with check (true);
        create index concurrently jobs_done on public.jobs (done);
        -- migrator: batch table=public.jobs key=id size=100
        update public.jobs set done = false where done is null;`;
      expect(await refusals([sql])).toEqual([]);
    });

    it.each([
      ["begin", "select 1;\nbegin;\nselect 1;", '"begin" controls the transaction', 2],
      [
        "a name without its schema",
        "select 1;\n\ncreate table notes ();",
        "notes is named without its schema",
        3,
      ],
      [
        "a function without its schema",
        "create function f() returns int language sql return 1;",
        "f is named without its schema",
        1,
      ],
      [
        "an extension in no schema",
        "create extension citext;",
        "no schema has been selected to create in",
        1,
      ],
      [
        "rows of copy",
        "create table public.a (b int);\ncopy public.a from stdin;\n1\n\\.\n",
        "`copy … from stdin` reads rows",
        2,
      ],
      [
        "copy without rows",
        "create table public.a (b int);\ncopy public.a from stdin;",
        "`copy … from stdin` reads rows",
        2,
      ],
      [
        "what PostgreSQL refuses",
        "select 1;\nselect 1\n/ 0;",
        "division by zero (SQLSTATE 22012)",
        2,
      ],
      [
        "what the migrator may not do",
        "create role mighty superuser;",
        "permission denied to create role",
        1,
      ],
    ])("refuses %s, with the line", async (_, sql, message, line) => {
      expect(await refusals([sql])).toEqual([
        {
          code: "POL159",
          place: `001.sql:${line}`,
          message: expect.stringContaining(message) as string,
        },
      ]);
    });

    it("lists every place of every file that cannot be run", async () => {
      const dump = readFileSync(path.join(__dirname, "../../migrator/dump-fixture.sql"), "utf8");
      const said = await refusals([dump, "begin;\ncreate table notes ();\ncommit;"]);
      expect(
        said.map(({ place, message }) => `${place} ${message.split(" ", 3).join(" ")}`),
      ).toEqual([
        "001.sql:5 \\restrict is a",
        "001.sql:45 it gives what",
        "001.sql:60 it gives what",
        "001.sql:70 `copy … from",
        "001.sql:93 \\unrestrict is a",
        '002.sql:1 "begin" controls the',
        "002.sql:2 notes is named",
        '002.sql:3 "commit" controls the',
      ]);
    });

    it("refuses SQL that cannot be read, each file", async () => {
      const said = await refusals(["select 1;\ncreate tabel x ();", "select 1;", "drop;"]);
      expect(said.map(({ code, place }) => [code, place])).toEqual([
        ["POL001", "001.sql:2"],
        ["POL001", "003.sql:1"],
      ]);
    });

    it("refuses names without their schema where a file sets its own search path, too", async () => {
      const sql = "set search_path = public; create table notes ();";
      expect(await refusals([sql])).toEqual([
        {
          code: "POL159",
          place: "001.sql:1",
          message: expect.stringContaining("with an empty search path") as string,
        },
      ]);
    });

    it("begins each file with the settings that up begins it with", async () => {
      const first = "set search_path = public; set row_security = off;";
      const second = `do $$ begin
        if current_setting('search_path') <> '""' or current_user <> 'migrator'
          or current_setting('row_security') <> 'on' then raise 'settings are left'; end if;
      end $$;`;
      expect(await refusals([first, second])).toEqual([]);
    });

    it("in a session from which nobody can become a superuser again", async () => {
      const sql = `do $$ begin
        execute 'reset session authorization; reset role';
        if (select rolsuper from pg_roles where rolname = session_user) then raise 'superuser'; end if;
        execute 'set session authorization postgres';
      end $$;`;
      expect(await refusals([sql])).toEqual([
        expect.objectContaining({
          message: expect.stringContaining("permission denied") as string,
        }),
      ]);
    });
  });

  it("leaves out an extension that is not available, where nothing needs it", async () => {
    const sql = `create extension postgis with schema public;\ncomment on extension postgis is 'maps';
      create table public.places (); ${protect("public.places")}`;
    const { findings, limits } = await judge([sql]);
    expect(findings.filter(({ level }) => level === "mandatory")).toEqual([]);
    expect(limits).toEqual([
      "001.sql: the extension postgis is not available here, and was left out",
    ]);
    const needing =
      "create extension postgis with schema public;\ncreate table public.p (a public.geography);";
    expect(await judge([needing])).toMatchObject({
      findings: [{ code: "POL159", file: "001.sql", line: 2 }],
      limits,
    });
  });

  it("does not judge what an extension brings, and judges what its owner adds to it", async () => {
    const sql = `create schema extensions; create extension citext with schema extensions;`;
    expect(await refusals([sql])).toEqual([]);
    const added = `${sql} create table public.hidden (); alter extension citext add table public.hidden;`;
    expect(await refusals([added])).toContainEqual(
      expect.objectContaining({
        code: "POL101",
        message: expect.stringContaining("public.hidden") as string,
      }),
    );
  });

  describe("names the file and line of", () => {
    it("a table that is made without protection", async () => {
      expect(
        await refusals(["select 1;", "select 1;\n\ncreate table public.a ();"]),
      ).toContainEqual(expect.objectContaining({ code: "POL101", place: "002.sql:3" }));
    });

    it("a statement that takes the protection away, and not of a later reference", async () => {
      const texts = [
        `create table public.a (id uuid primary key); ${protect("public.a")}`,
        "select 1;\nalter table public.a no force row level security;",
        `create table public.b (a uuid references public.a (id)); ${protect("public.b")}`,
      ];
      expect(await refusals(texts)).toContainEqual(
        expect.objectContaining({ code: "POL101", place: "002.sql:2" }),
      );
    });

    it("a block that puts the name together, or mentions it", async () => {
      const made = `create table public.a (); ${protect("public.a")}`;
      const loop = `select 1;\ndo $$ declare t regclass; begin
        for t in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' loop
          execute format('alter table %s no force row level security', t);
        end loop; end $$;`;
      expect(await refusals([made, loop])).toContainEqual(
        expect.objectContaining({ code: "POL101", place: "002.sql:2" }),
      );
      const named = `do $$ begin\n\n  execute 'alter table public.abc no force row level security';\nend $$;`;
      const other = `create table public.abc (); ${protect("public.abc")}`;
      expect(await refusals([other, named])).toContainEqual(
        expect.objectContaining({ code: "POL101", place: "002.sql:3" }),
      );
    });

    it("a grant on all tables of a schema, and of default privileges", async () => {
      const grant = "select 1;\ngrant all on all tables in schema public to anon;";
      const later =
        "select 1;\nalter default privileges in schema public grant select on tables to anon;";
      const made = `create table public.a (); ${protect("public.a")}`;
      const said = await refusals([made, grant, later]);
      expect(said).toContainEqual(expect.objectContaining({ code: "POL116", place: "002.sql:2" }));
      expect(said).toContainEqual(expect.objectContaining({ code: "POL125", place: "003.sql:2" }));
    });

    it("a table under its new name, quoted", async () => {
      const renamed = 'select 1;\nalter table public.a rename to "Old notes";';
      expect(await refusals(["create table public.a ();", renamed])).toContainEqual(
        expect.objectContaining({ code: "POL101", place: "002.sql:2" }),
      );
    });

    it("a policy and a function that were replaced", async () => {
      const open = `select 1;\nalter policy notes_own on public.notes using (true);
        create or replace function public.f() returns int language sql as 'select 2';`;
      const first = `${notes} create function public.f() returns int language sql set search_path = '' as 'select 1';`;
      const said = await refusals([first, open], { base });
      expect(said).toContainEqual(expect.objectContaining({ code: "POL110", place: "002.sql:2" }));
      expect(said).toContainEqual(expect.objectContaining({ code: "POL120", place: "002.sql:3" }));
    });

    it("says nothing of what a later file puts right", async () => {
      expect(await refusals(["create table public.a ();", protect("public.a")])).toEqual([]);
    });
  });

  describe("on a base", () => {
    it("stands where PostgreSQL misses something without it", async () => {
      expect(await refusals([notes], { base, withTrial: true })).toEqual([]);
      expect(await refusals([notes])).toEqual([
        expect.objectContaining({
          code: "POL159",
          message: expect.stringContaining('relation "public.users" does not exist') as string,
        }),
      ]);
    });

    it("stands where there is no table without it", async () => {
      const grant = "grant all on all tables in schema public to authenticated;";
      expect(await refusals([grant], { base })).toContainEqual(
        expect.objectContaining({ place: "001.sql:1" }),
      );
    });
  });

  it("takes nothing tried for no pass, unless the files make nothing", async () => {
    const made =
      "create function public.f() returns int language sql set search_path = '' as 'select 1'; revoke all on function public.f() from public;";
    expect(await refusals([made], { withTrial: true })).toEqual([
      expect.objectContaining({
        code: "POL150",
        message: expect.stringContaining("0 attempts on 0 tables") as string,
      }),
    ]);
    expect(await refusals(["select 1;"], { withTrial: true })).toEqual([]);
  });

  describe("keeps verdicts", () => {
    const counted = () => {
      const lines: string[] = [];
      return { lines, report: (line: string) => lines.push(line) };
    };
    const kept = "These files were judged before, by the same rules.";
    const files = [`create table public.kept (); ${protect("public.kept")}`];

    it("of the same files, and of no others", async () => {
      const first = await judge(files);
      const { lines, report } = counted();
      expect(await judge(files, { report })).toEqual(first);
      expect(lines).toEqual([kept]);
      for (const options of [{ withTrial: true }, { fresh: true }, { base }]) {
        const other = counted();
        await judge(files, { ...options, report: other.report });
        expect(other.lines).not.toContain(kept);
      }
    });

    it("for the day on which they were made, since schemas may depend on the date", async () => {
      await judge(files);
      const { lines, report } = counted();
      jest.useFakeTimers({ now: Date.now() + 24 * 3600 * 1000, doNotFake: [...REAL_TIMERS] });
      try {
        await judge(files, { report });
      } finally {
        jest.useRealTimers();
      }
      expect(lines).not.toContain(kept);
    });

    it("where it can: a folder that cannot be written to is told", async () => {
      const { lines, report } = counted();
      process.env["APP_DATA_CACHE"] = path.join(cache, "file");
      writeFileSync(path.join(cache, "file"), "");
      try {
        expect((await judge(files, { report })).refusedFiles).toBe(0);
      } finally {
        process.env["APP_DATA_CACHE"] = cache;
      }
      expect(lines).toEqual([expect.stringMatching(/^The verdict is not kept: .*ENOTDIR/)]);
    });

    it("and judges anew where what is kept was damaged", async () => {
      const first = await judge(files);
      const folder = path.join(cache, "verdicts");
      for (const name of readdirSync(folder))
        writeFileSync(path.join(folder, name), '{"findings":');
      const { lines, report } = counted();
      expect(await judge(files, { report })).toEqual(first);
      expect(lines).not.toContain(kept);
    });
  });
});
