import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Page, startBrowser } from "../support/browser";
import { drawSchema } from "../../tools/schema-report/diagram.mjs";

const PROJECT = path.resolve(__dirname, "../..");
const MAIN = path.join(PROJECT, "tools/main.mjs");

const NOTES = `
create schema auth;
create function auth.jwt() returns jsonb language sql stable set search_path = '' as
  $$ select nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb $$;
create function auth.uid() returns uuid language sql stable set search_path = '' as
  $$ select (auth.jwt() ->> 'sub')::uuid $$;
grant usage on schema auth, public to authenticated, service_role;
revoke execute on all functions in schema auth from public;
grant execute on all functions in schema auth to authenticated, service_role;

create table public.users (id uuid primary key);
alter table public.users enable row level security;
alter table public.users force row level security;
create policy users_read on public.users for select to authenticated
  using (id = (select auth.uid()));
grant select on public.users to authenticated;

create table public.notes (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  "<b>text" text not null default ''
);
create index notes_user on public.notes (user_id);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_own on public.notes for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy notes_service on public.notes for select to service_role using (true);
grant select, delete on public.notes to authenticated;
grant insert (id, user_id) on public.notes to authenticated;
grant select on public.notes to service_role;
grant update on public.notes to service_role;

create table public.tips (
  id uuid primary key,
  user_id uuid not null references public.users (id) on delete cascade
);
create index tips_user on public.tips (user_id);
alter table public.tips enable row level security;
alter table public.tips force row level security;
create policy tips_read on public.tips for select to authenticated using (true);
create policy tips_update on public.tips for update to authenticated
  using (true) with check (user_id = (select auth.uid()));
create policy tips_never on public.tips for delete to authenticated using (false);
grant select, update, delete on public.tips to authenticated;
`;

/** The parts of a cell of the matrix. */
type Cell = { class: string; strong: string; because: string[] };

describe("npm run report", () => {
  let directory: string;
  let file: string;
  let page: Page;

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, "report", ...args], {
      cwd: directory,
      encoding: "utf8",
      env: { ...process.env, APP_DATA_CACHE: path.join(directory, "cache") },
    });

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-report-"));
    mkdirSync(path.join(directory, "notes"));
    writeFileSync(path.join(directory, "notes/001_notes.sql"), NOTES);
    file = path.join(directory, "page.html");
    const { status, stderr } = run("--sql", "notes", "--output", "page.html");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining("Written: page.html") as string,
    });
    page = await startBrowser();
  });

  afterAll(async () => {
    await page?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const cell = async (relation: string, role: string, command: string): Promise<Cell> => {
    const found = await page.evaluate(`(() => {
      const table = [...document.querySelectorAll("table.matrix")]
        .find(({ caption }) => caption.querySelector("code").textContent === "${relation}");
      const row = [...table.tBodies[0].rows].find(({ cells: [head] }) => head.textContent === "${role}");
      const cell = row.querySelector('[data-label="${command}"]');
      const because = [...cell.querySelectorAll("small")].map(({ textContent }) => textContent);
      return { class: cell.className, strong: cell.querySelector("strong").textContent, because };
    })()`);
    return found as Cell;
  };

  describe("in a browser", () => {
    beforeAll(() => page.open(file));

    it("says who may do what to whose rows, with the grant and the policy that decide it", async () => {
      const using = "(user_id = ( SELECT auth.uid() AS uid))";
      expect(await cell("public.notes", "authenticated", "delete")).toEqual({
        class: "own",
        strong: "own rows",
        because: [
          "grant delete to authenticated",
          `policy notes_own: using ${using}`,
          expect.stringMatching(/^\d+ attempts at other users' rows: none got through/) as string,
        ],
      });
      expect(await cell("public.notes", "authenticated", "insert")).toMatchObject({
        class: "own",
        strong: "own rows, some columns",
        because: [
          "grant insert (id, user_id) to authenticated",
          `policy notes_own: with check ${using}`,
          expect.anything() as string,
        ],
      });
    });

    it("tells what is refused by a missing grant from what no policy lets through", async () => {
      expect(await cell("public.notes", "authenticated", "update")).toEqual({
        class: "none",
        strong: "no",
        because: ["no grant of update"],
      });
      expect(await cell("public.notes", "service_role", "update")).toEqual({
        class: "none",
        strong: "no row",
        because: ["grant update to service_role", "no policy lets it through"],
      });
      expect(await cell("public.notes", "migrator", "select")).toMatchObject({
        strong: "no row",
        because: ["migrator is the owner", "no policy lets it through"],
      });
    });

    it("marks who reads every row", async () => {
      expect(await cell("public.notes", "service_role", "select")).toMatchObject({
        class: "all",
        strong: "every row",
      });
    });

    it("says of which cells the trial makes no attempts", async () => {
      const shown =
        await page.evaluate(`[...new Set([...document.querySelectorAll("table.matrix tr")]
        .filter((row) => row.querySelector(".shown")).map((row) => row.cells[0].textContent))]`);
      expect(shown).toEqual(["authenticated"]);
      const text = String(await page.evaluate("document.querySelector('#matrix').innerText"));
      expect(text).toContain("and the attempts of the trial where it made any");
      expect(text).toContain("Without a grant it tries nothing");
    });

    it("tells the attempts that did what they must not, and the finding", async () => {
      expect(await cell("public.tips", "authenticated", "select")).toMatchObject({
        class: "all",
        strong: "every row",
        because: [
          "grant select to authenticated",
          "policy tips_read: using true",
          expect.stringMatching(/^\d+ of \d+ attempts did what they must not$/) as string,
        ],
      });
      const findings = String(await page.evaluate("document.querySelector('#findings').innerText"));
      expect(findings).toMatch(/public\.tips\s+refused\s+POL\d+ trial-read/);
    });

    it("takes for a user's own only what both halves of an update tie to the user", async () => {
      expect(await cell("public.tips", "authenticated", "update")).toMatchObject({
        class: "some",
        strong: "rows that pass",
      });
      expect(await cell("public.tips", "authenticated", "delete")).toMatchObject({
        class: "none",
        strong: "no row",
      });
    });

    it("names tables, roles, findings and files", async () => {
      const text = String(await page.evaluate("document.body.innerText"));
      expect(text).toContain("notes (user_id) refers to users (id), on delete cascade.");
      expect(text).toContain("anon (by set role), authenticated (by set role)");
      expect(text).toContain("001_notes");
      expect(text).toContain("POL");
      expect(text).not.toContain("app_data_throwaway");
    });

    it("shows a name with signs of HTML as text", async () => {
      expect(await page.evaluate("document.querySelectorAll('svg b, main b').length")).toBe(0);
      const texts = "[...document.querySelectorAll('svg text')].map((one) => one.textContent)";
      expect(await page.evaluate(texts)).toContain("<b>text");
    });

    it("asks for nothing from elsewhere", () => {
      expect(page.requests()).toEqual([]);
    });

    it("describes its diagram, heads and rows to who does not see them", async () => {
      const svg = "document.querySelector('svg[role=img]')";
      const labels = `${svg}.getAttribute("aria-labelledby").split(" ").map((id) => document.getElementById(id).textContent)`;
      expect(await page.evaluate(labels)).toEqual([
        "Tables and foreign keys",
        expect.stringContaining("3 tables: notes, tips, users.") as string,
      ]);
      expect(
        await page.evaluate(
          "[...document.querySelectorAll('table')].every((one) => one.caption && one.querySelector('th[scope=col]') && one.querySelector('th[scope=row]'))",
        ),
      ).toBe(true);
    });

    it("shows the rows that hold each of the words that are typed", async () => {
      const type = (words: string) =>
        page.evaluate(`(() => {
          const field = document.querySelector("#filter input");
          field.value = ${JSON.stringify(words)};
          field.dispatchEvent(new Event("input"));
          return [...document.querySelectorAll("table.matrix tbody tr")]
            .filter((row) => row.getClientRects().length > 0).map((row) => row.cells[0].textContent);
        })()`);
      expect(await type("notes service_role")).toEqual(["service_role"]);
      expect(((await type("")) as string[]).length).toBeGreaterThan(8);
    });

    it("fits a phone: nothing but the diagram scrolls sideways", async () => {
      await page.resize(360, 740);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
      const display = "getComputedStyle(document.querySelector('table.matrix td')).display";
      expect(await page.evaluate(display)).toBe("block");
      await page.resize(1200, 900);
      expect(await page.evaluate(display)).toBe("table-cell");
    });

    it("fits paper: the diagram is whole, and what is for a screen is left out", async () => {
      await page.setMedia("print");
      await page.resize(1000, 700);
      const overhang = (selector: string) =>
        page.evaluate(
          `((one) => one.scrollWidth - one.clientWidth)(document.querySelector("${selector}"))`,
        );
      expect(await overhang("html")).toBe(0);
      expect(await overhang(".wide")).toBe(0);
      const display = (selector: string) =>
        page.evaluate(`getComputedStyle(document.querySelector("${selector}")).display`);
      expect(await display("#filter")).toBe("none");
      expect(await display("nav")).toBe("none");
      expect(await display("table.matrix td")).toBe("table-cell");
      await page.setMedia("screen");
    });
  });

  it("is complete without JavaScript, which alone makes the filter", async () => {
    await page.open(file, { scripts: false });
    expect(await page.evaluate("document.querySelector('#filter')")).toBe(null);
    expect(await page.evaluate("document.querySelectorAll('[hidden]').length")).toBe(0);
    expect(await page.evaluate("document.querySelectorAll('main section').length")).toBe(8);
  });

  it.each([
    [["--sql", "notes", "--stack", "prod"], "--sql and --stack contradict each other"],
    [["--environment", "prod"], "--contract and --environment go with --sql"],
    [["--sql", "nowhere"], "does not exist"],
  ])("refuses %j", (args, message) => {
    const { status, stderr } = run(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it("says where files cannot be run, and writes no page", () => {
    mkdirSync(path.join(directory, "broken"));
    writeFileSync(path.join(directory, "broken/001.sql"), "select 1;\ncreate tabel x;\n");
    const { status, stderr } = run("--sql", "broken", "--output", "broken.html");
    expect(stderr).toContain("broken/001.sql:2: ");
    expect(status).toBe(2);
    expect(() => readFileSync(path.join(directory, "broken.html"))).toThrow("ENOENT");
  });
});

describe("the diagram of a schema", () => {
  const table = (name: string, rest = {}) => ({
    schema: "public",
    name,
    rowSecurity: true,
    forced: true,
    columns: [{ name: "id", type: "uuid", notNull: true }],
    keys: [["id"]],
    ...rest,
  });
  const reference = (to: string) => ({
    columns: ["id"],
    table: { schema: "public", name: to },
    references: ["id"],
  });

  it("draws tables that refer to each other and to themselves", () => {
    const tables = [
      table("a", { foreignKeys: [reference("b"), reference("a")] }),
      table("b", { foreignKeys: [reference("a")] }),
    ];
    expect(drawSchema({ tables }).match(/class="line"/g)).toHaveLength(3);
  });

  it("marks a table that policies do not bind, and tells estimates of rows", () => {
    const tables = [table("open", { rowSecurity: false }), table("closed")];
    const drawn = drawSchema({ tables }, { "public.closed": 1234 });
    expect(drawn).toContain("RLS OFF, 0 policies");
    expect(drawn).toContain("RLS forced, 0 policies, about 1,234 rows");
    expect(drawn).toContain("Row level security is not on and forced on open.");
  });

  it("draws forty tables that each refer to all before it, at once", () => {
    const names = Array.from({ length: 40 }, (_, index) => `t${index}`);
    const tables = names.map((name, index) =>
      table(name, { foreignKeys: names.slice(0, index).map(reference) }),
    );
    expect(drawSchema({ tables }).match(/class="line"/g)).toHaveLength((40 * 39) / 2);
  });

  it("draws a schema without tables", () => {
    expect(drawSchema({ tables: [] })).toContain("0 tables");
  });
});
