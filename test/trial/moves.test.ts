import { readFileSync } from "node:fs";
import path from "node:path";
import { defaultContract } from "../../rules/src";
import type { DatabaseTrialOptions } from "../../trial/src";
import { createDatabase } from "../support/database";
import { moveCases } from "./move-cases";
import { superuser, tryMigrations } from "./trial-server";

const base = readFileSync(path.resolve(__dirname, "../../sql/000_existing_schema.sql"), "utf8");

function tryOne(sql: string, options?: DatabaseTrialOptions) {
  const files = [
    { file: "000.sql", sql: base },
    { file: "001.sql", sql },
  ];
  return tryMigrations(superuser(), files, options);
}

async function findingsOn(sql: string) {
  return (await tryOne(sql)).findings;
}

const caseOf = (way: string) => {
  const found = moveCases.find((one) => one.way === way);
  if (!found) throw new Error(`There is no case of ${way}.`);
  return found;
};

describe("an attacker who makes moves", () => {
  it.each(moveCases)("finds $way, and nothing in its twin", async (one) => {
    const { leaking, safe, object, rule = "trial-moves" } = one;
    expect(await findingsOn(leaking)).toContainEqual(
      expect.objectContaining({ rule, object, level: "mandatory" }),
    );
    const mandatory = (await findingsOn(safe)).filter(({ level }) => level === "mandatory");
    expect(mandatory).toEqual([]);
  });

  it("tells the steps in their order, and what nobody gave", async () => {
    const { leaking } = caseOf("a friendship that who asked agrees to");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    expect(finding?.message).toMatch(
      /user A, makes "insert into .*" and then "update .* set status = 'agreed'.*" and then reads 6 rows of public\.posts of user B, which nobody gave them$/,
    );
  });

  it("tells what was given before", async () => {
    const { leaking } = caseOf("members who give themselves a higher place");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    expect(finding?.message).toContain("user A, whom others entered into public.members");
  });

  it("tells as advice what a flag opens that users cannot set", async () => {
    const { safe } = caseOf("a flag in one's own profile");
    expect(await findingsOn(safe)).toEqual([
      expect.objectContaining({
        rule: "trial-moves",
        level: "advisory",
        object: "public.profiles",
        message: expect.stringContaining("reads 6 rows of public.tickets of user B") as string,
      }),
    ]);
  });

  it("tells what newcomers choose when they sign up", async () => {
    const { leaking } = caseOf("a team that whoever signs up names");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    expect(finding?.message).toMatch(
      /authenticated, who signs up as "insert into public\.users .*\{"team":.*", reads 1 row of public\.teams/,
    );
    expect(finding?.reproduction).toMatch(/insert into public\.users .*\{"team":/);
  });

  it("has every signed-in role of the contract make moves", async () => {
    const { leaking } = caseOf("a function that lets in whoever knows the team's key");
    const sql = leaking.replace(
      "grant execute on function public.enter(uuid) to authenticated",
      `grant execute on function public.enter(uuid) to service_role;
       create policy more_teams on public.teams for select to service_role using (public.role_in(id) is not null);
       grant select on public.teams to service_role;
       grant execute on function public.role_in(uuid) to service_role`,
    );
    const signedInRoles = ["authenticated", "service_role"];
    const contract = { ...defaultContract, signedInRoles, backOfficeRoles: [] };
    const { findings } = await tryOne(sql, { contract });
    const moves = findings.filter(({ rule }) => rule === "trial-moves");
    expect(moves.map(({ object }) => object)).toEqual(["function public.enter(team uuid)"]);
    expect(moves[0]?.message).toContain("service_role as user A, makes");
  });

  it("counts errors of what is tried after a move that are no refusals", async () => {
    const { safe } = caseOf("members who give themselves a higher place");
    const { unexpected } = await tryOne(`${safe}
      create function public.share_of(team uuid) returns bigint
      language sql stable security definer cost 1 set search_path = '' as $$
        select 100 / count(*) from public.members m where m.team_id = team
      $$;
      revoke all on function public.share_of(uuid) from public;
      grant execute on function public.share_of(uuid) to authenticated;
      alter policy papers_read on public.papers
        using (public.share_of(team_id) > 0 and public.role_in(team_id) is not null);
      grant insert (team_id, user_id) on public.members to authenticated;`);
    expect(unexpected).toContainEqual(
      expect.objectContaining({ object: "public.papers", sqlState: "22012" }),
    );
  });

  it("gives a script that shows it", async () => {
    const { leaking } = caseOf("a level that users choose in their company");
    const [finding] = (await findingsOn(leaking)).filter(({ rule }) => rule === "trial-moves");
    const database = await createDatabase();
    try {
      const migrator = await database.connect("migrator");
      for (const text of [base, leaking]) await migrator.query(text);
      const client = await database.connect("postgres");
      const results = (await client.query(finding?.reproduction ?? "")) as unknown as {
        command: string;
        rows: { company_id?: string }[];
      }[];
      const shown = results.filter(({ command }) => command === "SELECT").at(-1)?.rows ?? [];
      const { rows } = await client.query("select from public.invoices");
      expect(shown.length).toBeGreaterThan(0);
      expect(rows).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});
