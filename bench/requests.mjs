// Requests as an application makes them: short transactions as `authenticated`, one user each.
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const PAUSE_MS = 10;

/** Each is one transaction; how long it takes is measured from its begin to its commit. */
const REQUESTS = {
  async "sign-up"(client, person) {
    await client.query("insert into public.users (id, email) values ($1, $2)", [
      person,
      `${person}@example.org`,
    ]);
  },
  async "start of a session"(client, person) {
    await client.query(
      "insert into public.sessions (id, user_id, started_at) values ($1, $2, now())",
      [randomUUID(), person],
    );
  },
  async "completion of a session"(client, person) {
    const { rows } = await client.query(
      "select id from public.sessions where user_id = $1 and ended_at is null limit 1",
      [person],
    );
    await client.query(
      "update public.sessions set ended_at = now(), vocabulary_count = 3 where id = $1",
      [rows[0]?.id],
    );
  },
  // Reads the tables in the order in which the writers do not.
  async "history of a user"(client, person) {
    await client.query("select count(*) from public.sessions where user_id = $1", [person]);
    await client.query("select email from public.users where id = $1", [person]);
  },
  async "profile of a user"(client, person) {
    await client.query("select email from public.users where id = $1", [person]);
  },
};

const READING = ["history of a user", "profile of a user"];
const WRITING = ["start of a session", "completion of a session"];

/**
 * Starts clients that make one request after the other until they are stopped.
 * @param connection of role `app`.
 * @param people ids of users to act for.
 * @param clients how many for readers, and how many for writers, who act for new users, too.
 * @returns `requests`, each with `name`, `start` and `end` (ms, performance.now()) and `error`, and
 * `stop()`.
 */
export async function startRequests({ connection, people, clients }) {
  const requests = [];
  let running = true;
  const loops = Array.from({ length: 2 * clients }, async (_, number) => {
    const client = new pg.Client(connection);
    await client.connect();
    for (let turn = 0; running; turn += 1) {
      const known = people[(number * 7_919 + turn * 31) % people.length];
      const isWriter = number >= clients;
      const isNew = isWriter && turn % 2 === 0;
      const names = isWriter ? [...(isNew ? ["sign-up"] : []), ...WRITING] : READING;
      const person = isNew ? randomUUID() : known;
      for (const name of names) {
        requests.push(await timed(client, name, person));
        await sleep(PAUSE_MS);
      }
    }
    await client.end();
  });
  return {
    requests,
    async stop() {
      running = false;
      await Promise.all(loops);
    },
  };
}

async function timed(client, name, person) {
  const start = performance.now();
  let error;
  try {
    await client.query("begin; set local role authenticated");
    await client.query("select set_config('request.jwt.claims', $1, true)", [
      JSON.stringify({ sub: person }),
    ]);
    await REQUESTS[name](client, person);
    await client.query("commit");
  } catch (failure) {
    error = `${failure.code}: ${failure.message}`;
    await client.query("rollback");
  }
  return { name, start, end: performance.now(), error };
}
