import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { applyMigration } from "../../migrator/src";
import { type MigratorFixture, createFixture, trio } from "./migration-fixture";

const unforced = trio(
  "000",
  "create table public.notes (id integer); alter table public.notes enable row level security;",
);

describe("a project's own contract, at the gate", () => {
  const home = process.cwd();
  let fixture: MigratorFixture;
  let directory: string;

  beforeEach(async () => {
    fixture = await createFixture();
    directory = mkdtempSync(path.join(tmpdir(), "app-data-contract-"));
    mkdirSync(path.join(directory, "policy"));
  });
  afterEach(async () => {
    process.chdir(home);
    rmSync(directory, { recursive: true });
    await fixture.database.drop();
  });

  const inProject = (contract: object) => {
    writeFileSync(path.join(directory, "policy/contract.json"), JSON.stringify(contract));
    process.chdir(directory);
  };

  it("decides what is refused", async () => {
    await expect(applyMigration(fixture.settings, unforced)).rejects.toThrow(/^MIG006 .*POL101 /s);
    inProject({ forceRowSecurity: false });
    await applyMigration(fixture.settings, unforced);
  });

  it("that cannot be used lets nothing pass", async () => {
    inProject({ forceRowSecurity: "no" });
    await expect(applyMigration(fixture.settings, unforced)).rejects.toThrow(
      /CFG046 .*forceRowSecurity/,
    );
  });
});
