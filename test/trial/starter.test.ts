import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type SqlFile, readContract } from "../../rules/src";
import {
  type Verdict,
  judgeMigrations,
  withThrowawayDatabase,
  withThrowawayServer,
} from "../../trial/src";
import { applyMigrations } from "../../trial/src/server/apply-migrations";
import { userA, userB } from "../policy/corpus-case";

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
  [
    "an invitation is accepted by its id, which its token should protect",
    "where token = invitation_token",
    "where id::text = invitation_token",
  ],
  [
    "whoever signs up is placed into the team that they name",
    "insert into public.user_settings (user_id) values (new.id);\n  return new;",
    `insert into public.user_settings (user_id) values (new.id);
  insert into public.team_members (team_id, user_id, role)
  select t.id, new.id, 'viewer' from public.teams t where t.id::text = new.raw_user_meta_data ->> 'team';
  return new;`,
  ],
  [
    "whoever signs up with an address of a team's domain is placed into it",
    "insert into public.user_settings (user_id) values (new.id);\n  return new;",
    `insert into public.user_settings (user_id) values (new.id);
  insert into public.team_members (team_id, user_id, role)
  select t.id, new.id, 'viewer' from public.teams t where t.name = split_part(new.email, '@', 2);
  return new;`,
  ],
];

const tell = ({ findings }: Verdict) =>
  findings
    .filter(({ level }) => level === "mandatory")
    .map(({ code, object, message }) => `${code} ${object}: ${message}`);

const contract = readContract("supabase");
const stranger = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";

describe("a starter application on the platform supabase", () => {
  const judge = (files: readonly SqlFile[]) => judgeMigrations(files, { contract, fresh: true });

  it("is accepted, with every table filled and attacked", async () => {
    const verdict = await judge(starter);
    expect(tell(verdict)).toEqual([]);
    // Twelve of the application's own, and those of the platform that it has policies or triggers on.
    expect(verdict.trial?.tables).toBeGreaterThanOrEqual(13);
    expect(verdict.trial?.attempts).toBeGreaterThan(200);
  });

  it.each(slips)("is refused where %s", async (_, written, slip) => {
    const files = starter.map(({ file, sql }) => ({ file, sql: sql.replace(written, slip) }));
    expect(files.filter(({ sql }, index) => sql !== starter[index]?.sql)).toHaveLength(1);
    expect(tell(await judge(files))).not.toEqual([]);
  });
});

describe("the starter application", () => {
  it("lets a team work, and shows a stranger nothing of it", async () => {
    await withThrowawayServer((server) =>
      withThrowawayDatabase(server, contract, async (client, migrator) => {
        expect(await applyMigrations(client, migrator, starter, contract)).not.toHaveProperty(
          "refusal",
        );
        /** @returns the first value that the last statement gives a user. */
        const as = async (user: string, sql: string): Promise<unknown> => {
          await client.query("begin; set local role authenticated");
          const claims = JSON.stringify({ sub: user, role: "authenticated" });
          await client.query("select set_config('request.jwt.claims', $1, true)", [claims]);
          const results = [await client.query<Record<string, unknown>>(sql)].flat();
          await client.query("commit");
          return Object.values(results.at(-1)?.rows[0] ?? {})[0];
        };
        await client.query(`insert into auth.users (id, email, raw_user_meta_data) values
          ('${userA}', 'a@example.org', '{"full_name": "A"}'),
          ('${userB}', 'b@example.org', '{"full_name": "B"}'),
          ('${stranger}', 'c@example.org', '{}')`);

        const team = String(
          await as(userA, "insert into public.teams (name) values ('Ours') returning id"),
        );
        const token = await as(
          userA,
          `insert into public.team_invitations (team_id, email, role)
             values ('${team}', 'b@example.org', 'editor') returning token`,
        );
        await as(userB, `select public.accept_invitation('${String(token)}')`);
        const project = await as(
          userB,
          `insert into public.projects (team_id, name) values ('${team}', 'First') returning id`,
        );
        await as(
          userB,
          `insert into public.tasks (project_id, title, assignee_id)
             values ('${String(project)}', 'Begin', '${userA}')`,
        );
        await as(
          userA,
          "insert into public.task_comments (task_id, body) select id, 'Yes' from public.tasks",
        );
        await as(
          userA,
          `insert into storage.objects (bucket_id, name) values ('team-files', '${team}/plan.pdf')`,
        );

        const seen = {
          profiles: "public.profiles",
          members: "public.team_members",
          tasks: "public.tasks",
          comments: "public.task_comments",
          notifications: "public.notifications",
          audited: "public.audit_log",
          files: "storage.objects",
        };
        const counts = async (user: string) => {
          const entries = Object.entries(seen).map(
            ([name, table]) => `'${name}', (select count(*) from ${table})`,
          );
          return as(user, `select json_build_object(${entries.join(", ")})`);
        };
        const ofTeam = { profiles: 2, members: 2, tasks: 1, comments: 1, files: 1 };
        expect(await counts(userA)).toEqual({ ...ofTeam, notifications: 1, audited: 2 });
        expect(await counts(userB)).toEqual({ ...ofTeam, notifications: 0, audited: 0 });
        expect(await counts(stranger)).toEqual({
          profiles: 1,
          members: 0,
          tasks: 0,
          comments: 0,
          notifications: 0,
          audited: 0,
          files: 0,
        });
      }),
    );
  });
});
