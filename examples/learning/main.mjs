// Starts the application: node main.mjs [--port N]. Its settings are those that `npm run env` prints.
import { parseArgs } from "node:util";
import { KNOWN_VALIDATORS, connect } from "@app-data/client";
import { serve } from "@hono/node-server";
import { createApp } from "./app.mjs";
import { exampleValidator, startProvider } from "./provider.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
const data = await connect();
const provider = await startProvider();
const app = createApp(data, {
  validators: [...KNOWN_VALIDATORS, exampleValidator(provider.url)],
  log: (error) => console.error(error),
});
const server = serve(
  { fetch: app.fetch, hostname: "127.0.0.1", port: Number(values.port) },
  ({ port }) => console.log(`The example is at http://127.0.0.1:${port}. End it with Ctrl+C.`),
);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    provider.close();
    server.close(() => void data.close());
  });
}
