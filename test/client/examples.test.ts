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
import ts from "typescript";

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
});

/** A function or method that an application can call, with its doc comment. */
interface PublicFunction {
  name: string;
  doc: string;
}

/** Given by printing, which calls them. */
const PRINTED = ["toString", "toJSON"];
/** Nothing that they do can fail. */
const UNFAILING = [
  "AppData.close",
  "Sessions.close",
  "Secret.release",
  "openAiValidator",
  "anthropicValidator",
  "googleValidator",
];

/** The functions in a file's text, and the methods of its classes, that an application can call. */
function publicFunctionsOf(text: string, isExported: (name: string) => boolean): PublicFunction[] {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true);
  const docOf = (node: ts.Node) =>
    ts
      .getJSDocCommentsAndTags(node)
      .map((comment) => comment.getText())
      .join("\n");
  const isHidden = (member: ts.MethodDeclaration) =>
    !ts.isIdentifier(member.name) ||
    PRINTED.includes(member.name.text) ||
    member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  return source.statements
    .flatMap((statement) => {
      if (ts.isFunctionDeclaration(statement) && isExported(statement.name?.text ?? "")) {
        return [{ name: statement.name?.text ?? "", doc: docOf(statement) }];
      }
      if (!ts.isClassDeclaration(statement) || !isExported(statement.name?.text ?? "")) return [];
      return statement.members
        .filter(ts.isMethodDeclaration)
        .filter((member) => !isHidden(member))
        .map((member) => ({
          name: `${statement.name?.text}.${member.name.getText()}`,
          doc: docOf(member),
        }));
    })
    .filter(({ doc }) => !doc.includes("@internal"));
}

/** Those whose doc comment has no example, or does not say what they throw. */
function undocumented(functions: readonly PublicFunction[]): string[] {
  return functions.flatMap(({ name, doc }) => [
    ...(/@example\b/.test(doc) ? [] : [`${name} has no example`]),
    ...(/@throws\b/.test(doc) || UNFAILING.includes(name) ? [] : [`${name} says no errors`]),
  ]);
}

describe("the doc comments of the client library", () => {
  it("give an example and the errors of every public function", () => {
    const index = readFileSync(path.join(PROJECT, "src/index.ts"), "utf8");
    const files = [...index.matchAll(/^export (?!type)[^;]*? from "\.\/(.+)\.js";/gm)]
      .map(([, file]) => `src/${file}.ts`)
      .filter((file) => !file.startsWith("src/types/"));
    const isExported = (name: string) =>
      name === "Sessions" || new RegExp(`\\b${name}\\b`).test(index);
    const functions = [...files, "src/session/sessions.ts"].flatMap((file) =>
      publicFunctionsOf(readFileSync(path.join(PROJECT, file), "utf8"), isExported),
    );
    const names = functions.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["connect", "AppData.close", "Secret.reveal"]));
    expect(names).toEqual(expect.arrayContaining(UNFAILING));
    expect(undocumented(functions)).toEqual([]);
  });

  it("would be refused without them, whatever stands before a function's name", () => {
    const found = publicFunctionsOf(
      `export class Box {
        override async close(): Promise<void> {}
        static of(): Box { return new Box(); }
        /** @throws what it likes. */
        open<T>(): T {}
        /** Not for others. @internal */
        async peek() {}
        private shut() {}
      }
      class Hidden { open() {} }
      export async function wrap() {}`,
      (name) => name !== "Hidden",
    );
    expect(undocumented(found)).toEqual([
      "Box.close has no example",
      "Box.close says no errors",
      "Box.of has no example",
      "Box.of says no errors",
      "Box.open has no example",
      "wrap has no example",
      "wrap says no errors",
    ]);
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
