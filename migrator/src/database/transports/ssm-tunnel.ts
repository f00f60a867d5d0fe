import { setTimeout as sleep } from "node:timers/promises";
import { awsReasonOf } from "../aws-reason";
import { reasonOf } from "../server-error";
import { CODES, MigratorError } from "../../errors";
import { answersAsPostgres } from "./server-probe";
import {
  type Plugin,
  type SessionRequest,
  type StartedSession,
  findPlugin,
  startPlugin,
  tooOld,
} from "./session-manager-plugin";
import { withSystemsManager } from "./systems-manager";
import type { TunnelSettings } from "../settings";
import { findInstance } from "./tunnel-target";

/** An open port-forward to a server. */
export interface Tunnel {
  /** Always on the loopback interface. */
  host: string;
  port: number;
  /** Is settled when the tunnel is no more, whoever ended it. */
  ended: Promise<unknown>;
  /** Ends the plugin and the session, and waits until both are gone. */
  close(): Promise<void>;
}

/** Where the tunnel goes through, and how long it may take to open. */
interface Way {
  instanceId: string;
  region: string;
  openSeconds: number;
}

/** The server at the far end, as the instance sees it. */
interface Server {
  host: string;
  port: number;
}

const DOCUMENT = "AWS-StartPortForwardingSessionToRemoteHost";
const LOOPBACK = "127.0.0.1";
const DEFAULT_OPEN_SECONDS = 20;
const PROBE_MS = 5_000;
const PROBE_PAUSE_MS = 200;
const TERMINATE_MS = 5_000;

/**
 * Opens a port-forward through an instance that Systems Manager manages, and makes sure that PostgreSQL
 * answers at its end. AWS credentials are those of the environment.
 * @throws MigratorError MIG032 without a plugin, MIG033 when AWS refuses the session, MIG034 when the
 * tunnel does not get as far as the server, MIG085 when no instance carries the target's tag.
 */
export async function openTunnel(server: Server, settings: TunnelSettings): Promise<Tunnel> {
  const { target, region, openSeconds = DEFAULT_OPEN_SECONDS } = settings;
  const deadline = Date.now() + openSeconds * 1000;
  const program = findPlugin();
  const way = { instanceId: await findInstance(target, region, openSeconds), region, openSeconds };
  const request: SessionRequest = {
    Target: way.instanceId,
    DocumentName: DOCUMENT,
    // Without a local port the plugin takes a free one, and says which: no race for it.
    Parameters: { host: [server.host], portNumber: [String(server.port)] },
  };
  const { session, endpoint } = await startSession(way, request);
  const plugin = startPlugin(program, session, request, { region, endpoint });
  // A plugin that was killed could not tell AWS, where the session would stand open for an hour.
  const terminated = plugin.ended.then(() => terminateSession(way, session));
  const close = () => {
    plugin.end();
    return terminated;
  };
  try {
    const port = await reachServer(plugin, server, way, deadline);
    plugin.unref();
    return { host: LOOPBACK, port, ended: plugin.ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startSession(
  { region, instanceId, openSeconds }: Way,
  request: SessionRequest,
): Promise<{ session: StartedSession; endpoint: string }> {
  const { StartSessionCommand } = await import("@aws-sdk/client-ssm");
  return withSystemsManager(region, async (client) => {
    const answer = await client
      .send(new StartSessionCommand(request), {
        abortSignal: AbortSignal.timeout(openSeconds * 1000),
      })
      .catch((cause: unknown) => {
        throw sessionRefused(cause, instanceId, region);
      });
    const { SessionId = "", StreamUrl = "", TokenValue = "" } = answer;
    const { url } = client.config.endpointProvider({ Region: region });
    return { session: { SessionId, StreamUrl, TokenValue }, endpoint: url.origin };
  });
}

/** Waits until the plugin listens and PostgreSQL answers through it. @returns the local port. */
async function reachServer(
  plugin: Plugin,
  server: Server,
  way: Way,
  deadline: number,
): Promise<number> {
  const { instanceId, openSeconds } = way;
  const failed = plugin.ended.then((words) => {
    throw tooOld(words) ?? tunnelFailed(way, `its plugin ended: ${words}`);
  });
  const late = sleep(Math.max(0, deadline - Date.now()), undefined, { ref: false });
  const port = await Promise.race([plugin.listening, failed, late]);
  if (port === undefined) {
    throw tunnelFailed(way, `its plugin did not listen within ${openSeconds} s`);
  }
  for (;;) {
    try {
      const address = { host: LOOPBACK, port };
      await Promise.race([answersAsPostgres(address, PROBE_MS), failed]);
      return port;
    } catch (cause) {
      if (cause instanceof MigratorError) throw cause;
      if (Date.now() + PROBE_PAUSE_MS > deadline) {
        throw tunnelFailed(
          way,
          `it is open, and ${server.host}:${server.port} does not answer at its end (${reasonOf(cause)}); ` +
            `the instance's and the database's security groups must let ${instanceId} through`,
          cause,
        );
      }
      await sleep(PROBE_PAUSE_MS);
    }
  }
}

/** Tells AWS that the session is over, which it may know; a failure changes nothing for the caller. */
async function terminateSession({ region }: Way, { SessionId }: StartedSession): Promise<void> {
  const { TerminateSessionCommand } = await import("@aws-sdk/client-ssm");
  const options = { abortSignal: AbortSignal.timeout(TERMINATE_MS) };
  await withSystemsManager(region, (client) =>
    client.send(new TerminateSessionCommand({ SessionId }), options).catch(() => undefined),
  );
}

function sessionRefused(cause: unknown, instanceId: string, region: string): MigratorError {
  return new MigratorError(
    CODES.noSession,
    `AWS did not start a session on ${instanceId} in ${region} (${awsReasonOf(cause)}). The instance must run an ` +
      "SSM agent of version 3.1.1374.0 or newer that is online (aws ssm describe-instance-information), and the AWS " +
      `credentials in use need ssm:StartSession on it and on the document ${DOCUMENT}.`,
    { cause },
  );
}

function tunnelFailed({ instanceId, region }: Way, what: string, cause?: unknown): MigratorError {
  return new MigratorError(
    CODES.tunnelUnreachable,
    `The tunnel through ${instanceId} in ${region} did not open: ${what}.`,
    { cause },
  );
}
