import type { ConnectionSettings } from "../database/settings";
import { describeAddress } from "../database/address";
import type { Route } from "../database/transports/route";
import type { Finding } from "./finding";
import { checkLogin, checkName, checkRoute, checkSession } from "./network-steps";
import { RIGHTS, readStanding } from "./rights-steps";
import { checkTls } from "./tls-step";

/** One thing that was looked at. */
export interface PreflightStep extends Finding {
  name: string;
  ok: boolean;
  milliseconds: number;
}

/** What was looked at, in order, up to the first failure that the rest depends on. */
export interface PreflightResult {
  /** The server as the settings name it. */
  address: string;
  /** Whether the migrator can do its work. */
  ok: boolean;
  steps: PreflightStep[];
}

/**
 * Tells within 30 s what keeps the migrator from its work, step by step: name, route, TLS, login,
 * rights. Writes nothing, and throws for nothing that it finds.
 */
export async function preflight(settings: ConnectionSettings): Promise<PreflightResult> {
  const steps: PreflightStep[] = [];
  /** Looks at one thing; undefined when what it found stands in the way of the next. */
  const look = async <Result extends Finding>(
    name: string,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> => {
    const started = performance.now();
    const result = await work();
    const milliseconds = Math.round(performance.now() - started);
    const { detail, remedy } = result;
    const ok = remedy === undefined;
    steps.push({ name, ok, detail, ...(ok ? {} : { remedy }), milliseconds });
    return ok ? result : undefined;
  };

  if (await look("name", () => checkName(settings))) {
    const reached = await look("route", () => checkRoute(settings));
    try {
      if (reached?.route) await lookAtServer(settings, reached.route, look);
    } finally {
      reached?.route?.release();
    }
  }
  return { address: describeAddress(settings), ok: steps.every(({ ok }) => ok), steps };
}

async function lookAtServer(
  settings: ConnectionSettings,
  route: Route,
  look: <Result extends Finding>(
    name: string,
    work: () => Promise<Result>,
  ) => Promise<Result | undefined>,
): Promise<void> {
  if (!(await look("TLS", () => checkTls(settings, route)))) return;
  const { client } = (await look("login", () => checkLogin(settings, route))) ?? {};
  if (!client) return;
  try {
    const isOwn = await look("session", () => checkSession(settings, route, client));
    if (!isOwn) return;
    const standing = await readStanding(client);
    // None of them depends on another: all are told at once.
    for (const [name, judge] of Object.entries(RIGHTS))
      await look(name, async () => judge(standing));
  } finally {
    await client.end();
  }
}

/** The result as lines of text: a step a line, and what to do under each that failed. */
export function renderPreflight({ address, ok, steps }: PreflightResult): string {
  const width = Math.max(...steps.map(({ name }) => name.length));
  const lines = steps.flatMap(({ name, ok: passed, detail, remedy, milliseconds }) => {
    const line = `${passed ? "ok  " : "FAIL"} ${name.padEnd(width)}  ${detail} (${milliseconds} ms)`;
    return remedy === undefined ? [line] : [line, `${" ".repeat(width + 7)}${remedy}`];
  });
  const verdict = ok ? "The migrator can work." : "The migrator cannot work.";
  return [`Preflight of ${address}`, ...lines, verdict].join("\n");
}
