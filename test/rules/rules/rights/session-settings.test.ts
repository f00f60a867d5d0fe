import { notes, ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const signIn = `create function public.sign_in(u uuid) returns uuid language plpgsql set search_path = '' as $$
  begin perform set_config('request.jwt.claims', json_build_object('sub', u)::text, true); return u; end $$;
  create function public.enter(u uuid) returns uuid language sql set search_path = '' as 'select public.sign_in(u)';`;

testRule(
  "session-settings",
  {
    "start sessions as somebody": {
      sql: `alter role app set "request.jwt.claims" = '{"sub":"x"}';`,
      runBy: "postgres",
      objects: ["role app"],
      says: "role app starts every session with request.jwt.claims set",
    },
    "start sessions in another role": {
      sql: "alter role app set role = 'service_role';",
      runBy: "postgres",
      objects: ["role app"],
      says: "with role set",
    },
    "run a function as somebody": {
      sql: `create function public.f() returns int language sql set "request.jwt.claims" = '{}' as 'select 1';`,
      runBy: "postgres",
      objects: ["function public.f()"],
      says: "runs with request.jwt.claims set",
    },
    "set claims in a policy": {
      sql: `${notes} create policy p on public.notes for select to authenticated using (
        set_config('request.jwt.claims', json_build_object('sub', user_id)::text, true) <> '' and user_id = auth.uid());`,
      objects: ["policy p on public.notes"],
      says: "sets the claims of the request while it tests a row",
    },
    "set claims in a function that another calls for a policy": {
      sql: `${notes} ${signIn} create policy p on public.notes for select to authenticated
        using (public.enter(user_id) = auth.uid());`,
      objects: ["policy p on public.notes"],
      says: "or a function that calls it",
    },
  },
  {
    "set something else": {
      sql: `${ownNotes} create policy p on public.notes for select to service_role
        using (set_config('app.seen', 'yes', true) = 'yes');`,
    },
    "pin a search path": { sql: "alter role app set search_path = '';", runBy: "postgres" },
  },
);
