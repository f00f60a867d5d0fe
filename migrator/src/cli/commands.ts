import type { Answer } from "./answer";
import { withConnection } from "../database/connection";
import type { ConnectionSettings } from "../database/settings";
import { CODES, MigratorError } from "../errors";
import { compareHistory, isPresent, readHistory } from "../log/history";
import {
  type LogEntry,
  logExists,
  readLastFailure,
  readLog,
  readRecords,
  readStoredSql,
} from "../log/log";
import type { Session } from "../run/session";
import { inReadOnlyTransaction } from "../database/transaction";
import { type Trio, readTrios } from "../files/trio";
import { isWanted } from "../files/version";
import {
  type Arguments,
  UsageError,
  type Values,
  bothOf,
  readForward,
  readPlanHash,
  readSettings,
  readVersion,
  readWaived,
  whole,
} from "./arguments";
import { abortAtSignal } from "./interruption";
import { describeError } from "./describe-error";
import { renderFailure, renderStatusRow, statusRows } from "./status";
import type { CommandName } from "./usage";

/** A command of the command line. */
export type Command = (args: Arguments, report: (line: string) => void) => Promise<Answer>;

/** All commands, by name. Modules are loaded when they are needed: most runs need few. */
export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  async plan({ values }) {
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { makePlan, reachPlan, renderPlan } = await import("../plan");
    const pending = trios.filter(({ version }) => isWanted(version, target));
    const plan = values.files
      ? await makePlan(undefined, { pending, history: undefined })
      : await reachPlan(readSettings(values), trios, { target });
    const isDue = plan.migrations.length + plan.rollbacks.length > 0;
    return {
      text: renderPlan(plan, { full: values.full }),
      data: plan,
      exitCode: values.check && isDue ? 1 : 0,
    };
  },

  async up({ values }, report) {
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { applyPending } = await import("../run/apply-pending");
    const expected = values.plan === undefined ? undefined : readPlanHash(values.plan);
    const entries = await applyPending(readSettings(values), trios, {
      ...sessionOptions(values, report),
      target,
      reportDrift: values["report-drift"],
      connectRoles: values["connect-role"],
      ...(expected !== undefined && {
        beforeChange: async (session: Session) => {
          const { refuseChangedPlan } = await import("../plan");
          await refuseChangedPlan(session.client, trios, expected, { target });
          return undefined;
        },
      }),
    });
    const lines = entries.map(({ name, durationMs }) => `${name}  applied in ${durationMs} ms`);
    return { text: lines.join("\n") || "Nothing to do.", data: { applied: entries.map(brief) } };
  },

  async rollback({ values }, report) {
    const settings = readSettings(values);
    if (values.all && values.to !== undefined) throw bothOf("--to", "--all");
    const { rollbackTo } = await import("../run/rollback");
    const to = values.all ? "none" : (values.to ?? (await beforeNewest(settings)));
    const target = to === "none" ? undefined : readVersion(to, "--to");
    const undone = await rollbackTo(settings, target, {
      ...sessionOptions(values, report),
      allowDataLoss: values["allow-data-loss"],
    });
    const lines = undone.map((name) => `${name}  rolled back`);
    return { text: lines.join("\n") || "Nothing to undo.", data: { rolledBack: undone } };
  },

  async redo({ values, operands: [operand] }, report) {
    refuseShared("redo", values);
    const trios = readTrios(values.directory);
    const version = operand === undefined ? undefined : readVersion(operand, "The migration");
    const { redo } = await import("../run/redo");
    const { renderRedone } = await import("./redo");
    const redone = await redo(readSettings(values), trios, {
      ...sessionOptions(values, report),
      connectRoles: values["connect-role"],
      allowDataLoss: values["allow-data-loss"],
      version: version && trioOf(trios, version).version,
    });
    const { rolledBack, applied } = redone;
    return { text: renderRedone(redone), data: { rolledBack, applied: applied.map(brief) } };
  },

  async watch({ values }, report) {
    refuseShared("watch", values);
    const settings = readSettings(values);
    const { redoAtEachSave } = await import("./redo");
    const options = {
      ...sessionOptions(values, report),
      connectRoles: values["connect-role"],
      allowDataLoss: values["allow-data-loss"],
    };
    report(`Watching ${values.directory}. Ctrl-C ends it.`);
    await redoAtEachSave(settings, values.directory, options, {
      done: (text) => console.log(text),
      failed: (error) => report(describeError(error, values["show-values"])),
    });
    return { text: "", data: {} };
  },

  async log({ values, operands: [operand] }) {
    const version = operand === undefined ? undefined : readVersion(operand, "The migration");
    const records = await withConnection(readSettings(values), (client) =>
      inReadOnlyTransaction(client, () => readRecords(client, version)),
    );
    const { historyRows, renderHistory } = await import("./log");
    const rows = await historyRows(records);
    return {
      text: renderHistory(rows) || "Nothing is recorded.",
      data: { history: rows },
    };
  },

  async verify({ values }) {
    const trios = readTrios(values.directory);
    const { runVerify } = await import("../run/change");
    const passed = await withConnection(readSettings(values), (client) =>
      inReadOnlyTransaction(client, async () => {
        await client.query("set local search_path = ''");
        const log = await readLog(client);
        await compareHistory(client, log, trios);
        const applied = trios.filter(({ version }) =>
          log.some((entry) => entry.version === version && entry.applied),
        );
        for (const { verify } of applied) await runVerify({ client }, verify);
        return applied.map(({ name }) => name);
      }),
    );
    return {
      text: passed.map((name) => `${name}  verified`).join("\n") || "Nothing is applied.",
      data: { verified: passed },
    };
  },

  async status({ values, operands: [version] }) {
    const settings = readSettings(values);
    if (version !== undefined && !values.sql) {
      throw new UsageError(`status lists all migrations; --sql prints the SQL of ${version}.`);
    }
    if (values.sql) {
      if (version === undefined)
        throw new UsageError("--sql needs the migration: status 001 --sql.");
      const wanted = readVersion(version, "The migration");
      const stored = await withConnection(settings, (client) =>
        inReadOnlyTransaction(client, async () =>
          (await logExists(client)) ? readStoredSql(client, wanted) : undefined,
        ),
      );
      if (!stored) throw nothingStored(wanted);
      return { text: stored.forward, data: stored };
    }
    const trios = readTrios(values.directory);
    const { log, failure } = await withConnection(settings, (client) =>
      inReadOnlyTransaction(client, async () => ({
        log: await readLog(client),
        failure: await readLastFailure(client),
      })),
    );
    const rows = await statusRows(trios, log);
    const lines = rows.map(renderStatusRow);
    if (failure) lines.push(renderFailure(failure));
    return {
      text: lines.join("\n") || "There are no migrations.",
      data: { migrations: rows, lastFailure: failure && brief(failure) },
    };
  },

  async drift({ values }) {
    const { findDrift } = await import("../judge/drift");
    const settings = readSettings(values);
    const drifts = await findDrift(settings);
    const lines = drifts.map(
      ({ classification, what, remedy }) =>
        `${classification.padEnd(9)}  ${what}\n           ${remedy}`,
    );
    // Without a log everything is as nobody made it.
    const recorded = drifts.length > 0 || (await readHistory(settings)).length > 0;
    if (!recorded)
      lines.push("No migration is recorded here, so nothing is expected of the catalog.");
    return {
      text: lines.join("\n") || "The catalog is as the migrations made it.",
      data: { drift: drifts, recorded },
      exitCode: drifts.length === 0 ? 0 : 1,
    };
  },

  async attest({ values }) {
    const { attest } = await import("../judge/attest");
    const settings = readSettings(values);
    const attestation = await attest(settings);
    const { schema, digest, serverVersion } = attestation;
    const { quoteName } = await import("@app-data/rules");
    const { readRelationFacts } = await import("../plan/relation-facts");
    const facts = await withConnection(settings, (client) =>
      inReadOnlyTransaction(client, () => readRelationFacts(client, schema.tables.map(quoteName))),
    );
    const rows = Object.fromEntries([...facts].map(([table, { rows }]) => [table, rows]));
    const tables = schema.tables.map(
      ({ schema: of, name, rowSecurity, forced, policies }) =>
        `${of}.${name}`.padEnd(40) +
        `  row security ${rowSecurity ? "on" : "OFF"}, ${forced ? "forced" : "NOT forced"}, ${policies?.length ?? 0} policies`,
    );
    return {
      text: [`PostgreSQL ${serverVersion}, catalog ${digest}`, ...tables].join("\n"),
      data: { ...attestation, rows },
    };
  },

  async preflight({ values }) {
    const { preflight, renderPreflight } = await import("../preflight");
    const result = await preflight(readSettings(values));
    return { text: renderPreflight(result), data: result, exitCode: result.ok ? 0 : 1 };
  },

  async tunnel({ values, operands }, report) {
    const { holdTunnel } = await import("./tunnel");
    return holdTunnel(readForward(values), operands, report);
  },

  async new({ values, operands: [name] }) {
    const { writeTrio } = await import("../files/new-trio");
    if (name === undefined) throw new UsageError("new needs a NAME: migrator new add_notes.");
    const files = writeTrio(values.directory, name);
    return { text: files.join("\n"), data: { files } };
  },

  async baseline({ values }, report) {
    if (values["from-database"]) {
      const { writeBaseline } = await import("../adopt/baseline");
      const written = await writeBaseline(readSettings(values), values.directory);
      return { text: [...written.files, ...listOf(written.notMade)].join("\n"), data: written };
    }
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { baseline } = await import("../run/repair");
    const adopted = trios.filter(({ version }) => isWanted(version, target));
    const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
    const entries = await baseline(readSettings(values), adopted, options);
    return {
      text: entries.map(({ name }) => `${name}  adopted`).join("\n") || "All are recorded already.",
      data: { adopted: entries.map(brief) },
    };
  },

  async import({ values, operands: [name, from] }) {
    const { TOOLS } = await import("../adopt/import-sources");
    const tool = TOOLS.find((each) => each === name);
    if (tool === undefined || from === undefined)
      throw new UsageError(`import needs a tool, ${TOOLS.join(", ")}, and its folder.`);
    const { importMigrations } = await import("../adopt/import");
    const imported = await importMigrations(readSettings(values), tool, from, values.directory);
    return { text: [...imported.files, ...listOf(imported.notMade)].join("\n"), data: imported };
  },

  async squash({ values, operands: [operand = ""] }, report) {
    const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(operand) ?? [];
    if (from === undefined || to === undefined)
      throw new UsageError("squash needs the first and the last migration: squash 002..005.");
    const range = { from: readVersion(from, "FROM"), to: readVersion(to, "TO") };
    const { squash } = await import("../adopt/squash");
    const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
    const squashed = await squash(
      readSettings(values),
      readTrios(values.directory),
      range,
      options,
    );
    return { text: `In place of ${squashed.join(", ")}`, data: { squashed } };
  },

  async repair({ values, operands: [operand] }, report) {
    const { acceptDrift, repair } = await import("../run/repair");
    if (values["accept-drift"]) {
      const others = values["accept-file"] || values["mark-rolled-back"];
      if (operand !== undefined || others) throw new UsageError(REPAIR_FORMS);
      const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
      const accepted = await acceptDrift(readSettings(values), options);
      const lines = accepted.map((what) => `accepted  ${what}`);
      return { text: lines.join("\n"), data: { accepted } };
    }
    const accept = values["accept-file"];
    if (operand === undefined || accept === values["mark-rolled-back"]) {
      throw new UsageError(REPAIR_FORMS);
    }
    const version = readVersion(operand, "The migration");
    const correction = accept
      ? { kind: "accept-file" as const, trio: trioOf(readTrios(values.directory), version) }
      : { kind: "mark-rolled-back" as const, version };
    const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
    const entry = await repair(readSettings(values), correction, options);
    return { text: `${entry.name}  log corrected`, data: { repaired: brief(entry) } };
  },
};

function listOf(notMade: readonly string[]): string[] {
  return notMade.length === 0 ? [] : ["To be looked at:", ...notMade.map((each) => `  ${each}`)];
}

const REPAIR_FORMS =
  "repair needs one of: 001 --accept-file, 001 --mark-rolled-back, --accept-drift.";

function nothingStored(version: string): MigratorError {
  return new MigratorError(
    CODES.nothingToRepair,
    `The log holds no SQL of migration ${version}: it was never applied to this database. ` +
      "`npx migrator status` shows what was.",
  );
}

function sessionOptions(values: Values, report: (line: string) => void) {
  const wait = values["lock-wait"];
  const timeout = values["lock-timeout"];
  return {
    report,
    signal: abortAtSignal(report),
    waivers: readWaived(values),
    ...(wait !== undefined && { lock: { waitMs: whole(wait, "--lock-wait") * 1_000 } }),
    ...(timeout !== undefined && {
      transaction: { lockTimeoutMs: whole(timeout, "--lock-timeout") },
    }),
  };
}

function targetOf({ target }: Values, trios: readonly Trio[]): string | undefined {
  if (target === undefined) return undefined;
  return trioOf(trios, readVersion(target, "--target")).version;
}

/** What undoes migrations at a stroke is for databases that nobody shares. */
function refuseShared(command: string, { environment }: Values): void {
  if (environment === "staging" || environment === "prod") {
    throw new UsageError(
      `"${command}" is for local and dev; in ${environment}, write a new migration.`,
    );
  }
}

function trioOf(trios: readonly Trio[], version: string): Trio {
  const trio = trios.find((each) => each.version === version);
  if (trio) return trio;
  throw new UsageError(
    `There is no migration ${version}; there are ${trios.map((each) => each.version).join(", ")}.`,
  );
}

function reasonOf({ reason }: Values): string {
  if (reason) return reason;
  throw new UsageError('--reason is required: it is kept in the log. Write --reason "why".');
}

/** What is to stay when nothing was said: all but the newest. */
async function beforeNewest(settings: ConnectionSettings): Promise<string> {
  const log = await withConnection(settings, (client) =>
    inReadOnlyTransaction(client, () => readLog(client)),
  );
  return log.filter(isPresent).at(-2)?.version ?? "none";
}

function brief({
  version,
  name,
  event,
  recordedAt,
  durationMs,
  ...entry
}: Pick<LogEntry, "version" | "name" | "event" | "recordedAt" | "durationMs"> &
  Partial<LogEntry & { note: string | null }>) {
  const { catalogDigest, snapshot, note } = entry;
  return { version, name, event, recordedAt, durationMs, catalogDigest, snapshot, note };
}
