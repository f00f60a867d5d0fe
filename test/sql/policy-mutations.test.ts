import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { applyMigration } from "../../migrator/src";
import { type Catalog, catalogChanges, readCatalog, schemaOf } from "../../migrator/src/catalog";
import { Gate } from "../../migrator/src/judge/gate";
import { attestedSchemaPolicies } from "../../policy/src/schema-attestation";
import { type Finding, judgeSchema } from "../../rules/src";
import { type MigratorFixture, createFixture, projectTrios } from "../migrator/migration-fixture";
import { judgeStack } from "../policy/judging";
import { waiversOf } from "../policy/project-waivers";

const read = (file: string) => readFileSync(join(__dirname, "../../sql", file), "utf8");
const original = read("001_add_missing_tables.sql");

/** 001 with one of its protections taken away. */
interface Mutant {
  title: string;
  sql: string;
}

/** A mutant for each place where a pattern is found; its title tells the place. */
function mutate(what: string, pattern: RegExp, replacement: string): Mutant[] {
  return [...original.matchAll(pattern)].map((match) => {
    const line = original.slice(0, match.index).split("\n").length;
    const sql =
      original.slice(0, match.index) +
      match[0].replace(new RegExp(pattern.source, pattern.flags.replace("g", "")), replacement) +
      original.slice(match.index + match[0].length);
    return { title: `${what} in line ${line}`, sql };
  });
}

const ownerTest = "\\(\\(select auth\\.uid\\(\\)\\) = user_id\\)";
const groups: Record<string, Mutant[]> = {
  policies: [
    ...mutate("using is true", new RegExp(`using ${ownerTest}`, "g"), "using (true)"),
    ...mutate(
      "with check is true",
      new RegExp(`with check ${ownerTest}`, "g"),
      "with check (true)",
    ),
    ...mutate("for PUBLIC", /(create policy \w+_own on [\w.]+\s+for \w+) to authenticated/g, "$1"),
    ...mutate(
      "for end users",
      /(create policy \w+ on [\w.]+\s+for \w+) to (?:service_role|migrator)/g,
      "$1 to authenticated",
    ),
    ...mutate("left out", /create policy \w+_(?:own|service) on [^;]*;/g, ""),
  ],
  force: [
    ...mutate("not forced", /alter table [\w.]+ force row level security;/g, ""),
    ...mutate("not enabled", /alter table [\w.]+ enable row level security;/g, ""),
  ],
  grants: [
    ...mutate(
      "to PUBLIC",
      /(\n {0,2}on [\w.]+) to (?:authenticated|service_role);/g,
      "$1 to public;",
    ),
    ...mutate("to anon", /(\n {0,2}on [\w.]+) to (?:authenticated|service_role);/g, "$1 to anon;"),
    ...mutate(
      "everything",
      /grant\s+select(?:(?!;)[^;])*?(\n {0,2}on [\w.]+ to \w+;)/g,
      "grant all$1",
    ),
    ...mutate("execution not revoked", /revoke all on function[^;]*;/g, ""),
  ],
  search_path: mutate("not pinned", /\nset search_path = ''/g, ""),
};

const waivable = ({ rule, object }: Finding) => `${rule} of ${object}`;

describe("001 with one protection less", () => {
  let fixture: MigratorFixture;
  let client: ClientBase;
  let before: Catalog;

  beforeAll(async () => {
    fixture = await createFixture();
    await applyMigration(fixture.settings, projectTrios()[0]);
    client = await fixture.database.connect("postgres");
    await client.query("set jit = off");
    before = await catalog();
  });

  afterAll(() => fixture.database.drop());

  async function catalog(): Promise<Catalog> {
    await client.query("begin");
    const result = await readCatalog(client);
    await client.query("rollback");
    return result;
  }

  async function judge(sql: string) {
    await client.query("begin; set local role migrator");
    try {
      await client.query(sql);
      await client.query("reset role");
      const after = await readCatalog(client);
      const preview = judgeSchema(schemaOf(after), "mandatory");
      const gate = new Gate(undefined, () => undefined).judgeAfter(
        [],
        before,
        catalogChanges(before, after),
      );
      const attested = await judgeStack(
        [...attestedSchemaPolicies(waiversOf())],
        [
          {
            type: "pulumi-nodejs:dynamic/database:SchemaAttestation",
            props: { attestedAt: "2026-11-22T10:00:00Z", schema: { ...schemaOf(after) } },
          },
        ],
      );
      const mandatory = attested.filter(
        (message) => !/^attested-[a-z-]+: POL1(14|3\d) /.test(message),
      );
      return { preview, gate, attested: mandatory };
    } finally {
      await client.query("rollback");
    }
  }

  it("is refused by nobody as it is", async () => {
    expect(await judge(original)).toEqual({ preview: [], gate: [], attested: [] });
  });

  it("has as many mutants as there are protections", () => {
    const counts = Object.entries(groups).map(([name, mutants]) => [name, mutants.length]);
    expect(Object.fromEntries(counts)).toEqual({
      policies: 40,
      force: 6,
      grants: 16,
      search_path: 4,
    });
  });

  it.each(Object.values(groups).flat())(
    "is refused at preview, by the gate and by the attestation: $title",
    async ({ sql }) => {
      const { preview, gate, attested } = await judge(sql);
      expect(preview).not.toEqual([]);
      // A waiver by rule and object counts the same in all places.
      expect(gate.map(waivable).sort()).toEqual(preview.map(waivable).sort());
      expect(attested).toHaveLength(gate.length);
    },
  );

  it.each(Object.entries(groups).map(([name, [first]]) => [name, first?.sql ?? ""] as const))(
    "is not committed by the migrator: %s",
    async (_name, sql) => {
      const [, trio] = projectTrios();
      const mutant = {
        ...trio,
        forward: { ...trio.forward, sql },
        verify: { ...trio.verify, sql: "select;" },
      };
      await expect(applyMigration(fixture.settings, mutant)).rejects.toMatchObject({
        code: "MIG006",
      });
    },
  );
});
