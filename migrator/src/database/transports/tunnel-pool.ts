import type { ConnectionSettings } from "../settings";
import { answersAsPostgres } from "./server-probe";
import { type Tunnel, openTunnel } from "./ssm-tunnel";
import type { Route } from "./route";
import type { TunnelSettings } from "../settings";

/** A tunnel and how many connections use it now. */
interface SharedTunnel {
  opening: Promise<Tunnel>;
  users: number;
  /** Closes it some time after the last user is done. */
  closing?: NodeJS.Timeout;
}

// The next migration follows within a second; opening a tunnel takes several.
const LINGER_MS = 10_000;
const PROBE_MS = 5_000;

const tunnels = new Map<string, SharedTunnel>();

/**
 * The process's one tunnel to a server, opened when it is not open. It is closed a while after its last
 * user released it; when the process ends before that, in whatever way, the tunnel ends with it.
 */
export async function shareTunnel(
  server: Pick<ConnectionSettings, "host" | "port">,
  settings: TunnelSettings,
): Promise<Route> {
  const key = JSON.stringify([settings.region, settings.target, server.host, server.port]);
  const known = tunnels.get(key);
  const shared = known ?? open(key, server, settings);
  clearTimeout(shared.closing);
  shared.users += 1;
  const release = () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.closing = setTimeout(() => void close(key, shared), LINGER_MS).unref();
  };
  try {
    const { host, port } = await shared.opening;
    if (!known || (await isUp({ host, port }))) return { host, port, release };
  } catch (error) {
    release();
    throw error;
  }
  // Its plugin was killed a moment ago, and nobody has noticed yet.
  release();
  void close(key, shared);
  return shareTunnel(server, settings);
}

/** Closes every tunnel now, used or not, and waits until they are closed. */
export async function closeTunnels(): Promise<void> {
  await Promise.all([...tunnels].map(([key, shared]) => close(key, shared)));
}

function open(
  key: string,
  { host, port }: Pick<ConnectionSettings, "host" | "port">,
  settings: TunnelSettings,
): SharedTunnel {
  const shared: SharedTunnel = { opening: openTunnel({ host, port }, settings), users: 0 };
  tunnels.set(key, shared);
  // One that did not open, or that ended, is not offered again.
  shared.opening.then(
    (tunnel) => tunnel.ended.then(() => forget(key, shared)),
    () => forget(key, shared),
  );
  return shared;
}

function forget(key: string, shared: SharedTunnel): void {
  if (tunnels.get(key) === shared) tunnels.delete(key);
}

/** A port takes connections until its process is quite gone, so what counts is an answer, or a slow server. */
async function isUp(address: { host: string; port: number }): Promise<boolean> {
  try {
    await answersAsPostgres(address, PROBE_MS);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ETIMEDOUT";
  }
}

async function close(key: string, shared: SharedTunnel): Promise<void> {
  forget(key, shared);
  clearTimeout(shared.closing);
  const tunnel = await shared.opening.catch(() => undefined);
  await tunnel?.close();
}
