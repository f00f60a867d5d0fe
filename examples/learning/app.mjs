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
const PROVIDER_MS = 5_000;
/** What is not there, or is somebody else's: to the one who asks it is the same. */
const NOT_FOUND = ["EXP013", "KEY003"];
/** What the request asked for wrongly, or the user can mend (docs/errors.md). */
const FAULT_OF_REQUEST = /^(?:DAT001|KEY001|KEY002|KEY004|KEY011|EXP01[0124])$/;
const VERDICTS = {
  valid: "takes the key",
  invalid: "does not take the key",
  undecided: "did not say whether it takes the key: try again later",
};

/**
 * The application.
 * @param {import("@app-data/client").AppData} data
 * @param {{
 *   validators: import("@app-data/client").KeyValidator[],
 *   log: (error: unknown) => void,
 * }} options `log` is told of what is no fault of the request.
 */
export function createApp(data, { validators, log }) {
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
  // A copy of the token is good for the rest of its eight hours: to end it sooner, a real application
  // keeps a list of its sign-ins and asks that list as well.
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
    await data.vault.put(c.get("person").id, form.get("provider"), form.get("secret"));
    return c.redirect("/keys", 303);
  });
  app.post("/keys/:provider/test", async (c) => {
    const person = c.get("person");
    const provider = c.req.param("provider");
    const secret = await data.vault.get(person.id, provider);
    try {
      const validator = validators.find((each) => each.provider === provider);
      // It throws where the provider itself fails, which says nothing of the key either.
      const verdict = await validator
        ?.check(secret, AbortSignal.timeout(PROVIDER_MS))
        .catch(() => "undecided");
      const says = VERDICTS[verdict] ?? "is nobody that this application knows how to ask";
      return c.html(testedPage(person, `${provider} ${says}.`));
    } finally {
      secret.release();
    }
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
    const format = (await c.req.formData()).get("format");
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
    const code = error instanceof AppDataError ? error.code : "";
    if (NOT_FOUND.includes(code)) return c.html(errorPage(person, "Not here", error.message), 404);
    if (FAULT_OF_REQUEST.test(code))
      return c.html(errorPage(person, "That did not work", error.message), 400);
    log(error);
    return c.html(errorPage(person, "Something broke", "It has been noted. Try again."), 500);
  });
  return app;
}
