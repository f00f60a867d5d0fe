import { spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PROJECT = path.resolve(__dirname, "../..");
const COMPILER = path.join(PROJECT, "node_modules/typescript-7/bin/tsc");

/** What an example may name without saying where it is from. */
const KNOWN = `
import type * as client from "@app-data/client";
import type * as pinoModule from "pino";
declare global {
  const data: client.AppData;
  const userId: string;
  /** Of an export. */
  const id: string;
  const connect: typeof client.connect;
  const runJob: typeof client.runJob;
  const shipFigures: typeof client.shipFigures;
  const openAiValidator: typeof client.openAiValidator;
  const anthropicValidator: typeof client.anthropicValidator;
  const googleValidator: typeof client.googleValidator;
  const Secret: typeof client.Secret;
  const readSettings: typeof client.readSettings;
  const HttpValidator: typeof client.HttpValidator;
  const KNOWN_VALIDATORS: typeof client.KNOWN_VALIDATORS;
  const pino: typeof pinoModule.pino;
}
`;

interface Example {
  place: string;
  code: string;
}

/** The blocks after `@example` in the doc comments of the library. */
function examplesOfSources(): Example[] {
  return readdirSync(path.join(PROJECT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(?:dist|node_modules)\//.test(file))
    .flatMap((file) => {
      const text = readFileSync(path.join(PROJECT, "src", file), "utf8");
      const comments = text.match(/\/\*\*[^]*?\*\//g) ?? [];
      return comments.flatMap((comment) => {
        const [, ...examples] = comment.split(/^\s*\* @example *\n/m);
        return examples.map((example) => ({
          place: `src/${file}`,
          code: (example.split(/^\s*\* @/m)[0] ?? "")
            .replace(/\*\/$/, "")
            .replace(/^\s*\* ?/gm, "")
            .trim(),
        }));
      });
    });
}

function examplesOfDocuments(): Example[] {
  return ["docs/client.md", "src/README.md"].flatMap((place) => {
    const text = readFileSync(path.join(PROJECT, place), "utf8");
    return [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = ""]) => ({ place, code }));
  });
}

/** What the compiler has to say of examples, each of which is a module of its own. */
function complaintsOf(examples: readonly Example[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), "app-data-examples-"));
  try {
    symlinkSync(path.join(PROJECT, "node_modules"), path.join(folder, "node_modules"));
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(path.join(folder, "known.ts"), KNOWN);
    for (const [index, { place, code }] of examples.entries()) {
      const name = `${place.replace(/\W+/g, "-")}-${index}.ts`;
      writeFileSync(path.join(folder, name), `${code}\nexport {};\n`);
    }
    const compilerOptions = {
      module: "nodenext",
      moduleResolution: "nodenext",
      target: "es2022",
      lib: ["es2023"],
      types: ["node"],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const project = path.join(folder, "tsconfig.json");
    writeFileSync(project, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    return spawnSync(process.execPath, [COMPILER, "-p", project], { encoding: "utf8" }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the examples of the client library", () => {
  it("compile, in doc comments and documents", () => {
    const examples = [...examplesOfSources(), ...examplesOfDocuments()];
    expect(examples.length).toBeGreaterThan(12);
    expect(complaintsOf(examples)).toBe("");
  });

  it("would be refused with a column or a method that is not there", () => {
    const complaints = complaintsOf([
      {
        place: "column",
        code: 'await data.asUser(userId, (db) => db.selectFrom("users").select("secret").execute());',
      },
      { place: "method", code: "await data.vault.steal(userId);" },
    ]);
    expect(complaints).toMatch(/column-0\.ts[^]*secret/);
    expect(complaints).toMatch(/method-1\.ts.*steal/);
  });

  it("stand at every public function of what the library exports", () => {
    const index = readFileSync(path.join(PROJECT, "src/index.ts"), "utf8");
    const files = [...index.matchAll(/^export (?!type)[^;]*? from "\.\/(.+)\.js";/gm)]
      .map(([, file]) => `src/${file}.ts`)
      .filter((file) => !file.startsWith("src/types/"));
    const functions = [...files, "src/session/sessions.ts"].flatMap((file) => {
      const text = readFileSync(path.join(PROJECT, file), "utf8");
      const documented =
        /(\/\*\*(?:(?!\*\/)[^])*\*\/)\n(?:export (?:async )?function| {2}async) (\w+)/g;
      const isPublic = (declaration: string, name: string) =>
        !declaration.includes("function") || new RegExp(`\\b${name}\\b`).test(index);
      return [...text.matchAll(documented)]
        .filter(([all, comment = "", name = ""]) => {
          return !comment.includes("@internal") && isPublic(all.slice(comment.length), name);
        })
        .map(([, comment = "", name = ""]) => ({ name, has: comment.includes("@example") }));
    });
    expect(functions.length).toBeGreaterThan(10);
    expect(functions.filter(({ has }) => !has).map(({ name }) => name)).toEqual([]);
  });
});

describe("the example application", () => {
  it("says that nothing is known of a key whose provider fails", () => {
    const program = `
      import { createApp } from "./examples/learning/app.mjs";
      import { PEOPLE } from "./examples/learning/people.mjs";
      const data = {
        userOf: async () => Object.values(PEOPLE)[0].id,
        vault: { get: async () => ({ release() {} }) },
      };
      const check = async () => { throw new Error("503"); };
      const app = createApp(data, { validators: [{ provider: "example", check }], log() {} });
      const headers = { origin: "http://localhost" };
      const answer = await app.request("/keys/example/test", { method: "POST", headers });
      console.log(answer.status, await answer.text());`;
    const args = ["--input-type=module", "--eval", program];
    const { stdout } = spawnSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" });
    expect(stdout).toMatch(/^200 [^]*example did not say whether it takes the key/);
  });
});
