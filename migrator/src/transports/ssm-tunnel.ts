import { setTimeout as sleep } from "node:timers/promises";
import type { SSMClient } from "@aws-sdk/client-ssm";
import { awsReasonOf } from "../aws-reason";
import { reasonOf } from "../connection";
import { MigratorError } from "../errors";
import { answersAsPostgres } from "./server-probe";
import {
  type Plugin,
  type SessionRequest,
  type StartedSession,
  findPlugin,
  startPlugin,
  tooOld,
} from "./session-manager-plugin";
import type { TunnelSettings } from "./transport";

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
const ATTEMPTS = 2;

/**
 * Opens a port-forward through an instance that Systems Manager manages, and makes sure that PostgreSQL
 * answers at its end. AWS credentials are those of the environment.
 * @throws MigratorError MIG032 without a plugin, MIG033 when AWS refuses the session, MIG034 when the
 * tunnel does not get as far as the server.
 */
export async function openTunnel(server: Server, settings: TunnelSettings): Promise<Tunnel> {
  const { openSeconds = DEFAULT_OPEN_SECONDS } = settings;
  const deadline = Date.now() + openSeconds * 1000;
  const program = findPlugin();
  const request: SessionRequest = {
    Target: settings.instanceId,
    DocumentName: DOCUMENT,
    // Without a local port the plugin takes a free one, and says which: no race for it.
    Parameters: { host: [server.host], portNumber: [String(server.port)] },
  };
  const { session, endpoint } = await startSession(settings, request, openSeconds);
  const plugin = startPlugin(program, session, request, { region: settings.region, endpoint });
  // A plugin that was killed could not tell AWS, where the session would stand open for an hour.
  const terminated = plugin.ended.then(() => terminateSession(settings, session));
  const close = () => {
    plugin.end();
    return terminated;
  };
  try {
    const port = await reachServer(plugin, server, settings, deadline);
    plugin.unref();
    return { host: LOOPBACK, port, ended: plugin.ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startSession(
  { region, instanceId }: TunnelSettings,
  request: SessionRequest,
  seconds: number,
): Promise<{ session: StartedSession; endpoint: string }> {
  const { StartSessionCommand } = await import("@aws-sdk/client-ssm");
  return withSystemsManager(region, async (client) => {
    const answer = await client
      .send(new StartSessionCommand(request), { abortSignal: AbortSignal.timeout(seconds * 1000) })
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
  settings: TunnelSettings,
  deadline: number,
): Promise<number> {
  const { instanceId, openSeconds = DEFAULT_OPEN_SECONDS } = settings;
  const failed = plugin.ended.then((words) => {
    throw tooOld(words) ?? tunnelFailed(settings, `its plugin ended: ${words}`);
  });
  const late = sleep(Math.max(0, deadline - Date.now()), undefined, { ref: false });
  const port = await Promise.race([plugin.listening, failed, late]);
  if (port === undefined) {
    throw tunnelFailed(settings, `its plugin did not listen within ${openSeconds} s`);
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
          settings,
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
async function terminateSession(
  { region }: TunnelSettings,
  { SessionId }: StartedSession,
): Promise<void> {
  const { TerminateSessionCommand } = await import("@aws-sdk/client-ssm");
  const options = { abortSignal: AbortSignal.timeout(TERMINATE_MS) };
  await withSystemsManager(region, (client) =>
    client.send(new TerminateSessionCommand({ SessionId }), options).catch(() => undefined),
  );
}

async function withSystemsManager<T>(
  region: string,
  work: (client: SSMClient) => Promise<T>,
): Promise<T> {
  // Loaded when it is needed: most connections take no tunnel.
  const { SSMClient } = await import("@aws-sdk/client-ssm");
  const client = new SSMClient({ region, maxAttempts: ATTEMPTS });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

function sessionRefused(cause: unknown, instanceId: string, region: string): MigratorError {
  return new MigratorError(
    "MIG033",
    `AWS did not start a session on ${instanceId} in ${region} (${awsReasonOf(cause)}). The instance must run an ` +
      "SSM agent of version 3.1.1374.0 or newer that is online (aws ssm describe-instance-information), and the AWS " +
      `credentials in use need ssm:StartSession on it and on the document ${DOCUMENT}.`,
    { cause },
  );
}

function tunnelFailed(
  { instanceId, region }: TunnelSettings,
  what: string,
  cause?: unknown,
): MigratorError {
  return new MigratorError(
    "MIG034",
    `The tunnel through ${instanceId} in ${region} did not open: ${what}.`,
    { cause },
  );
}
