import type { ConnectionSettings } from "../connection";

/** Which way connections take. */
export type TransportSettings = DirectSettings | TunnelSettings;

/** The address is dialled as it is. */
export interface DirectSettings {
  kind: "direct";
}

/** A port-forward of AWS Systems Manager, which this process opens and closes. */
export interface TunnelSettings {
  kind: "tunnel";
  /**
   * An instance in the database's network that Systems Manager manages: `i-…`, `mi-…`, or
   * `tag:NAME=VALUE` for any that carries the tag and is online.
   */
  target: string;
  /** AWS region of the instance. */
  region: string;
  /** How long the tunnel may take to open, until PostgreSQL answers at its end. @default 20 */
  openSeconds?: number;
}

/** A way to the server that is open until it is released. */
export interface Route {
  /** What to dial in place of the settings' `host`. */
  host: string;
  /** What to dial in place of the settings' `port`. */
  port: number;
  /** To be called once, when the connections over it are closed. */
  release(): void;
}

/** A way to reach the server of the settings, opened for each use or shared. */
export type Transport = (settings: ConnectionSettings) => Promise<Route>;

/**
 * Opens the way that the settings ask for.
 * @throws MigratorError MIG032 to MIG034 or MIG085 when the tunnel does not open.
 */
export const openRoute: Transport = async (settings) => {
  const { transport } = settings;
  if (transport?.kind !== "tunnel") return openDirect(settings);
  // Most runs dial the server itself.
  const { shareTunnel } = await import("./tunnel-pool");
  return shareTunnel(settings, transport);
};

const openDirect: Transport = async ({ host, port }) => ({ host, port, release: () => undefined });
