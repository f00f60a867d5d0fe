import { withConnection } from "../connection";
import { compareHistory, isPresent } from "../history";
import { type LogEntry, isHalfDone, readLog, readStoredSql } from "../log";
import type { Session } from "../session";
import { inReadOnlyTransaction } from "../transaction";
import { type Trio, inspectTrio, readTrios } from "../trio";
import { compareVersions, isWanted } from "../version";
import {
  type Arguments,
  UsageError,
  type Values,
  readForward,
  readSettings,
  readVersion,
  readWaived,
  whole,
} from "./arguments";

/** What a command has to say. */
export interface Answer {
  /** For people; "" when all is said. */
  text: string;
  /** The same for machines. */
  data: unknown;
  /** @default 0 */
  exitCode?: number;
}

/** A command of the command line. */
export type Command = (args: Arguments, report: (line: string) => void) => Promise<Answer>;

/** All commands, by name. Modules are loaded when they are needed: most runs need few. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  async plan({ values }) {
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { makePlan, reachPlan, renderPlan } = await import("../plan");
    const pending = trios.filter(({ version }) => isWanted(version, target));
    const plan = values.files
      ? await makePlan(undefined, { pending, history: undefined })
      : await reachPlan(readSettings(values), trios, { target });
    return { text: renderPlan(plan, { full: values.full }), data: plan };
  },

  async up({ values }, report) {
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { applyPending } = await import("../apply-pending");
    const { plan: expected } = values;
    const entries = await applyPending(readSettings(values), trios, {
      ...sessionOptions(values, report),
      target,
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
    const { rollbackTo } = await import("../rollback");
    const to = values.all ? "none" : (values.to ?? (await beforeNewest(values)));
    const target = to === "none" ? undefined : readVersion(to, "--to");
    const undone = await rollbackTo(settings, target, {
      ...sessionOptions(values, report),
      allowDataLoss: values["allow-data-loss"],
    });
    const lines = undone.map((name) => `${name}  rolled back`);
    return { text: lines.join("\n") || "Nothing to undo.", data: { rolledBack: undone } };
  },

  async verify({ values }) {
    const trios = readTrios(values.directory);
    const { runVerify } = await import("../change");
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
      text: passed.map((name) => `${name}  holds`).join("\n") || "Nothing is applied.",
      data: { verified: passed },
    };
  },

  async status({ values, operands: [version] }) {
    const trios = readTrios(values.directory);
    const settings = readSettings(values);
    if (values.sql) {
      const wanted = readVersion(version ?? "", "status --sql");
      const stored = await withConnection(settings, (client) =>
        inReadOnlyTransaction(client, () => readStoredSql(client, wanted)),
      );
      if (!stored) throw new UsageError(`The log holds no SQL of migration ${wanted}.`);
      return { text: stored.forward, data: stored };
    }
    const log = await withConnection(settings, (client) =>
      inReadOnlyTransaction(client, () => readLog(client)),
    );
    const rows = await Promise.all(statusRows(trios, log));
    return {
      text: rows.map(({ name, state, at }) => `${name.padEnd(40)}  ${state}${at ?? ""}`).join("\n"),
      data: { migrations: rows },
    };
  },

  async drift({ values }) {
    const { findDrift } = await import("../drift");
    const drifts = await findDrift(readSettings(values));
    const lines = drifts.map(
      ({ classification, what, remedy }) =>
        `${classification.padEnd(9)}  ${what}\n           ${remedy}`,
    );
    return {
      text: lines.join("\n") || "The catalog is as the migrations made it.",
      data: { drift: drifts },
      exitCode: drifts.length === 0 ? 0 : 1,
    };
  },

  async attest({ values }) {
    const { attest } = await import("../attest");
    const attestation = await attest(readSettings(values));
    const { schema, digest, serverVersion } = attestation;
    const tables = schema.tables.map(
      ({ schema: of, name, rowSecurity, forced, policies }) =>
        `${of}.${name}`.padEnd(40) +
        `  row security ${rowSecurity ? "on" : "OFF"}, ${forced ? "forced" : "NOT forced"}, ${policies?.length ?? 0} policies`,
    );
    return {
      text: [`PostgreSQL ${serverVersion}, catalog ${digest}`, ...tables].join("\n"),
      data: attestation,
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
    const { writeTrio } = await import("../new-trio");
    if (name === undefined) throw new UsageError("new needs a NAME: migrator new add_notes.");
    const files = writeTrio(values.directory, name);
    return { text: files.join("\n"), data: { files } };
  },

  async baseline({ values }, report) {
    const trios = readTrios(values.directory);
    const target = targetOf(values, trios);
    const { baseline } = await import("../repair");
    const adopted = trios.filter(({ version }) => isWanted(version, target));
    const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
    const entries = await baseline(readSettings(values), adopted, options);
    return {
      text: entries.map(({ name }) => `${name}  adopted`).join("\n") || "All are recorded already.",
      data: { adopted: entries.map(brief) },
    };
  },

  async repair({ values, operands: [operand] }, report) {
    const { acceptDrift, repair } = await import("../repair");
    if (values["accept-drift"]) {
      const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
      const accepted = await acceptDrift(readSettings(values), options);
      const lines = accepted.map((what) => `accepted  ${what}`);
      return { text: lines.join("\n"), data: { accepted } };
    }
    const version = readVersion(operand ?? "", "repair");
    const accept = values["accept-file"];
    if (accept === values["mark-rolled-back"]) {
      throw new UsageError("repair needs either --accept-file or --mark-rolled-back.");
    }
    const correction = accept
      ? { kind: "accept-file" as const, trio: trioOf(readTrios(values.directory), version) }
      : { kind: "mark-rolled-back" as const, version };
    const options = { ...sessionOptions(values, report), reason: reasonOf(values) };
    const entry = await repair(readSettings(values), correction, options);
    return { text: `${entry.name}  log corrected`, data: { repaired: brief(entry) } };
  },
};

function sessionOptions(values: Values, report: (line: string) => void) {
  const wait = values["lock-wait"];
  const timeout = values["lock-timeout"];
  return {
    report,
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
async function beforeNewest(values: Values): Promise<string> {
  const log = await withConnection(readSettings(values), (client) =>
    inReadOnlyTransaction(client, () => readLog(client)),
  );
  return log.filter(isPresent).at(-2)?.version ?? "none";
}

function statusRows(trios: readonly Trio[], log: readonly LogEntry[]) {
  const files = new Map(trios.map((trio) => [trio.version, trio]));
  const versions = [...new Set([...files.keys(), ...log.map(({ version }) => version)])];
  versions.sort(compareVersions);
  return versions.map(async (version) => {
    const trio = files.get(version);
    const entry = log.find((each) => each.version === version);
    const name = trio?.name ?? entry?.name ?? version;
    if (entry && isHalfDone(entry)) return { version, name, state: "half done" };
    if (!entry?.applied) return { version, name, state: "pending" };
    const at = ` ${entry.recordedAt} in ${entry.durationMs} ms`;
    if (!trio) return { version, name, state: "applied, file missing", at };
    const edited = (await inspectTrio(trio)).forward.content !== entry.digests.forward.content;
    return { version, name, state: edited ? "applied, file EDITED" : "applied", at };
  });
}

function brief({
  version,
  name,
  event,
  recordedAt,
  durationMs,
  catalogDigest,
  snapshot,
}: LogEntry) {
  return { version, name, event, recordedAt, durationMs, catalogDigest, snapshot };
}
