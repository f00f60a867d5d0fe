import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const HOOK = path.resolve(__dirname, "../../tools/transpile.cjs");

describe("the program's TypeScript", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-transpile-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function run(source: string): string {
    const file = path.join(directory, "program.ts");
    writeFileSync(file, source);
    const args = ["--require", HOOK, "--eval", `require(${JSON.stringify(file)})`];
    return execFileSync(process.execPath, args, { encoding: "utf8" });
  }

  it("runs as it stands after an edit", () => {
    expect(run("const greeting: string = 'before'; console.log(greeting);")).toBe("before\n");
    expect(run("const greeting: string = 'after'; console.log(greeting);")).toBe("after\n");
  });

  it("leaves fields that are only declared to the base class", () => {
    const source = `
      class Base { constructor() { Object.assign(this, { id: "made" }); } }
      class Derived extends Base { declare readonly id: string }
      console.log(new Derived().id);`;
    expect(run(source)).toBe("made\n");
  });

  it("is named in stack traces by its own lines", () => {
    const source = `interface Erased {
      readonly lines: number;
    }

    function fail(value: Erased): never {
      throw new Error(String(value.lines));
    }
    try { fail({ lines: 3 }); } catch (error) { console.log((error as Error).stack); }`;
    expect(run(source)).toMatch(
      /^Error: 3\n {4}at fail \(\S+program\.ts:6:\d+\)\n.*program\.ts:8:/,
    );
  });
});
