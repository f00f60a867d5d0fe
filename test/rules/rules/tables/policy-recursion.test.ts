import { testRule } from "../../rule-cases";

const members = (condition: string) => `
create table public.teams (id uuid primary key default gen_random_uuid());
create table public.members (
  team_id uuid references public.teams (id), user_id uuid references public.users (id), primary key (team_id, user_id)
);
create function public.my_teams() returns setof uuid language sql stable security definer set search_path = ''
  as 'select m.team_id from public.members m where m.user_id = auth.uid()';
create policy members_read on public.members for select to authenticated using (${condition});`;

testRule(
  "policy-recursion",
  {
    "ask for the table itself": {
      sql: members(
        "team_id in (select m.team_id from public.members m where m.user_id = auth.uid())",
      ),
      objects: ["policy members_read on public.members"],
      says: "(public.members → public.members)",
    },
    "ask for each other": {
      sql: `${members("exists (select from public.teams t where t.id = team_id)")}
        create policy teams_read on public.teams for select to authenticated
          using (exists (select from public.members m where m.team_id = id));`,
      objects: ["policy members_read on public.members", "policy teams_read on public.teams"],
      says: "(public.members → public.teams → public.members)",
    },
    "ask for it through a security invoker view": {
      sql: `${members("false")}
        create view public.mine with (security_invoker = true) as select * from public.members;
        create policy more on public.members for select to authenticated
          using (team_id in (select v.team_id from public.mine v));`,
      objects: ["policy more on public.members"],
      says: "(public.members → public.members)",
    },
  },
  {
    "ask through a security definer function": {
      sql: members("team_id in (select public.my_teams())"),
    },
    "ask for a table whose policies ask for none": {
      sql: `${members("user_id = auth.uid()")}
        create policy enter on public.members for insert to authenticated
          with check (exists (select from public.members m where m.user_id = auth.uid()));
        create policy teams_read on public.teams for select to authenticated
          using (id in (select m.team_id from public.members m));`,
    },
  },
);
