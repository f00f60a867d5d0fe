import { join } from "node:path";
import { type Opinion, judgeFiles } from "../policy/corpus-ground";
import { migrationFoldersIn, readMigrationFolder } from "../policy/migration-folders";
import { superuser } from "../trial/trial-server";

const REPORTED = join(__dirname, "../policy/reported");

const judge = (folder: string): Promise<Opinion> =>
  judgeFiles(superuser(), readMigrationFolder(join(REPORTED, folder)));

const tell = ({ refusals }: Opinion) => refusals.map(({ code, message }) => `${code} ${message}`);

describe("reported inputs", () => {
  it.each(migrationFoldersIn(join(REPORTED, "safe")))("are accepted: %s", async (folder) => {
    expect(tell(await judge(join("safe", folder)))).toEqual([]);
  });

  it.each(migrationFoldersIn(join(REPORTED, "unsafe")))("are refused: %s", async (folder) => {
    expect(tell(await judge(join("unsafe", folder)))).not.toEqual([]);
  });
});

describe("what a refusal says", () => {
  it.each(["mutual", "three-tables"])("names the cycle of policies: %s", async (name) => {
    const { refusals } = await judge(`unsafe/21-policy-recursion/${name}`);
    const tables = {
      mutual: ["projects", "project_members"],
      "three-tables": ["shops", "shelves", "boxes"],
    }[name];
    const recursion = refusals.find(({ message }) => /recurs/i.test(message));
    for (const table of tables ?? []) expect(recursion?.message).toContain(table);
  });

  it("names each role that default privileges and grants open", async () => {
    const { refusals } = await judge("unsafe/31-default-privileges/hosted");
    const told = (isMeant: (refusal: Opinion["refusals"][number]) => boolean) =>
      refusals
        .filter(isMeant)
        .map(({ message }) => message)
        .join("\n");
    for (const role of ["anon", "authenticated", "service_role"]) {
      expect(told(({ code }) => code === "POL125")).toContain(role);
      expect(told(({ object }) => object === "public.users")).toContain(role);
    }
  });

  it("calls a function by one name in rules and trial", async () => {
    const { findings } = await judge("unsafe/23-rbac-authorize/claim");
    const named = findings.filter(({ object }) => object.includes("authorize"));
    expect(named).not.toEqual([]);
    expect([...new Set(named.map(({ object }) => object))]).toEqual([
      "function public.authorize(wanted public.app_permission)",
    ]);
  });

  it("calls functions as PostgreSQL does, whatever they were written as", async () => {
    const { refusals } = await judge("unsafe/47-object-names/files");
    const names = [
      "public.f_int(a integer)",
      "public.f_varchar(a character varying, b character)",
      "public.f_array(a uuid[], VARIADIC b text[])",
      "public.f_out(a text, OUT b bigint)",
      "public.f_default(a numeric, b boolean)",
      "public.f_slug(a public.slug)",
      'public."f Quoted"("Große" text)',
      "public.f_noname(uuid, double precision)",
      "public.f_float(a double precision, b real, c smallint, d boolean)",
    ];
    for (const name of names) {
      const isNamed = refusals.some(({ object }) => object.endsWith(name));
      expect({ name, isNamed }).toEqual({ name, isNamed: true });
    }
  });

  it("does not speak of the functions of an extension", async () => {
    const { findings } = await judge("unsafe/33-extensions/citext-public");
    expect(findings.filter(({ object }) => object.includes("citext,"))).toEqual([]);
  });

  it.each([
    ["42-begin-commit/files", 1, /begin/i],
    ["42-begin-commit/commit-alone", 3, /commit/i],
    ["44-unqualified-names/files", 1, /public\.notes/],
    ["44-unqualified-names/existing-table", 1, /public\.sessions/],
  ])("gives the line of what `up` refuses: %s", async (folder, line, words) => {
    const { refusals } = await judge(`unsafe/${folder}`);
    expect(refusals.some((one) => one.line === line && words.test(one.message))).toBe(true);
  });
});
