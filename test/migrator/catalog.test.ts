import type { Client } from "pg";
import { applyMigration, rollbackMigration } from "../../migrator/src";
import {
  type Catalog,
  type CatalogChanges,
  applyChanges,
  catalogChanges,
  catalogDigest,
  readCatalog,
  schemaOf,
} from "../../migrator/src/catalog";
import { type MigratorFixture, createFixture, projectTrios } from "./migration-fixture";

let fixture: MigratorFixture;
let superuser: Client;

beforeEach(async () => {
  fixture = await createFixture();
  superuser = await fixture.database.connect("postgres");
});
afterEach(() => fixture.database.drop());

/** The catalog after statements that are not kept. */
async function catalogAfter(...statements: string[]): Promise<Catalog> {
  await superuser.query("begin");
  try {
    for (const statement of statements) await superuser.query(statement);
    return await readCatalog(superuser);
  } finally {
    await superuser.query("rollback");
  }
}

/** The digest of what belongs to this database alone: other tests share the server's roles. */
async function localDigest(): Promise<string> {
  const catalog = await catalogAfter();
  return catalogDigest(new Map([...catalog].filter(([key]) => !key.startsWith("role "))));
}

describe("readCatalog", () => {
  it("reads tables with their columns, flags and grants", async () => {
    const catalog = await catalogAfter(
      `create table public."Order lines" (
         id bigint generated always as identity,
         amount numeric(10, 2) not null default 0,
         doubled numeric generated always as (amount * 2) stored,
         note text collate "C"
       ) with (fillfactor = 70)`,
      `alter table public."Order lines" enable row level security, owner to migrator`,
      `grant select, update (note) on public."Order lines" to app`,
      `grant insert on public."Order lines" to anon with grant option`,
      `comment on column public."Order lines".amount is 'Euros.'`,
    );
    expect(catalog.get('table public."Order lines"')).toEqual({
      schema: "public",
      name: "Order lines",
      kind: "table",
      owner: "migrator",
      rowSecurity: true,
      forced: false,
      columns: [
        { name: "id", type: "bigint", notNull: true, identity: "always" },
        { name: "amount", type: "numeric(10,2)", notNull: true, default: "0", comment: "Euros." },
        {
          name: "doubled",
          type: "numeric",
          notNull: false,
          generated: "(amount * (2)::numeric)",
        },
        { name: "note", type: "text", notNull: false, collation: '"C"' },
      ],
      options: ["fillfactor=70"],
      grants: { anon: ["insert with grant option"], app: ["select", "update (note)"] },
    });
    expect(catalog.get('sequence public."Order lines_id_seq"')).toEqual(
      expect.objectContaining({ owner: "migrator", column: 'public."Order lines".id' }),
    );
  });

  it("reads every other kind of object by its name", async () => {
    const catalog = await catalogAfter(
      "create schema a",
      "create type a.mood as enum ('sad', 'happy')",
      "create domain a.positive as integer check (value > 0)",
      "create type a.pair as (x integer, y text)",
      "create table a.parent (id integer, d date) partition by range (d)",
      "create table a.child partition of a.parent for values from ('2026-01-01') to ('2027-01-01')",
      "create table a.base (id integer constraint base_pkey primary key, n integer not null)",
      "create table a.heir () inherits (a.base)",
      "create statistics a.both_columns on id, n from a.base",
      "create view a.v with (security_invoker = true) as select id from a.base",
      "create materialized view a.m as select id from a.base with no data",
      "create rule nothing as on delete to a.base do instead nothing",
      `create function a.f(n integer default 1) returns integer language sql stable security definer
         set search_path = '' as 'select n'`,
      "create procedure a.p() language plpgsql as 'begin end'",
      "create trigger t before update on a.base for each row execute function suppress_redundant_updates_trigger()",
      "alter table a.base disable trigger t",
      "create policy own on a.base as restrictive for update to app, anon using (id > 0) with check (true)",
      "create publication everything for all tables",
      "alter default privileges for role migrator in schema a grant select on tables to app",
      "alter default privileges for role migrator revoke execute on functions from public",
    );
    const fact = (key: string) => catalog.get(key);
    expect(fact("type a.mood")).toMatchObject({ kind: "enum", labels: ["sad", "happy"] });
    expect(fact("type a.positive")).toMatchObject({
      kind: "domain",
      base: "integer",
      constraints: { positive_check: "CHECK ((VALUE > 0))" },
      grants: { public: ["usage"] },
    });
    expect(fact("type a.pair")).toMatchObject({
      attributes: [
        { name: "x", type: "integer" },
        { name: "y", type: "text" },
      ],
    });
    expect(fact("table a.parent")).toMatchObject({
      kind: "partitioned table",
      partitionKey: "RANGE (d)",
    });
    expect(fact("table a.child")).toMatchObject({
      kind: "partition",
      inherits: ["a.parent"],
      partitionBound: "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    });
    expect(fact("table a.heir")).toMatchObject({ kind: "inheritance child", inherits: ["a.base"] });
    expect(fact("constraint a.base.base_pkey")).toEqual({
      table: "a.base",
      definition: "PRIMARY KEY (id)",
      validated: true,
    });
    expect(fact("index a.base_pkey")).toEqual({
      table: "a.base",
      definition: "CREATE UNIQUE INDEX base_pkey ON a.base USING btree (id)",
      valid: true,
      ready: true,
      constraint: "base_pkey",
    });
    expect(fact("statistics a.both_columns")).toMatchObject({
      definition: "CREATE STATISTICS a.both_columns ON id, n FROM a.base",
    });
    expect(fact("view a.v")).toMatchObject({
      securityInvoker: true,
      options: ["security_invoker=true"],
      definition: " SELECT id\n   FROM a.base;",
    });
    expect(fact("materialized view a.m")).toMatchObject({
      securityInvoker: false,
      populated: false,
    });
    expect(fact("rule a.base.nothing")).toMatchObject({ enabled: "enabled" });
    expect(fact("function a.f(integer)")).toEqual({
      schema: "a",
      name: "f",
      kind: "function",
      identityArguments: "n integer",
      arguments: "n integer DEFAULT 1",
      returns: "integer",
      owner: "postgres",
      language: "sql",
      securityDefiner: true,
      settings: ['search_path=""'],
      volatility: "stable",
      parallel: "unsafe",
      leakproof: false,
      strict: false,
      // printf %s 'select n' | sha256sum
      sourceSha256: "2bfad08d24ec91361f9536ffacdd0d4a997e5a0ed5ad54d86d9f043332b59ba7",
      // It runs with its owner's rights, so rules have to read it.
      source: "select n",
      grants: { public: ["execute"] },
    });
    expect(fact("function a.p()")).toMatchObject({ kind: "procedure" });
    expect(fact("trigger a.base.t")).toMatchObject({ table: "a.base", enabled: "disabled" });
    expect(fact("policy a.base.own")).toEqual({
      table: "a.base",
      name: "own",
      command: "update",
      permissive: false,
      roles: ["anon", "app"],
      using: "(id > 0)",
      check: "true",
    });
    expect(fact("publication everything")).toMatchObject({ allTables: true });
    expect(fact("default privileges of migrator in a on tables")).toEqual({
      owner: "migrator",
      schema: "a",
      objects: "tables",
      grants: { app: ["select"] },
    });
    expect(fact("default privileges of migrator on functions")).toMatchObject({ grants: {} });
    expect(fact("schema a")).toEqual({ name: "a", owner: "postgres", grants: {} });
    expect(fact("database")).toEqual({ owner: "migrator", grants: { app: ["connect"] } });
    expect(fact("extension plpgsql")).toMatchObject({ version: "1.0" });
    expect(fact("role app")).toMatchObject({
      login: true,
      inherit: false,
      bypassRowSecurity: false,
    });
  });

  it("shows an index that a failed concurrent build left behind as not valid", async () => {
    await superuser.query(
      "create table public.t (n integer); insert into public.t values (1), (1)",
    );
    await expect(
      superuser.query("create unique index concurrently t_n on public.t (n)"),
    ).rejects.toMatchObject({ code: "23505" });
    expect((await catalogAfter()).get("index public.t_n")).toMatchObject({ valid: false });
  });

  it("prints the same whatever the session's settings are, and leaves them as they were", async () => {
    await superuser.query(`create table public.t (
      at timestamptz default '2026-01-01 00:00+00', d date default '2026-02-01',
      i interval default '1 day 2 hours', b bytea default '\\x00ff')`);
    await superuser.query("create view public.v as select at from public.t");
    const digest = await localDigest();
    const settings = {
      search_path: "public",
      timezone: "America/New_York",
      datestyle: "SQL, DMY",
      intervalstyle: "iso_8601",
      bytea_output: "escape",
      quote_all_identifiers: "on",
    };
    for (const [name, value] of Object.entries(settings)) {
      await superuser.query("select set_config($1, $2, false)", [name, value]);
    }
    const { rows: before } = await superuser.query("select name, setting from pg_settings");
    expect(await localDigest()).toBe(digest);
    const { rows: after } = await superuser.query("select name, setting from pg_settings");
    expect(after).toEqual(before);
  });

  it("is refused outside a transaction, where the settings would not hold", async () => {
    await expect(readCatalog(superuser)).rejects.toMatchObject({ code: "25P01" });
  });

  it("reads with no right but to connect", async () => {
    const app = await fixture.database.connect("app");
    await app.query("begin read only");
    const catalog = await readCatalog(app);
    await app.query("rollback");
    expect(catalogDigest(catalog)).toBe(catalogDigest(await catalogAfter()));
  });

  it("reads the roles that matter here and no others", async () => {
    const roles = async (...statements: string[]) =>
      [...(await catalogAfter(...statements)).keys()].filter((key) => /^role test_/.test(key));
    expect(await roles("create role test_other; create role test_bypass bypassrls")).toEqual([]);
    expect(await roles("create role test_super superuser")).toEqual(["role test_super"]);
    expect(await roles("create role test_member; grant authenticated to test_member")).toEqual([
      "role test_member",
    ]);
    expect(
      await roles(
        "create role test_bypass bypassrls",
        `grant connect on database ${fixture.database.name} to test_bypass`,
      ),
    ).toEqual(["role test_bypass"]);
    expect(await roles("create role test_reader; grant pg_read_all_data to test_reader")).toEqual([
      "role test_reader",
    ]);
    expect(
      await roles(
        "create table public.t (); create role test_holder; grant select on public.t to test_holder",
      ),
    ).toEqual(["role test_holder"]);
  });

  it("keeps what an application stores in settings of its own to itself", async () => {
    const catalog = await catalogAfter(
      "alter role app set app.jwt_secret = 'canary'",
      "alter role app set statement_timeout = '5s'",
      `alter database ${fixture.database.name} set app.other = 'canary'`,
    );
    expect(catalog.get("role app")).toMatchObject({
      settings: ["app.jwt_secret", "statement_timeout=5s"],
    });
    expect(catalog.get("database")).toMatchObject({ settings: ["app.other"] });
    expect(JSON.stringify([...catalog])).not.toContain("canary");
  });
});

describe("catalogChanges", () => {
  it("gives what turns one catalog into another, also after a journey as JSON", async () => {
    const before = await catalogAfter("create table public.a (id integer)");
    const after = await catalogAfter(
      "create table public.b (id integer)",
      "grant usage on schema public to app",
    );
    const changes = catalogChanges(before, after);
    expect(changes).toEqual({
      "table public.a": null,
      "table public.b": after.get("table public.b"),
      "schema public": after.get("schema public"),
    });
    const travelled = JSON.parse(JSON.stringify(changes)) as CatalogChanges;
    expect(catalogDigest(applyChanges(before, travelled))).toBe(catalogDigest(after));
    expect(catalogChanges(after, after)).toEqual({});
  });
});

describe("schemaOf", () => {
  it("gives rules the shape that they judge", async () => {
    const schema = schemaOf(
      await catalogAfter(
        'create table public.u (id integer primary key, "a b" text unique)',
        "create table public.t (a integer not null, b integer references public.u on delete cascade)",
        "create index on public.t (b desc nulls last, (a + 1))",
        "create unique index on public.t (a, b) where a > 0",
        "create rule r as on delete to public.t do also notify deleted",
        "create rule n as on update to public.t do instead nothing",
        "alter role app set request.x = '1'",
        "grant insert (b, a), select on public.t to app",
        "create policy p on public.t for select to app using (a = 1)",
        "create function public.f() returns integer language sql set search_path = '' as 'select 1'",
      ),
    );
    expect(schema.tables[1]).toMatchObject({ name: "u", keys: [["id"], ["a b"]] });
    expect(schema.settings).toContainEqual({ role: "app", name: "request.x" });
    expect(schema.tables.slice(0, 1)).toEqual([
      {
        schema: "public",
        name: "t",
        kind: "table",
        columns: [
          { name: "a", type: "integer", notNull: true },
          { name: "b", type: "integer", notNull: false },
        ],
        keys: [],
        foreignKeys: [
          {
            columns: ["b"],
            table: { schema: "public", name: "u" },
            references: ["id"],
            onDelete: "cascade",
          },
        ],
        indexes: [["a", "b"], ["b"]],
        parents: [],
        rewriteRules: ["r"],
        owner: "postgres",
        rowSecurity: false,
        forced: false,
        policies: [
          {
            name: "p",
            command: "select",
            permissive: true,
            roles: ["app"],
            using: "(a = 1)",
            check: null,
          },
        ],
        grants: [
          { grantee: "app", privilege: "select", columns: null },
          { grantee: "app", privilege: "insert", columns: ["a", "b"] },
        ],
      },
    ]);
    expect(schema.functions).toEqual([
      expect.objectContaining({ name: "f", searchPath: "", executableBy: ["public"] }),
    ]);
    expect(schema.roles).toContainEqual(
      expect.objectContaining({
        name: "app",
        memberOf: [
          { role: "anon", admin: false, inherit: false, set: true },
          { role: "authenticated", admin: false, inherit: false, set: true },
          { role: "service_role", admin: false, inherit: false, set: true },
        ],
      }),
    );
  });
});

describe("acceptance 7: up, rollback, up", () => {
  it("ends in an equal catalog for each of the project's migrations", async () => {
    const [base, tables] = projectTrios();
    // 000 takes PUBLIC's rights and does not give them back; everything else goes and comes again.
    await applyMigration(fixture.settings, base);
    const withBase = await localDigest();
    await rollbackMigration(fixture.settings, base);
    const empty = await localDigest();
    await applyMigration(fixture.settings, base);
    expect(await localDigest()).toBe(withBase);

    await applyMigration(fixture.settings, tables);
    const withTables = await localDigest();
    await rollbackMigration(fixture.settings, tables);
    expect(await localDigest()).toBe(withBase);
    await applyMigration(fixture.settings, tables);
    expect(await localDigest()).toBe(withTables);

    await rollbackMigration(fixture.settings, tables);
    await rollbackMigration(fixture.settings, base);
    expect(await localDigest()).toBe(empty);
    // The control: the digest tells them apart.
    expect(new Set([empty, withBase, withTables]).size).toBe(3);
  });
});
