import { type Contract, type SqlFile, defaultContract } from "@app-data/rules";
import {
  type ThrowawayServer,
  serverVersion,
  withThrowawayServer,
} from "../server/throwaway-server";
import type { Verdict } from "./verdict";
import { keepVerdict, readVerdict, verdictKey } from "./verdict-cache";

/** How migrations are judged. */
export interface JudgeOptions {
  /** @default that of this project */
  contract?: Contract;
  /**
   * Migrations that these ones stand on. They are applied first, where without them PostgreSQL misses
   * something that these ones name, or there is no table to judge. @default none
   */
  base?: readonly SqlFile[];
  /** SQL files with rows that the attacker cannot make up. @default none */
  seeds?: readonly SqlFile[];
  /** Whether the attacker tries what the policies let through. @default true */
  withTrial?: boolean;
  /** Whether a verdict that is kept of the same files is ignored. @default false */
  fresh?: boolean;
  /** @default one that is started for it, or the one that the environment names */
  server?: ThrowawayServer;
  /** Is given a line when the next part begins. */
  report?: (line: string) => void;
}

/**
 * Judges migrations: applies them in order to a throw-away database as `up` does, judges what they made
 * by every rule, and has the attacker try what the policies let through. The verdict is kept, so that the
 * same files are not judged again on the same day.
 * @param files forward files, in order.
 * @throws NoServerError POL004 where there is no PostgreSQL.
 */
export async function judgeMigrations(
  files: readonly SqlFile[],
  {
    contract = defaultContract,
    base = [],
    seeds = [],
    withTrial = true,
    fresh = false,
    server,
    report = () => undefined,
  }: JudgeOptions = {},
): Promise<Verdict> {
  const version = await serverVersion(server);
  // What migrations make may depend on the date.
  const day = new Date().toISOString().slice(0, 10);
  const key = verdictKey({ files, base, seeds, contract, withTrial, version, day });
  const known = fresh ? undefined : readVerdict(key);
  if (known) {
    report("These files were judged before, by the same rules.");
    return known;
  }
  const judge = async (place: ThrowawayServer) => {
    const { judgeAnew } = await loading;
    return judgeAnew(files, { contract, base, seeds, withTrial, server: place, report });
  };
  // Loaded only when it is needed, and while the server is being started: PostgreSQL's parser is large.
  const loading = import("./judge-anew");
  const verdict = await (server ? judge(server) : withThrowawayServer(judge));
  // What was refused is found again at once, and may have been a matter of the moment.
  if (verdict.refusedFiles === 0) {
    try {
      keepVerdict(key, verdict);
    } catch (error) {
      report(`The verdict is not kept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return verdict;
}
