import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type ClientDatabase, createClientDatabase } from "./client-fixture";

const PROJECT = path.resolve(__dirname, "../..");
const COMPILER = path.join(PROJECT, "node_modules/typescript-7/bin/tsc");
const run = promisify(execFile);

/** An entry of a lockfile. */
interface Locked {
  version: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  dev?: boolean;
}

let folder: string;
let database: ClientDatabase;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "app-data-pack-"));
  database = await createClientDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

/**
 * The lockfile of a project that has the library alone: its dependencies as this project's lockfile has
 * them, so that npm takes what it has downloaded for this project already.
 */
function lockfileFor(tarball: string): object {
  const { packages } = JSON.parse(
    readFileSync(path.join(PROJECT, "package-lock.json"), "utf8"),
  ) as { packages: Record<string, Locked> };
  const library = packages["src"];
  if (library === undefined) throw new Error("The lockfile has no entry src.");
  const wanted: Record<string, object> = {};
  const take = (from: string, { dependencies, optionalDependencies }: Locked) => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const folders = [...ancestors(from), ""].map((each) => `${each}node_modules/${name}`);
      const found = folders.find((each) => packages[each] !== undefined);
      const entry = found === undefined ? undefined : packages[found];
      if (found === undefined || entry === undefined || wanted[found] !== undefined) continue;
      wanted[found] = { ...entry, dev: false };
      take(found, entry);
    }
  };
  take("", library);
  const dependencies = { "@app-data/client": `file:${tarball}` };
  return {
    name: "empty",
    lockfileVersion: 3,
    requires: true,
    packages: {
      "": { name: "empty", dependencies },
      "node_modules/@app-data/client": { ...library, resolved: `file:${tarball}` },
      ...wanted,
    },
  };
}

/** The folders in which Node.js looks for a package, from the innermost. */
function ancestors(from: string): string[] {
  const parts = from.split("/node_modules/");
  return parts.map(
    (_part, index) => `${parts.slice(0, parts.length - index).join("/node_modules/")}/`,
  );
}

it("npm pack makes a package that installs into an empty project, has types and works there", async () => {
  const packed = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: path.join(PROJECT, "src"),
  });
  const [{ filename, files }] = JSON.parse(packed.stdout);
  const names: string[] = files.map((file: { path: string }) => file.path);
  expect(names).toEqual(
    expect.arrayContaining(["README.md", "bin/app-data.mjs", "dist/index.js", "dist/index.d.ts"]),
  );
  // No sources, no tests, nothing of the compiler's.
  expect(
    names.filter(
      (name) => !/^(?:dist\/.+\.(?:js|d\.ts)|bin\/.+|README\.md|package\.json)$/.test(name),
    ),
  ).toEqual([]);

  const project = path.join(folder, "empty");
  await run("mkdir", [project]);
  const tarball = path.join("..", filename);
  const dependencies = { "@app-data/client": `file:${tarball}` };
  const write = (name: string, content: string | object) =>
    writeFileSync(
      path.join(project, name),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  write("package.json", { name: "empty", type: "module", dependencies });
  write("package-lock.json", lockfileFor(tarball));
  const flags = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  await run("npm", ["ci", ...flags], { cwd: project });
  expect(readdirSync(path.join(project, "node_modules/@app-data"))).toEqual(["client"]);

  const superuser = await database.connect("postgres");
  const user = randomUUID();
  await superuser.query("insert into public.users (id, email) values ($1, 'a@example.org')", [
    user,
  ]);
  const settings = JSON.stringify(database.settings);
  const program = (type: string) => `
    import { connect } from "@app-data/client";
    const data = await connect(${settings});
    const rows${type} = await data.asUser("${user}", (db) => db.selectFrom("users").select("email").execute());
    await data.vault.put("${user}", "openai", "sk-packed");
    console.log(JSON.stringify({ rows, keys: (await data.vault.list("${user}")).length }));
    await data.close();
  `;
  write("main.mjs", program(""));
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: project });
  expect(JSON.parse(stdout)).toEqual({ rows: [{ email: "a@example.org" }], keys: 1 });

  const help = await run(path.join(project, "node_modules/.bin/app-data"), ["--help"]);
  expect(help.stdout).toMatch(/^app-data:/);

  write("main.ts", program(": { email: string }[]"));
  write("wrong.ts", program(": { email: number }[]"));
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
  const compile = (file: string) =>
    run(process.execPath, [COMPILER, ...options, "--types", "node", file], { cwd: project });
  // Were pg without types, they would be any, and anything could be assigned to them.
  write(
    "types.ts",
    'import { databaseTypes } from "@app-data/client";\nexport const wrong: number = databaseTypes;\n',
  );
  await compile("main.ts");
  await expect(compile("wrong.ts")).rejects.toMatchObject({
    stdout: expect.stringContaining("'string' is not assignable to type 'number'"),
  });
  await expect(compile("types.ts")).rejects.toMatchObject({
    stdout: expect.stringContaining("'CustomTypesConfig' is not assignable to type 'number'"),
  });
});
