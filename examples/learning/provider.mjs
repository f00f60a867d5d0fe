// Stands in for a company whose API the users have keys of: it takes keys that begin with "sk-".
import { HttpValidator } from "@app-data/client";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

/** The provider's name in the vault. */
const NAME = "example";
const PATH = "/v1/me";

/** Starts it on a free port. */
export async function startProvider() {
  const api = new Hono();
  api.get(PATH, (c) =>
    /^Bearer sk-/.test(c.req.header("authorization") ?? "") ? c.json({}) : c.json({}, 401),
  );
  return new Promise((resolve) => {
    const server = serve({ fetch: api.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
      resolve({ url: `http://127.0.0.1:${port}${PATH}`, close: () => server.close() }),
    );
  });
}

/** What asks it whether it takes a key. */
export function exampleValidator(url) {
  return new HttpValidator({
    provider: NAME,
    url,
    headers: (key) => ({ authorization: `Bearer ${key}` }),
    isRefusal: (status) => status === 401,
  });
}
