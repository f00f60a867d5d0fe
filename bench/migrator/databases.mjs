// A PostgreSQL server with its own default settings, and a fresh database for each measurement.
import { randomBytes } from "node:crypto";
import path from "node:path";
import pg from "pg";
import { removePostgres, startPostgres } from "../../tools/local/postgres.mjs";

const PASSWORD = randomBytes(18).toString("base64url");

/** Starts the server and gives what makes, checks and drops databases. */
export async function startServer(directory) {
  const folder = path.join(directory, "server");
  const server = await startPostgres({ directory: folder });
  const admin = new pg.Client({
    ...{ host: server.host, port: server.port, database: "postgres" },
    ...{ user: "postgres", password: server.password },
  });
  await admin.connect();
  await admin.query("create role authenticated");
  await admin.query(`create role migrator login password '${PASSWORD}'`);
  const { rows } = await admin.query("show server_version");

  return {
    version: rows[0].server_version,
    pid: server.pid,
    /** A new database, owned by the role that migrates. */
    async create(name) {
      await admin.query(`create database ${name} owner migrator`);
      const place = `${server.host}:${server.port}/${name}`;
      return {
        name,
        url: `postgresql://migrator:${PASSWORD}@${place}`,
        // For tools that take the address as an argument, which every process may read.
        address: `postgresql://migrator@${place}`,
        environment: { PGPASSWORD: PASSWORD },
      };
    },
    async drop({ name }) {
      await admin.query(`drop database ${name} with (force)`);
    },
    /** Lets nobody pay for writes that another has left behind. */
    async settle() {
      await admin.query("checkpoint");
    },
    /** What is in schema public, as facts that do not depend on the tool. */
    async facts({ url }) {
      const client = new pg.Client(url);
      await client.connect();
      const result = await client.query(FACTS);
      await client.end();
      return result.rows[0];
    },
    async stop() {
      await admin.end();
      await removePostgres({ directory: folder });
    },
  };
}

// Tables in which tools keep their own records are not counted: those of the fixtures are protected.
const FACTS = `
  with tables as (
    select oid from pg_catalog.pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity
  )
  select (select count(*)::int from tables) as tables,
    (select count(*)::int from pg_catalog.pg_policy where polrelid in (select oid from tables)) as policies,
    (select count(*)::int from pg_catalog.pg_index where indrelid in (select oid from tables)) as indexes,
    (select count(*)::int from pg_catalog.pg_attribute
      where attrelid in (select oid from tables) and attnum > 0 and not attisdropped) as columns,
    (select count(*)::int from pg_catalog.pg_constraint
      where conrelid in (select oid from tables)) as constraints,
    (select count(*)::int from pg_catalog.pg_description d
      where d.classoid = 'pg_class'::regclass and d.objoid in (select oid from tables)) as comments`;

/** The facts of an empty schema. */
export const NOTHING = JSON.stringify({
  tables: 0,
  policies: 0,
  indexes: 0,
  columns: 0,
  constraints: 0,
  comments: 0,
});
