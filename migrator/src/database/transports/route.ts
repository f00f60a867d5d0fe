import type { ConnectionSettings } from "../settings";

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
