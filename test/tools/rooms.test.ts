import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ESLint, Linter } from "eslint";
import { rooms } from "../../tools/lint/rooms.mjs";

describe("the rule rooms/one-way", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-rooms-"));
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const lint = (files: Record<string, string>, checked: string) => {
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(directory, "src", name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const linter = new Linter({ cwd: directory });
    const file = path.join(directory, "src", checked);
    return linter
      .verify(
        files[checked] ?? "",
        {
          files: ["**/*.ts"],
          plugins: { rooms: rooms as unknown as ESLint.Plugin },
          rules: { "rooms/one-way": ["error", { src: ["model", "rules"] }] },
        },
        file,
      )
      .map(({ message }) => message);
  };

  it("lets rooms import from those before them, and the front from all", () => {
    const files = {
      "model/low.ts": "export const low = 1;",
      "model/other.ts": 'export { low } from "./low";',
      "rules/high.ts": 'import { low } from "../model/low"; export const high = low;',
      "index.ts": 'export * from "./rules/high"; import fs from "node:fs";',
    };
    for (const name of Object.keys(files)) expect(lint(files, name)).toEqual([]);
  });

  it("refuses an import from a room that comes after, or is none", () => {
    const files = {
      "rules/high2.ts": "export const high = 1;",
      "model/up.ts": 'import { high } from "../rules/high2"; export const up = high;',
      "attic/old.ts": "export const old = 1;",
      "rules/odd.ts": 'import { old } from "../attic/old"; export const odd = old;',
    };
    expect(lint(files, "model/up.ts")).toEqual([
      expect.stringMatching(
        /^model imports rules, which comes after it\. The order is model, rules:/,
      ),
    ]);
    expect(lint(files, "rules/odd.ts")).toHaveLength(1);
  });

  it("refuses files that import each other, through others too", () => {
    const files = {
      "model/a.ts": 'export { b } from "./b"; export const a = 1;',
      "model/b.ts": 'import { c } from "./c"; export const b = c;',
      "model/c.ts": 'import { a } from "./a"; export const c = a;',
    };
    expect(lint(files, "model/a.ts")).toEqual([
      expect.stringMatching(/^This file and model\/b\.ts, model\/c\.ts import each other\./),
    ]);
  });
});
