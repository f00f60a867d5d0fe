import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";

/** Chromium where it is installed; else the one that an npm package carries. */
const INSTALLED = ["chromium", "chromium-browser", "google-chrome"];

/** A page in a headless browser that reaches nothing but this machine. */
export interface Page {
  /** The value of an expression of JavaScript in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** Lays the page out for a screen of this many pixels. */
  resize(width: number, height: number): Promise<void>;
  /** Lays it out as it is printed, or as it is shown. */
  setMedia(media: "print" | "screen"): Promise<void>;
  /** Loads a file; its scripts run unless it is told otherwise. */
  open(file: string, options?: { scripts: boolean }): Promise<void>;
  /** Goes to an address of this machine. */
  visit(url: string): Promise<void>;
  /** Evaluates an expression that leads to another page, and waits for that. */
  follow(expression: string): Promise<void>;
  /** Addresses that the page asked for, apart from its own. */
  requests(): string[];
  /** A PNG of what is on the screen. */
  screenshot(): Promise<Buffer>;
  close(): Promise<void>;
}

type Message = {
  id?: number;
  method?: string;
  params?: { request?: { url: string }; message?: string };
  result?: Record<string, unknown>;
  error?: { message: string };
  sessionId?: string;
};

/** Starts a browser with one empty page. It is spoken to through two pipes: no port is opened. */
export async function startBrowser(): Promise<Page> {
  const profile = mkdtempSync(path.join(tmpdir(), "app-data-browser-"));
  const { program, fonts } = await findBrowser();
  const args = [
    ...["--headless", "--no-sandbox", "--no-zygote", "--disable-gpu", "--remote-debugging-pipe"],
    ...["--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
    ...[
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
  ];
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, ...(fonts !== undefined && { FONTCONFIG_PATH: fonts }) },
  });
  const wire = new Wire(child);
  const { targetId } = await firstPage(wire);
  const { sessionId } = await wire.call("Target.attachToTarget", { targetId, flatten: true });
  const call = (method: string, params = {}) => wire.call(method, params, String(sessionId));
  await call("Page.enable");
  await call("Network.enable");
  return {
    async evaluate(expression) {
      const answer = await call("Runtime.evaluate", { expression, returnByValue: true });
      if (answer["exceptionDetails"]) throw new Error(JSON.stringify(answer["exceptionDetails"]));
      return (answer["result"] as { value?: unknown }).value;
    },
    async resize(width, height) {
      const mobile = width < 600;
      const metrics = { width, height, deviceScaleFactor: 1, mobile };
      await call("Emulation.setDeviceMetricsOverride", metrics);
    },
    async setMedia(media) {
      await call("Emulation.setEmulatedMedia", { media });
    },
    async open(file, { scripts } = { scripts: true }) {
      await call("Emulation.setScriptExecutionDisabled", { value: !scripts });
      const loaded = wire.next("Page.loadEventFired");
      await call("Page.navigate", { url: `file://${file}` });
      await loaded;
    },
    async visit(url) {
      const loaded = wire.next("Page.loadEventFired");
      await call("Page.navigate", { url });
      await loaded;
    },
    async follow(expression) {
      const loaded = wire.next("Page.loadEventFired");
      await call("Runtime.evaluate", { expression });
      await loaded;
    },
    requests: () => wire.requested.filter((url) => !url.startsWith("file:")),
    async screenshot() {
      const { data } = await call("Page.captureScreenshot", { format: "png" });
      return Buffer.from(String(data), "base64");
    },
    async close() {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

async function firstPage(wire: Wire): Promise<{ targetId: unknown }> {
  for (;;) {
    const { targetInfos } = await wire.call("Target.getTargets");
    const page = (targetInfos as { type: string; targetId: string }[]).find(
      ({ type }) => type === "page",
    );
    if (page) return page;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function findBrowser(): Promise<{ program: string; fonts?: string }> {
  const installed = INSTALLED.find((name) => spawnSync("which", [name]).status === 0);
  if (installed !== undefined) return { program: installed };
  // Read only where it is needed: it unpacks 200 MB.
  const { default: chromium } = await import("@sparticuz/chromium");
  return { program: await chromium.executablePath(), fonts: path.join(tmpdir(), "fonts") };
}

/** Messages of the DevTools protocol: JSON, each ended by a zero byte. */
class Wire {
  /** Addresses of all requests. */
  readonly requested: string[] = [];
  readonly #input: Writable;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #events = new Map<string, () => void>();
  #last = 0;

  constructor(child: ChildProcess) {
    this.#input = child.stdio[3] as Writable;
    let rest = "";
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop() ?? "";
      for (const message of messages) this.#take(JSON.parse(message) as Message);
    });
  }

  call(method: string, params = {}, sessionId?: string): Promise<Record<string, unknown>> {
    this.#last += 1;
    const id = this.#last;
    this.#input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result = {}, error }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result),
      );
    });
  }

  next(event: string): Promise<void> {
    return new Promise((resolve) => this.#events.set(event, resolve));
  }

  #take(message: Message): void {
    const { id, method = "", params } = message;
    if (id !== undefined) this.#waiting.get(id)?.(message);
    if (method === "Network.requestWillBeSent") this.requested.push(params?.request?.url ?? "");
    this.#events.get(method)?.();
  }
}
