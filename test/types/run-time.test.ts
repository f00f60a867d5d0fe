import { Client, type ClientConfig } from "pg";
import ts from "typescript";
import { databaseTypes } from "../../src/types";
import { createMigratedDatabase } from "../migrator/migration-fixture";
import type { TestDatabase } from "../support/database";
import { type ProjectTypes, makeProjectTypes } from "./generator";

let database: TestDatabase;
let generated: ProjectTypes;
let client: Client;
const others: Client[] = [];

/** Connects as the superuser, who sees every row. */
async function connect(config: ClientConfig = { types: databaseTypes }): Promise<Client> {
  const connection = new Client({ connectionString: database.url("postgres"), ...config });
  await connection.connect();
  others.push(connection);
  return connection;
}

beforeAll(async () => {
  database = await createMigratedDatabase();
  generated = makeProjectTypes(database.url("migrator"));
  client = await connect();
});
afterAll(async () => {
  await Promise.all(others.map((each) => each.end()));
  await database.drop();
});

/** One value as `pg` gives it with `databaseTypes`. */
async function read(sql: string, values: unknown[] = []): Promise<unknown> {
  const { rows } = await client.query<{ value: unknown }>(`select ${sql} as value`, values);
  return rows[0]?.value;
}

/** The types of a table's `Row` in the generated file, by column. */
function rowTypes(table: string): Map<string, ts.TypeNode> {
  const source = ts.createSourceFile(generated.file, generated.text, ts.ScriptTarget.ES2022, true);
  const alias = source.statements.find(
    (statement): statement is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(statement) && statement.name.text === "Database",
  );
  const row = ["public", "Tables", table, "Row"].reduce<ts.TypeNode | undefined>(
    (type, name) => (type ? membersOf(type).get(name) : undefined),
    alias?.type,
  );
  if (!row) throw new Error(`The generated file has no ${table}.`);
  return membersOf(row);
}

function membersOf(type: ts.TypeNode): Map<string, ts.TypeNode> {
  const members = ts.isTypeLiteralNode(type) ? type.members.filter(ts.isPropertySignature) : [];
  return new Map(
    members.flatMap(({ name, type: member }) => (member ? [[name.getText(), member]] : [])),
  );
}

/** Whether a value is of a type as the generated file writes it. */
function isOf(value: unknown, type: ts.TypeNode): boolean {
  if (ts.isUnionTypeNode(type)) return type.types.some((each) => isOf(value, each));
  switch (type.getText()) {
    case "null":
      return value === null;
    case "Buffer":
      return Buffer.isBuffer(value);
    case "{ [key: string]: Json | undefined }":
      return Object.getPrototypeOf(value) === Object.prototype;
    default:
      return ts.isLiteralTypeNode(type)
        ? JSON.stringify(value) === type.getText()
        : typeof value === type.getText();
  }
}

describe("a row of every table, with all columns set", () => {
  const USER = "0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11";

  beforeAll(async () => {
    await client.query("insert into public.users (id, email) values ($1, 'a@example.org')", [USER]);
    await client.query(
      `insert into public.sessions (user_id, started_at, ended_at, images_count)
       values ($1, '2026-11-22 10:00:00.000001+00', '2026-11-22 11:00:00+00', 3)`,
      [USER],
    );
    await client.query("delete from public.user_progress");
    await client.query(
      `insert into public.user_progress (user_id, total_sessions, total_time_seconds, last_session_id,
         first_activity_at, last_activity_at, preferences)
       values ($1, 1, 9007199254740993, gen_random_uuid(), now(), now(), '{"theme": "dark"}')`,
      [USER],
    );
    await client.query(
      `insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id, last_validated_at)
       values ($1, '\\x00ff', 'key', now())`,
      [USER],
    );
    await client.query(
      `insert into public.export_history (user_id, export_type, format, storage_bucket, storage_key,
         file_size_bytes, row_count, checksum_sha256, error_message, started_at, completed_at,
         expires_at)
       values ($1, 'full', 'csv', 'bucket', 'key', 9007199254740993, 1, repeat('0', 64), 'none',
         now(), now(), now())`,
      [USER],
    );
  });

  it.each(["users", "sessions", "user_api_keys", "user_progress", "export_history"])(
    "is what the generated file says: %s",
    async (table) => {
      const { rows } = await client.query<Record<string, unknown>>(`select * from public.${table}`);
      const types = rowTypes(table);
      expect(rows).toHaveLength(1);
      expect(Object.keys(rows[0] ?? {}).sort()).toEqual([...types.keys()].sort());
      for (const [column, type] of types) {
        const value = rows[0]?.[column];
        expect({ column, isNull: value === null }).toEqual({ column, isNull: false });
        expect({ column, type: type.getText(), value, is: isOf(value, type) }).toMatchObject({
          is: true,
        });
      }
    },
  );

  it("is not what the file says with pg's own parsers", async () => {
    const plain = await connect({});
    const { rows } = await plain.query<Record<string, unknown>>(
      "select * from public.user_progress",
    );
    const wrong = [...rowTypes("user_progress")]
      .filter(([column, type]) => !isOf(rows[0]?.[column], type))
      .map(([column]) => column);
    expect(wrong).toHaveLength(16 + 4);
    expect(wrong).toEqual(expect.arrayContaining(["total_sessions", "updated_at"]));
  });

  it("is found again by the time that it gave, to the microsecond", async () => {
    const find = async (connection: Client) => {
      const { rows } = await connection.query<{ at: unknown }>(
        "select started_at as at from public.sessions",
      );
      const found = await connection.query("select from public.sessions where started_at = $1", [
        rows[0]?.at,
      ]);
      return found.rowCount;
    };
    expect(await find(client)).toBe(1);
    expect(await find(await connect({}))).toBe(0);
  });
});

describe("databaseTypes", () => {
  it.each([
    ["9223372036854775807::int8", 9223372036854775807n],
    ["(-9223372036854775808)::int8", -9223372036854775808n],
    ["'{1,null,9007199254740993}'::int8[]", [1n, null, 9007199254740993n]],
    ["'{{1,2},{3,4}}'::int8[]", [[1n, 2n], [3n, 4n]]], // prettier-ignore
    ["12345678901234567890.10::numeric", "12345678901234567890.10"],
    ["'NaN'::numeric", "NaN"],
    ["'{0.10,null,1e400}'::numeric[]", ["0.10", null, `1${"0".repeat(400)}`]],
    ["2147483647::int4", 2147483647],
    ["(-32768)::int2", -32768],
    ["0.1::float8", 0.1],
    ["'Infinity'::float4", Infinity],
    ["true", true],
    ["'{t,null,f}'::bool[]", [true, null, false]],
    ["'{1,null}'::int4[]", [1, null]],
    ["'{1}'::int2[]", [1]],
    ["'{0.5}'::float8[]", [0.5]],
    ["'{0.5}'::float4[]", [0.5]],
    ["'\\x00ff'::bytea", Buffer.from([0, 255])],
    ["array['\\x00ff'::bytea, null]", [Buffer.from([0, 255]), null]],
    ["'{\"a\": [1, null]}'::jsonb", { a: [1, null] }],
    ["'{\"a\": 1}'::json", { a: 1 }],
    ["array['{\"a\": 1}'::jsonb]", [{ a: 1 }]],
    ["array['[1]'::json]", [[1]]],
    ["'a'::text", "a"],
    ['\'{"a,b",null,"NULL"}\'::text[]', ["a,b", null, "NULL"]],
    ["'{a}'::varchar[]", ["a"]],
    ["'ab'::char(3)", "ab "],
    ["'{ab}'::char(2)[]", ["ab"]],
    ["'0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11'::uuid", "0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11"],
    ["'{0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11}'::uuid[]", ["0b5a3c3e-8a0e-4a43-9b61-0d8f5d0a9d11"]],
    ["'10:00:00.000001'::time", "10:00:00.000001"],
    ["'{10:00:00}'::time[]", ["10:00:00"]],
    ["'10:00:00+02'::timetz", "10:00:00+02"],
    ["'{10:00:00+02}'::timetz[]", ["10:00:00+02"]],
    ["'1 year 2 days 00:00:00.000001'::interval", "1 year 2 days 00:00:00.000001"],
    ["(select count(*) from (values (1)) t (x))", 1n],
    ["(select sum(x) from (values (1)) t (x))", 1n],
    ["(select sum(x) from (values (1::int8)) t (x))", "1"],
    ["(select avg(x) from (values (1::int8)) t (x))", "1.00000000000000000000"],
    ["'{\"1 day\",null}'::interval[]", ["1 day", null]],
  ])("reads %s", async (sql, expected) => {
    expect(await read(sql)).toEqual(expected);
  });

  const TIMES = [
    ["date", "2026-11-22"],
    ["date", "infinity"],
    ["date", "0044-03-15 BC"],
    ["date", "12026-01-01"],
    ["timestamp", "2026-11-22 10:00:00.000001"],
    ["timestamp", "-infinity"],
    ["timestamp", "0044-03-15 10:00:00 BC"],
    ["timestamptz", "2026-11-22 10:00:00.123456+00"],
    ["timestamptz", "2026-11-22 10:00:00+05:30"],
    ["timestamptz", "infinity"],
    ["timestamptz", "0044-03-15 10:00:00+00 BC"],
    ["timestamptz", "12026-01-01 10:00:00.5+00"],
    ["timestamptz", "1880-01-01 10:00:00+00"],
  ];

  it.each(["UTC", "Asia/Kolkata", "America/St_Johns", "Europe/Amsterdam"])(
    "reads times as the server puts them into JSON, in time zone %s",
    async (zone) => {
      await client.query("select set_config('TimeZone', $1, false)", [zone]);
      for (const [type, text] of TIMES) {
        const { rows } = await client.query<Record<string, unknown>>(
          `select $1::${type} as value, array[$1::${type}, null] as values,
                  to_json($1::${type}) as expected`,
          [text],
        );
        const expected = rows[0]?.["expected"];
        expect(rows[0]).toEqual({ value: expected, values: [expected, null], expected });
      }
      await client.query("reset timezone");
    },
  );

  it("gives what the server takes back unchanged", async () => {
    for (const [type, text] of TIMES) {
      const value = await read(`$1::${type}`, [text]);
      expect({ text, same: await read(`$1::${type} = $2::${type}`, [value, text]) }).toEqual({
        text,
        same: true,
      });
    }
    const most = 9223372036854775807n;
    expect(await read("$1::int8", [most])).toBe(most);
    const bytes = Buffer.from([0, 92, 255]);
    expect(await read("$1::bytea", [bytes])).toEqual(bytes);
  });

  it("refuses times of a session with another DateStyle, without quoting them", async () => {
    const german = await connect();
    await german.query("set datestyle = 'German'");
    await expect(german.query("select timestamptz '2026-11-22 10:00Z' as at")).rejects.toThrow(
      /^MIG053 The database sent a date or time that is not in the form of DateStyle ISO\. Leave DateStyle of the session, its role and the database at ISO\.$/,
    );
    await expect(german.query("select 1 as one")).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it("refuses binary results", async () => {
    const binary = { types: databaseTypes, binary: true };
    const connection = await connect(binary);
    await expect(connection.query("select $1::int8 as sum", [1])).rejects.toThrow(
      /^MIG053 A query asked for binary results/,
    );
  });

  it("changes nothing for other connections", async () => {
    const plain = await connect({});
    const { rows } = await plain.query("select 1::int8 as sum");
    expect(rows).toEqual([{ sum: "1" }]);
  });
});
