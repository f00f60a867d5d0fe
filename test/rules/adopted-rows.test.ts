import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judgeSchema, readSqlSchema } from "../../rules/src";

const existing = "000_existing_schema.sql";
const base = { file: existing, sql: readFileSync(join(__dirname, "../../sql", existing), "utf8") };

const ofParent =
  "exists (select from public.decks d where d.id = deck_id and d.user_id = (select auth.uid()))";
const schema = (policy: string, keys = "primary key") => `
  create table public.decks (
    id uuid ${keys}, user_id uuid not null references public.users (id), title text
  );
  create index on public.decks (user_id);
  alter table public.decks enable row level security, force row level security;
  create policy decks_own on public.decks for all to authenticated
    using ((select auth.uid()) = user_id);
  grant select, insert on public.decks to authenticated;
  create table public.cards (id uuid primary key, deck_id uuid not null);
  alter table public.cards enable row level security, force row level security;
  create policy cards_own on public.cards ${policy};
  grant select, insert on public.cards to authenticated;`;

async function judge(sql: string) {
  const found = judgeSchema(await readSqlSchema([base, { file: "002.sql", sql }]), "mandatory");
  return found.filter(({ code }) => code === "POL110" || code === "POL111");
}

describe("a row that no foreign key ties to its parent", () => {
  it("is refused with the foreign key that it lacks", async () => {
    const [found, ...others] = await judge(
      schema(`for all to authenticated using (${ofParent}) with check (${ofParent})`),
    );
    expect(others).toEqual([]);
    expect(found?.message).toBe(
      "policy cards_own on public.cards lets authenticated reach rows of other users: in `using " +
        `(${ofParent})\` no foreign key ties deck_id of public.cards to public.decks (id), which end ` +
        "users may choose: whoever takes the key of a parent that is gone, or never was, gets its " +
        "rows; every way in which it is true must make the signed-in user the row's owner",
    );
    expect(found?.remediation).toBe(
      "Write `alter table public.cards add foreign key (deck_id) references public.decks (id);`, or " +
        "grant no insert and update of id.",
    );
  });

  it("may be written where the parent is the user's", async () => {
    const sql = schema(`for insert to authenticated with check (${ofParent})`);
    const reads = "create policy cards_none on public.cards for select to authenticated";
    expect(await judge(`${sql} ${reads} using (false);`)).toEqual([]);
  });

  it("is its parent's by a foreign key of what it names", async () => {
    const between = `
      create table public.boxes (deck_id uuid primary key references public.decks (id) on delete cascade);
      alter table public.boxes enable row level security, force row level security;
      create policy boxes_own on public.boxes for select to authenticated using (${ofParent});
      alter table public.cards add foreign key (deck_id) references public.boxes (deck_id);`;
    const sql = schema(`for select to authenticated using (${ofParent})`);
    expect(await judge(sql + between)).toEqual([]);
    const loose = between.replace("references public.decks (id) on delete cascade", "");
    const found = await judge(sql + loose);
    expect(found.map(({ object }) => object)).toEqual([
      "policy cards_own on public.cards",
      "policy boxes_own on public.boxes",
    ]);
  });

  it("is refused where a foreign key holds another column of it", async () => {
    const sql = schema(`for select to authenticated using (${ofParent})`);
    const key =
      "alter table public.cards add foreign key (id) references public.decks (id) on delete cascade;";
    expect((await judge(sql + key)).map(({ code }) => code)).toEqual(["POL110"]);
  });

  it("is said to be open where its parent's owner is not asked, with or without a foreign key", async () => {
    const open = "exists (select from public.decks d where d.id = deck_id and d.title <> '')";
    const sql = schema(`for select to authenticated using (${open})`).replace(
      "using ((select auth.uid()) = user_id)",
      "using (title <> '')",
    );
    const found = await judge(sql);
    expect(found.map(({ object }) => object)).toContain("policy cards_own on public.cards");
    expect(JSON.stringify(found)).not.toContain("foreign key ties");
  });
});
