import { testRule } from "../../rule-cases";

const uid = (query: string) =>
  `create or replace function auth.uid() returns uuid language sql stable set search_path = '' as $$ ${query} $$;`;

testRule(
  "identity-functions",
  {
    "take the user from another setting": {
      sql: uid("select current_setting('app.user_id', true)::uuid"),
      objects: ["function auth.uid()"],
      says: "trusts the setting app.user_id, which any session can set",
    },
    "take the user from another claim": {
      sql: uid("select (current_setting('request.jwt.claims', true)::jsonb ->> 'user_id')::uuid"),
      objects: ["function auth.uid()"],
      says: "does not take the user from the claim sub",
    },
    "take the user from what users write": {
      sql: uid(
        "select (current_setting('request.jwt.claims', true)::jsonb -> 'user_metadata' ->> 'sub')::uuid",
      ),
      objects: ["function auth.uid()"],
      says: "trusts the claim user_metadata",
    },
    "read a table": {
      sql: uid(
        "select u.id from public.users u where u.email = current_setting('request.jwt.claims', true)::jsonb ->> 'sub'",
      ),
      objects: ["function auth.uid()"],
      says: "reads a table",
    },
    "sign somebody in by default": {
      sql: uid(
        "select coalesce((current_setting('request.jwt.claims', true)::jsonb ->> 'sub'), 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa')::uuid",
      ),
      objects: ["function auth.uid()"],
      says: "names a user of its own choice",
    },
    "read nothing": {
      sql: uid("select null::uuid"),
      objects: ["function auth.uid()"],
      says: "does not read the claims of the request",
    },
    "be asked by an immutable function": {
      sql: "create function public.me() returns uuid language sql immutable set search_path = '' as 'select auth.uid()';",
      objects: ["function public.me()"],
      says: "is immutable and depends on the signed-in user",
    },
  },
  {
    "stay as they are": { sql: "" },
    "be written anew, the same": {
      sql: uid(
        "select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid",
      ),
    },
    "be asked by a stable function": {
      sql: "create function public.me() returns uuid language sql stable set search_path = '' as 'select auth.uid()';",
    },
  },
);
