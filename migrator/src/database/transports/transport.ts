import type { Transport } from "./route";

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
