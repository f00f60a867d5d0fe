import {
  type MigrationInputs,
  type MigrationState,
  type Trio,
  migrationLifecycle,
  providers,
  rollbackTo,
} from "../../migrator/src";
import { type MigratorFixture, createFixture, projectTrios } from "./migration-fixture";

const { check, create, diff, update, read } = migrationLifecycle;

describe("what the state keeps of a migration", () => {
  let fixture: MigratorFixture;
  let inputs: MigrationInputs;
  let outs: MigrationState;

  const inputsOf = ({ version, name, forward, rollback, verify }: Trio): MigrationInputs => ({
    version,
    name,
    forwardFile: forward.file,
    forwardSql: forward.sql,
    rollbackFile: rollback.file,
    rollbackSql: rollback.sql,
    verifyFile: verify.file,
    verifySql: verify.sql,
    connection: fixture.settings,
    connectRoles: [],
    waivers: { file: "policy/waivers.json", environment: "local" },
    snapshot: "",
    restoreCommand: "",
    pendingAfter: null,
  });

  beforeEach(async () => {
    fixture = await createFixture();
    ({ inputs } = await check({}, inputsOf(projectTrios()[0])));
    ({ outs } = await create(inputs));
  });
  afterEach(() => fixture.database.drop());

  it("is its SQL once, in the inputs, where policies read it", () => {
    const [base] = projectTrios();
    expect(inputs.forwardSql).toBe(base.forward.sql);
    const kept = JSON.stringify(outs);
    expect(kept).not.toContain("create table");
    expect(kept.length).toBeLessThan(2_500);
    expect(outs).toMatchObject({ name: base.name, digests: inputs.digests });
  });

  it("is not read again while no file changes", async () => {
    const digests = { ...outs.digests, verify: { text: "as it was", content: "as it was" } };
    const again = await check({ ...inputs, digests }, { ...inputs, snapshot: "before" });
    expect(again.inputs).toEqual({ ...inputs, snapshot: "before", digests });
    const edited = { ...inputs, verifySql: `${inputs.verifySql}\n-- Said better.\n` };
    const read = await check({ ...inputs, digests }, edited);
    expect(read.inputs.digests?.verify.content).toBe(outs.digests.verify.content);
  });

  it("tells an edit from a comment, and shows what differs", async () => {
    const edited = (forwardSql: string) => check(inputs, { ...inputs, forwardSql });
    const comment = await edited(`-- Said better.\n${inputs.forwardSql}`);
    expect(comment.failures).toEqual([]);
    expect(diff(outs, comment.inputs)).toEqual({ changes: false });
    const { failures } = await edited(`${inputs.forwardSql}\nselect 1;\n`);
    expect(failures).toEqual([
      {
        property: "forwardSql",
        reason: expect.stringMatching(/^MIG008 000_existing_schema was edited .*\n\+select 1;\n/s),
      },
    ]);
  });

  it("takes over a new verify file, and undoes the migration with the SQL that the database keeps", async () => {
    const verifySql = `${inputs.verifySql}\nselect 1;\n`;
    const { inputs: news } = await check(inputs, { ...inputs, verifySql });
    expect(diff(outs, news)).toEqual({ changes: true });
    const { outs: updated } = await update(outs, news);
    expect(diff(updated, news)).toEqual({ changes: false });
    expect(await read("000_existing_schema", updated)).toEqual({
      id: "000_existing_schema",
      props: updated,
    });
    await rollbackTo(fixture.settings, undefined);
    expect(await read("000_existing_schema", updated)).toEqual({});
  });

  it("fails without a stack trace, which Pulumi would print beside the error", async () => {
    const connection = { ...fixture.settings, port: 1 };
    const failure = await providers.Migration.read("", { ...outs, connection }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ message: expect.stringMatching(/^MIG003 Could not connect/) });
    const { stack } = failure as Error;
    expect(`${String(failure)}: ${stack}`).toBe("MIG003: see the error of the resource");
  });
});
