// The routes. Each asks the library as the person who is signed in: what belongs to somebody else is
// not there, whatever id a request names.
import { AppDataError } from "@app-data/client";
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { csrf } from "hono/csrf";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import {
  accountPage,
  errorPage,
  exportsPage,
  keysPage,
  learnPage,
  signInPage,
  testedPage,
} from "./pages.mjs";
import { PEOPLE, signUp } from "./people.mjs";

const COOKIE = "token";
const SIGNED_IN_SECONDS = 8 * 3600;
const MOST_WORDS = 1_000;
/** What is not there, or is somebody else's: to the one who asks it is the same. */
const NOT_FOUND = ["EXP013", "KEY003"];

/**
 * The application.
 * @param {import("@app-data/client").AppData} data
 * @param {(error: unknown) => void} log is told of what is no fault of the request.
 */
export function createApp(data, log) {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'self'"], styleSrc: ["'unsafe-inline'"] },
    }),
  );
  app.use(csrf());

  app.get("/", (c) => c.html(signInPage(PEOPLE)));
  app.post("/sign-in", async (c) => {
    const person = PEOPLE[(await c.req.formData()).get("person")];
    if (!person) return c.html(errorPage(undefined, "Nobody", "There is no such person."), 400);
    await signUp(data, person);
    const token = await data.signToken(person.id, SIGNED_IN_SECONDS);
    setCookie(c, COOKIE, token, {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      maxAge: SIGNED_IN_SECONDS,
    });
    return c.redirect("/learn", 303);
  });
  app.post("/sign-out", (c) => {
    deleteCookie(c, COOKIE);
    return c.redirect("/", 303);
  });

  app.use(async (c, next) => {
    const user = await data.userOf(getCookie(c, COOKIE) ?? "");
    const person = Object.values(PEOPLE).find(({ id }) => id === user);
    if (!person) return c.redirect("/", 303);
    c.set("person", person);
    return next();
  });

  app.get("/learn", async (c) => {
    const person = c.get("person");
    const { sessions, progress } = await data.asUser(person.id, async (db) => ({
      sessions: await db
        .selectFrom("sessions")
        .select(["id", "started_at", "ended_at", "vocabulary_count"])
        .orderBy("started_at", "desc")
        .limit(20)
        .execute(),
      progress: await db
        .selectFrom("user_progress")
        .select(["total_sessions", "total_vocabulary", "current_streak_days"])
        .executeTakeFirst(),
    }));
    return c.html(learnPage(person, sessions, progress));
  });
  app.post("/sessions", async (c) => {
    const { id } = c.get("person");
    const session = { user_id: id, started_at: new Date().toISOString() };
    await data.asUser(id, (db) => db.insertInto("sessions").values(session).execute());
    return c.redirect("/learn", 303);
  });
  app.post("/sessions/:id{[0-9a-f-]{36}}/complete", async (c) => {
    const person = c.get("person");
    const words = Number((await c.req.formData()).get("vocabulary"));
    if (!Number.isInteger(words) || words < 0 || words > MOST_WORDS) {
      const message = `Words are a whole number from 0 to ${MOST_WORDS}.`;
      return c.html(errorPage(person, "That did not work", message), 400);
    }
    const { numUpdatedRows } = await data.asUser(person.id, (db) =>
      db
        .updateTable("sessions")
        .set({ ended_at: new Date().toISOString(), vocabulary_count: words })
        .where("id", "=", c.req.param("id"))
        .executeTakeFirst(),
    );
    return numUpdatedRows === 1n ? c.redirect("/learn", 303) : c.notFound();
  });

  app.get("/keys", async (c) => {
    const person = c.get("person");
    return c.html(keysPage(person, await data.vault.list(person.id)));
  });
  app.post("/keys", async (c) => {
    const form = await c.req.formData();
    await data.vault.put(
      c.get("person").id,
      String(form.get("provider")),
      String(form.get("secret")),
    );
    return c.redirect("/keys", 303);
  });
  app.post("/keys/:provider/test", async (c) => {
    const provider = c.req.param("provider");
    const secret = await data.vault.get(c.get("person").id, provider);
    // A real application calls its provider with it here; `npx app-data vault validate` asks those it knows.
    const message = `The key for ${provider} is readable: ${secret.reveal().length} characters.`;
    secret.release();
    return c.html(testedPage(c.get("person"), message));
  });
  app.post("/keys/:provider/delete", async (c) => {
    await data.vault.delete(c.get("person").id, c.req.param("provider"));
    return c.redirect("/keys", 303);
  });

  app.get("/exports", async (c) => {
    const person = c.get("person");
    const exports = await data.asUser(person.id, (db) =>
      db
        .selectFrom("export_history")
        .select(["id", "created_at", "status", "download_count"])
        .orderBy("created_at", "desc")
        .limit(20)
        .execute(),
    );
    return c.html(exportsPage(person, exports));
  });
  app.post("/exports", async (c) => {
    const format = String((await c.req.formData()).get("format"));
    const id = await data.exports.request(c.get("person").id, { type: "full", format });
    // In the background: the page shows its state. A failure is in the row as well.
    data.exports.run(id).catch(log);
    return c.redirect("/exports", 303);
  });
  app.get("/exports/:id{[0-9a-f-]{36}}/download", async (c) =>
    c.redirect(await data.exports.download(c.get("person").id, c.req.param("id")), 303),
  );

  app.get("/account", (c) => c.html(accountPage(c.get("person"))));
  app.post("/account/delete", async (c) => {
    await data.users.erase(c.get("person").id);
    deleteCookie(c, COOKIE);
    return c.redirect("/", 303);
  });

  app.notFound((c) =>
    c.html(errorPage(undefined, "Not here", "There is no such page, or it is not yours."), 404),
  );
  app.onError((error, c) => {
    const person = c.get("person");
    if (error instanceof HTTPException) return error.getResponse();
    if (error instanceof AppDataError)
      return c.html(
        errorPage(person, "That did not work", error.message),
        NOT_FOUND.includes(error.code) ? 404 : 400,
      );
    log(error);
    return c.html(errorPage(person, "Something broke", "It has been noted. Try again."), 500);
  });
  return app;
}
