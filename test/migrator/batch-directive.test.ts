import { batched, readStatements } from "./batch-fixture";

const STATEMENT = "update public.items i set n = n + 1 where i.n > 0 /* batch: i.id */;";

/** What reading a file says, an error as its text. */
const outcome = (sql: string) =>
  readStatements(sql).then(
    (statements) => statements.map(({ directive }) => directive),
    (error: unknown) => String(error),
  );

describe("a batch directive", () => {
  it("belongs to the statement below it, and to no other", async () => {
    const sql = `-- A batch of words: nothing.
select 1; -- batches: none
-- Visits are counted again, é.
-- batch: table public.items, key id
${STATEMENT}
-- batched: done
select 2;`;
    const [before, directive, after] = (await readStatements(sql)).map((each) => each.directive);
    expect([before, after]).toEqual([undefined, undefined]);
    const start = STATEMENT.indexOf("/*");
    expect(directive).toEqual({
      table: { schema: "public", name: "items" },
      key: ["id"],
      size: 5_000,
      pauseMs: 50,
      targetMs: 500,
      marks: [{ start, end: start + "/* batch: i.id */".length, columns: [["i", "id"]] }],
      line: 4,
    });
  });

  it("takes quoted names, keys of several columns, and its settings in any order", async () => {
    const { directive } = await batched(`
--  BATCH : target 2s, size 10, key ("Last, name", "a""b"), table public."My items", pause 0ms
delete from public."My items" where true /* batch: ("Last, name", "a""b") */`);
    expect(directive).toMatchObject({
      table: { schema: "public", name: "My items" },
      key: ["Last, name", 'a"b'],
      size: 10,
      pauseMs: 0,
      targetMs: 2_000,
      marks: [{ columns: [["Last, name"], ['a"b']] }],
    });
  });

  const form =
    'Write it on a line of its own directly above the statement, as "-- batch: table public.users, ' +
    'key id, size 5000, pause 50ms, target 500ms"; size, pause and target may be left out, and a key ' +
    "of several columns is written (a, b).";

  it.each([
    ["table items, key id", 'table must be a name with its schema, and is "items"'],
    ["key id", "table must be a name with its schema, and is missing"],
    ["table public.items", "key must be a column or (a, b), and is missing"],
    ["table public.items, key a b", 'key must be a column or (a, b), and is "a b"'],
    ["table public.items, key id, key id", "key is given twice"],
    ["table public.items, key id, sise 5", '"sise" is no setting of a batch'],
    ["table public.items, key id,", '"" is no setting of a batch'],
    ...["0", "-1", "1000000", "many"].map((size) => [
      `table public.items, key id, size ${size}`,
      `size must be a number of keys from 1 to 999999, and is "${size}"`,
    ]),
    ["table public.items, key id, pause 5", 'pause must be a time from 0ms to 60s, and is "5"'],
    ["table public.items, key id, pause 61s", 'pause must be a time from 0ms to 60s, and is "61s"'],
    ["table public.items, key id, target 0s", 'target must be a time from 1ms to 60s, and is "0s"'],
  ])("is refused as %p", async (settings, found) => {
    expect(await outcome(`select 1;\n-- batch: ${settings}\n${STATEMENT}`)).toBe(
      `MigratorError: MIG060 sql/002_test.sql:2: the batch directive is not usable: ${found}. ${form}`,
    );
  });

  it.each([
    [
      STATEMENT,
      "1: the statement marks where the range of a batch goes, but no directive stands above it",
    ],
    [
      `-- batch: table a.b, key c\n-- batch: table a.b, key c\n${STATEMENT}`,
      "1: several directives stand above the statement, and one is required",
    ],
    [`/* batch: table a.b, key c */\n${STATEMENT}`, "1: the directive is not a line comment"],
  ])("is refused at another place: %p", async (sql, found) => {
    expect(await outcome(sql)).toBe(`MigratorError: MIG060 sql/002_test.sql:${found}. ${form}`);
  });

  it("is refused inside the statement", async () => {
    expect(await outcome("update public.items\n-- batch: table a.b, key c\nset n = 1")).toBe(
      "MigratorError: MIG060 sql/002_test.sql:2:1: a batch directive stands inside a statement. " +
        "Write it on a line of its own directly above the statement.",
    );
  });
});

describe("the mark of a batch", () => {
  it.each(["1", "i.*", "i.id + 1", "", "lower(i.id)", "i.id) or (true", "id;"])(
    "must name columns: %p",
    async (written) => {
      const sql = `-- batch: table public.items, key id\nupdate public.items i set n = 1 where true\n  /* batch: ${written} */`;
      expect(await outcome(sql)).toBe(
        "MigratorError: MIG061 sql/002_test.sql:3:3: a mark must name the columns that the range of a " +
          `batch limits, and says "${written}". Write it as /* batch: u.id */, or /* batch: (u.a, u.b) */.`,
      );
    },
  );

  const inWhere =
    "a mark is not a condition of its own in a WHERE clause. Write WHERE true before it where there is " +
    "none, put what stands before it into parentheses where that contains OR, and no mark into ON, " +
    "HAVING or an arm of UNION";
  const unmarkedWrite =
    "an INSERT, UPDATE or DELETE of it, or it itself, has no mark in its own WHERE clause";

  it.each([
    [
      "update public.items set n = 1",
      "it has no mark. Write /* batch: id */, with the alias, at the end of its WHERE clause",
    ],
    [
      "update public.items set n = 1 where true /* batch: (id, n) */",
      "a mark names 2 columns, and the key has 1",
    ],
    ["update public.items set n = 1 /* batch: id */", inWhere],
    ["delete from public.items i where a or b /* batch: i.id */", inWhere],
    [
      "update public.other o set n = 1 from public.items i join public.x x on x.id = i.id /* batch: i.id */ where o.id = i.id",
      inWhere,
    ],
    [
      "insert into public.other select id from public.items where true /* batch: id */ union select 1",
      inWhere,
    ],
    [
      "insert into public.other select id from public.items i where i.id in (select id from public.items where true /* batch: id */)",
      unmarkedWrite,
    ],
    [
      "with gone as (delete from public.old returning id) update public.items i set n = 1 where true /* batch: i.id */",
      unmarkedWrite,
    ],
    [
      "insert into public.other values (1) on conflict (id) do update set n = 1 where true /* batch: id */",
      inWhere,
    ],
    [
      "merge into public.other o using (select id from public.items where true /* batch: id */) i on i.id = o.id when matched then delete",
      "MERGE takes rows out of the range for rows that do not match. Write INSERT … ON CONFLICT",
    ],
    [
      "insert into public.items select n from public.items i where true /* batch: i.id */",
      "it inserts into the table whose keys are walked, and would meet its own rows",
    ],
    [
      "update public.items i set n = 1, id = i.id + 1 where true /* batch: i.id */",
      "it changes the key that is walked, or a marked column, and would meet a row twice",
    ],
    [
      "update public.other o set owner = 1 from public.items i where o.owner = i.id /* batch: o.owner */",
      "it changes the key that is walked, or a marked column, and would meet a row twice",
    ],
    [
      "update public.other set owner = 1 where true /* batch: owner */",
      "it changes the key that is walked, or a marked column, and would meet a row twice",
    ],
    [
      "insert into public.other select id from public.items i where true /* batch: i.id */ limit 5",
      "a limited query has LIMIT or OFFSET",
    ],
    [
      "insert into public.other select distinct n from public.items i where true /* batch: i.id */",
      "a limited query has DISTINCT without the marked columns",
    ],
    [
      "insert into public.other select n, count(*) from public.items i where true /* batch: i.id */ group by n",
      "a limited query has GROUP BY without the marked columns",
    ],
    [
      "insert into public.other select 1 + max(n) from public.items i where true /* batch: i.id */",
      "a limited query makes one row of all. Group it by the marked columns",
    ],
    [
      "with t as (select count(*) as c from public.items i where true /* batch: i.id */) update public.items i set n = t.c from t where true /* batch: i.id */",
      "a limited query makes one row of all. Group it by the marked columns",
    ],
    [
      "insert into public.other select row_number() over (order by n) from public.items i where true /* batch: i.id */",
      "a window function of a limited query is not partitioned by the marked columns",
    ],
    [
      "insert into public.other select rank() over w from public.items i where true /* batch: i.id */ window w as (order by n)",
      "a window function of a limited query is not partitioned by the marked columns",
    ],
    [
      "create table public.other as select id from public.items i where true /* batch: i.id */",
      "it is not an INSERT, UPDATE, DELETE or SELECT",
    ],
  ])("is refused where batches would not be equal to the whole: %p", async (sql, found) => {
    expect(await outcome(`-- batch: table public.items, key id\n${sql};`)).toBe(
      `MigratorError: MIG061 sql/002_test.sql:2:1: the statement cannot be run in batches: ${found}. ` +
        "In batches it would not do what it does at once. Correct it, or remove the directive and the marks.",
    );
  });

  it.each([
    "delete from public.items i where (a or b) /* batch: i.id */",
    "update public.other o set n = i.n from public.items i where i.id = o.id /* batch: i.id */ and o.n > 1",
    "update public.other o set id = i.n from public.items i where i.id = o.owner /* batch: i.id */",
    "insert into public.other select i.id, count(*) from public.items i where true /* batch: i.id */ group by i.id, i.n",
    "insert into public.other select distinct i.id from public.items i where true /* batch: i.id */ order by 1",
    "insert into public.other select distinct on (i.id) i.n from public.items i where true /* batch: i.id */",
    "insert into public.other select rank() over w, lag(n) over (partition by id), (select max(n) from public.x) from public.items i where true /* batch: i.id */ window w as (partition by i.id order by n)",
    "with gone as (delete from public.items i where true /* batch: i.id */ returning *) insert into public.old select g.* from gone g where true /* batch: g.id */",
    "insert into public.other select id from public.items i where true /* batch: i.id */ on conflict do nothing returning (select count(*) from public.x)",
    "select public.f(i.id) from public.items i where true /* batch: i.id */",
  ])("stands in %p", async (sql) => {
    const { directive } = await batched(`-- batch: table public.items, key id\n${sql};`);
    expect(directive.key).toEqual(["id"]);
  });
});
