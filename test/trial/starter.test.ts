import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type SqlFile, readContract } from "../../rules/src";
import { type Verdict, judgeMigrations, withThrowawayServer } from "../../trial/src";

const STARTER = join(__dirname, "../policy/starter");

const starter = readdirSync(STARTER)
  .sort()
  .map((file): SqlFile => ({ file, sql: readFileSync(join(STARTER, file), "utf8") }));

/** One slip in the application: what it is, what is written, and what is written in its place. */
const slips: [name: string, written: string, slip: string][] = [
  [
    "profiles are seen by everyone",
    "for select using ((select auth.uid()) = id);",
    "for select using (true);",
  ],
  [
    "whoever is signed in adds themself to a team",
    "with check (public.has_team_role(team_id, '{owner}'));\n\ncreate policy \"Owners can change",
    'with check (user_id = (select auth.uid()));\n\ncreate policy "Owners can change',
  ],
  [
    "a helper does not ask for the caller",
    "where team_id = _team_id and user_id = (select auth.uid())",
    "where team_id = _team_id",
  ],
  [
    "an invitation is accepted by its id",
    "where token = invitation_token and expires_at > now()",
    "where id::text = invitation_token and expires_at > now()",
  ],
  [
    "who comments does not have to see the task",
    'user_id = (select auth.uid())\n    and exists (select 1 from public.tasks t where t.id = task_id)\n  );\n\ncreate policy "Authors can edit',
    'user_id = (select auth.uid())\n  );\n\ncreate policy "Authors can edit',
  ],
  [
    "team files are read by every member of any team",
    "bucket_id = 'team-files'\n    and (storage.foldername(name))[1] in (\n      select m.team_id::text from public.team_members m where m.user_id = (select auth.uid())\n    )\n  );\n\ncreate policy \"Members can upload",
    "bucket_id = 'team-files'\n    and exists (\n      select 1 from public.team_members m where m.user_id = (select auth.uid())\n    )\n  );\n\ncreate policy \"Members can upload",
  ],
  [
    "the audit log has no row level security",
    "alter table public.audit_log enable row level security;\n",
    "",
  ],
  [
    "projects move into other teams",
    "using (public.has_team_role(team_id, '{owner,editor}'))\n  with check (public.has_team_role(team_id, '{owner,editor}'));\n\ncreate policy \"Owners can delete projects\"",
    "using (public.has_team_role(team_id, '{owner,editor}'))\n  with check (created_by is not null);\n\ncreate policy \"Owners can delete projects\"",
  ],
];

const tell = ({ findings }: Verdict) =>
  findings
    .filter(({ level }) => level === "mandatory")
    .map(({ code, object, message }) => `${code} ${object}: ${message}`);

describe("a starter application on the platform supabase", () => {
  const verdicts = new Map<string, Verdict>();

  beforeAll(async () => {
    const contract = readContract("supabase");
    await withThrowawayServer(async (server) => {
      const judge = (files: readonly SqlFile[]) =>
        judgeMigrations(files, { contract, server, fresh: true });
      verdicts.set("as it is", await judge(starter));
      for (const [name, written, slip] of slips) {
        const files = starter.map(({ file, sql }) => ({ file, sql: sql.replace(written, slip) }));
        expect({
          name,
          differs: files.filter(({ sql }, i) => sql !== starter[i]?.sql).length,
        }).toEqual({ name, differs: 1 });
        verdicts.set(name, await judge(files));
      }
    });
  }, 300_000);

  const verdictOn = (name: string): Verdict => {
    const verdict = verdicts.get(name);
    if (!verdict) throw new Error(`${name} was not judged.`);
    return verdict;
  };

  it("is accepted, with every table filled and attacked", () => {
    const verdict = verdictOn("as it is");
    expect(tell(verdict)).toEqual([]);
    // Twelve of the application's own, and those of the platform that it has policies or triggers on.
    expect(verdict.trial?.tables).toBeGreaterThanOrEqual(13);
    expect(verdict.trial?.attempts).toBeGreaterThan(200);
  });

  it.each(slips.map(([name]) => name))("is refused where %s", (name) => {
    expect(tell(verdictOn(name))).not.toEqual([]);
  });
});
