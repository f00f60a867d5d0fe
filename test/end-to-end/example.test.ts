import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Page, startBrowser } from "../support/browser";
import { LocalStack, PROJECT } from "./local-stack";

const ADA = "00000000-0000-4000-8000-0000000000a1";
const SECRET = "sk-never-shown-0123456789";

jest.setTimeout(300_000);

describe("npm run example", () => {
  const directory = mkdtempSync(path.join(tmpdir(), "app-data-example-"));
  const home = path.join(directory, "home");
  const stack = new LocalStack(home);
  let example: ChildProcess;
  let address: string;
  let page: Page;

  beforeAll(async () => {
    example = spawn(process.execPath, [path.join(PROJECT, "tools/main.mjs"), "example"], {
      cwd: PROJECT,
      env: { ...process.env, APP_DATA_HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    address = await addressIn(example);
    await stack.evaluateEnv();
    page = await startBrowser();
  });
  afterAll(async () => {
    await page?.close();
    if (example.exitCode === null) {
      example.kill("SIGTERM");
      await once(example, "close");
    }
    await stack.npm("down", "--", "--purge");
    rmSync(directory, { recursive: true, force: true });
  });

  const text = (selector: string) =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent.trim()`);
  const press = (selector: string) =>
    page.follow(`document.querySelector(${JSON.stringify(selector)}).click()`);
  const fill = (selector: string, value: string) =>
    page.evaluate(
      `document.querySelector(${JSON.stringify(selector)}).value = ${JSON.stringify(value)}`,
    );
  const signIn = async (person: string) => {
    await page.visit(address);
    await press(`form:has(input[value=${person}]) button`);
  };
  const id = (table: string) =>
    page.evaluate(`document.querySelector("#${table} tr[data-id]").dataset.id`);

  let session: unknown;
  let exported: unknown;

  it("counts a session that is completed", async () => {
    await signIn("ada");
    expect(await text("#total-sessions")).toBe("0");
    await press("form[action='/sessions'] button");
    session = await id("sessions");
    await fill("input[name=vocabulary]", "7");
    await press("form[action$='/complete'] button");
    expect(await text("#total-sessions")).toBe("1");
    expect(await text("#total-vocabulary")).toBe("7");
    expect(await text("#streak")).toBe("1");
  });

  it("keeps an API key, tests it, and never shows it", async () => {
    await page.visit(`${address}/keys`);
    await fill("input[name=secret]", SECRET);
    await press("form[action='/keys'] button");
    expect(await text("#keys")).toContain("example");
    await press("form[action$='/test'] button");
    expect(await text("#tested")).toBe("example takes the key.");
    expect(await page.evaluate("document.documentElement.outerHTML")).not.toContain(SECRET);
    await page.visit(`${address}/keys`);
    await fill("input[name=secret]", "not-one-of-theirs");
    await press("form[action='/keys'] button");
    await press("form[action$='/test'] button");
    expect(await text("#tested")).toBe("example does not take the key.");
  });

  it("makes an export, which is downloaded", async () => {
    await page.visit(`${address}/exports`);
    await press("form[action='/exports'] button");
    exported = await id("exports");
    for (let tries = 0; (await text("#exports a")) === undefined && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await page.visit(`${address}/exports`);
    }
    const cookies = await cookieOf(address, "ada");
    const link = await fetch(`${address}/exports/${String(exported)}/download`, {
      headers: { cookie: cookies },
      redirect: "manual",
    });
    const file = await fetch(link.headers.get("location") ?? "");
    expect(file.status).toBe(200);
    expect(
      Buffer.from(await file.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).toBe("PK");
  });

  it("shows one nothing of the other, whatever is asked for", async () => {
    await press("form[action='/sign-out'] button");
    await signIn("ben");
    expect(await text("#total-sessions")).toBe("0");
    for (const place of ["learn", "keys", "exports"]) {
      await page.visit(`${address}/${place}`);
      const html = String(await page.evaluate("document.documentElement.outerHTML"));
      for (const hers of [String(session), String(exported), "ada@"]) {
        expect(html).not.toContain(hers);
      }
    }
    const cookie = await cookieOf(address, "ben");
    const ask = (url: string, init: RequestInit = {}) =>
      fetch(`${address}${url}`, {
        ...init,
        headers: { cookie, origin: address, ...(init.headers ?? {}) },
        redirect: "manual",
      });
    const hers = await ask(`/exports/${String(exported)}/download`);
    expect(hers.status).toBe(404);
    expect(await hers.text()).toContain("EXP013");
    const body = new URLSearchParams({ vocabulary: "1000" });
    const complete = await ask(`/sessions/${String(session)}/complete`, { method: "POST", body });
    expect(complete.status).toBe(404);
    for (const words of ["-1", "1.5", "many", "1001"]) {
      const wrong = new URLSearchParams({ vocabulary: words });
      const answer = await ask(`/sessions/${String(session)}/complete`, {
        method: "POST",
        body: wrong,
      });
      expect(answer.status).toBe(400);
    }
    expect((await ask("/exports/1/download")).status).toBe(404);
    const key = await ask("/keys/example/test", { method: "POST" });
    expect(await key.text()).toContain("KEY003");
    // Another site's form, and a token that was changed.
    const foreign = { origin: "https://evil.example" };
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(
      (await ask("/sessions", { method: "POST", headers: { ...form, ...foreign } })).status,
    ).toBe(403);
    const changed = cookie.replace(/.(?=.{9}$)/, (each) => (each === "A" ? "B" : "A"));
    const refused = await ask("/learn", { headers: { cookie: changed } });
    expect(refused.headers.get("location")).toBe("/");
  });

  it("believes signed tokens alone: claims of the same login show no row", async () => {
    const counted = (claims: string) =>
      stack.psql(
        stack.variable("APP_URL"),
        `begin; set local role authenticated; set local request.jwt.claims = '${claims}'; ` +
          "select count(*) from public.sessions",
      );
    expect(await counted(JSON.stringify({ sub: ADA }))).toBe("0");
  });

  it("is in order by check:after, which signs its users' tokens", async () => {
    const after = await stack.npm("--silent", "check:after", "--", "--json");
    expect(after.output).toContain('"ok": true');
    expect(after.code).toBe(0);
  });

  it("deletes an account with all that is in it", async () => {
    await signIn("ada");
    await page.visit(`${address}/account`);
    await press("form[action='/account/delete'] button");
    await signIn("ada");
    expect(await text("#total-sessions")).toBe("0");
    await page.visit(`${address}/exports`);
    expect(await page.evaluate("document.querySelector('#exports tr[data-id]')")).toBeNull();
  });
});

/** The address that it prints. */
function addressIn(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const found = /The example is at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("close", (code) =>
      reject(new Error(`It ended with ${code}:\n${output.slice(-4000)}`)),
    );
  });
}

/** Signs in without a browser, for requests that it would not make. */
async function cookieOf(address: string, person: string): Promise<string> {
  const answer = await fetch(`${address}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ person }),
    headers: { origin: address },
    redirect: "manual",
  });
  const cookie = answer.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/HttpOnly/);
  expect(cookie).toMatch(/SameSite=Strict/);
  return cookie.split(";")[0] ?? "";
}
