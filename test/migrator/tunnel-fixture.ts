import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** How the program that plays the plugin behaves. */
export type PluginBehaviour =
  "forwards" | "never listens" | "far end is closed" | "too old" | "ends";

/** What a tunnel needs and this machine has not: AWS Systems Manager, and its plugin. */
export interface TunnelFixture {
  /** Calls that Systems Manager was sent, oldest first: name and body. */
  calls: [name: string, body: Record<string, unknown>][];
  /** What Systems Manager answers to everything but TerminateSession from now on, undefined for a session. */
  refusal?: { name: string; message: string };
  /** Ids of the instances that carry any tag that is asked for, and are online. */
  online: string[];
  /** What the plugin does when it is started from now on. */
  behaviour: PluginBehaviour;
  /** What the plugins wrote down of themselves, one line each event. */
  events(): { event: string; pid: number; args: string[]; response?: string }[];
  /** Folder to put on the PATH. */
  folder: string;
  close(): Promise<void>;
}

export const TOKEN = "canary-token-never-to-be-seen";
export const STREAM_URL = "wss://ssmmessages.eu-central-1.amazonaws.com/v1/data-channel/session-1";

/**
 * Stands in for `session-manager-plugin`: reads what the AWS CLI hands to it, listens on a free port, says
 * so in the plugin's words, and forwards to the server that the session asks for. Like the plugin it dies
 * of SIGTERM at once and ends the session in order on SIGINT alone.
 */
const PLUGIN = `#!${process.execPath}
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const args = process.argv.slice(2);
const note = (event) => fs.appendFileSync(path.join(__dirname, "events"), JSON.stringify({
  event, pid: process.pid, args, response: process.env[args[0]] }) + "\\n");
const { behaviour, hosts } = JSON.parse(fs.readFileSync(path.join(__dirname, "behaviour"), "utf8"));
note("start");
if (behaviour === "too old") {
  console.log("Cannot perform start session: invalid character 'A' looking for beginning of value");
  process.exit(0);
}
if (behaviour === "ends") {
  console.log("SessionId: session-1 : ----------ERROR-------\\nUnable to start session");
  process.exit(255);
}
const { SessionId } = JSON.parse(process.env[args[0]]);
const { Parameters } = JSON.parse(args[4]);
process.on("SIGINT", () => {
  console.log("Terminate signal received, exiting.");
  note("terminate");
  process.exit(0);
});
console.log("\\nStarting session with SessionId: " + SessionId);
const server = net.createServer((socket) => {
  if (behaviour === "far end is closed") return socket.on("error", () => {}).end();
  const [host] = Parameters.host;
  const [address, port = Parameters.portNumber[0]] = (hosts[host] ?? host).split(":");
  const remote = net.connect(Number(port), address);
  const stop = () => { socket.destroy(); remote.destroy(); };
  socket.on("error", stop).on("close", stop).pipe(remote).on("error", stop).on("close", stop).pipe(socket);
});
if (behaviour === "never listens") setInterval(() => {}, 1000);
else server.listen(0, "localhost", () => {
  process.stdout.write("Port " + server.address().port + " opened for sessionId " + SessionId + ".");
  console.log("\\nWaiting for connections...");
});
`;

/**
 * @param hosts addresses, with a port where it is not the one asked for, of the names that only the
 * network of the database knows.
 */
export async function createTunnelFixture(hosts: Record<string, string>): Promise<TunnelFixture> {
  const folder = mkdtempSync(path.join(tmpdir(), "tunnel-"));
  writeFileSync(path.join(folder, "session-manager-plugin"), PLUGIN);
  chmodSync(path.join(folder, "session-manager-plugin"), 0o755);
  const setBehaviour = (behaviour: PluginBehaviour) =>
    writeFileSync(path.join(folder, "behaviour"), JSON.stringify({ behaviour, hosts }));
  setBehaviour("forwards");

  const calls: TunnelFixture["calls"] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const name = String(request.headers["x-amz-target"]).replace("AmazonSSM.", "");
      calls.push([name, body]);
      const { refusal } = fixture;
      const refused = name !== "TerminateSession" && refusal !== undefined;
      response.writeHead(refused ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
      const session = {
        SessionId: `session-${calls.length}`,
        StreamUrl: STREAM_URL,
        TokenValue: TOKEN,
      };
      const answer =
        name === "StartSession"
          ? session
          : { InstanceInformationList: fixture.online.map((InstanceId) => ({ InstanceId })) };
      response.end(
        JSON.stringify(refused ? { __type: refusal.name, message: refusal.message } : answer),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  process.env["AWS_ENDPOINT_URL_SSM"] = `http://127.0.0.1:${port}`;

  const fixture: TunnelFixture = {
    calls,
    folder,
    online: [],
    set behaviour(behaviour: PluginBehaviour) {
      setBehaviour(behaviour);
    },
    events() {
      const file = path.join(folder, "events");
      const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
      return lines.map((line) => JSON.parse(line));
    },
    async close() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
  return fixture;
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
