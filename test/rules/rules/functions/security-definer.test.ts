import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const made = (body: string, signature = "f(a text) returns void", to = "authenticated") =>
  `${ownNotes} create function public.${signature} language plpgsql security definer set search_path = ''
  as $$ begin ${body} end $$;
  revoke execute on all functions in schema public from public;
  ${to === "" ? "" : `grant execute on all functions in schema public to ${to};`}`;
const fired = (body: string) =>
  `${made(body, "g() returns trigger", "")}
  create trigger act after insert on public.notes for each row execute function public.g();`;
const query = (sql: string, returns = "bigint") =>
  `${ownNotes} create function public.q(team uuid) returns ${returns} language sql security definer
  set search_path = '' as $$ ${sql} $$; revoke execute on function public.q from public;
  grant execute on function public.q to authenticated;`;

testRule(
  "security-definer",
  {
    "run the SQL that it is handed": {
      sql: made("execute a;"),
      objects: ["function public.f(a text)"],
      says: "it runs a as SQL, which its caller chooses",
    },
    "put the text into SQL unquoted": {
      sql: made("execute format('select * from public.notes where %s', a);"),
      objects: ["function public.f(a text)"],
      says: "it runs a as SQL",
    },
    "put it together first": {
      sql: made(
        "query := 'select 1 where ' || a; execute query;",
        "f(a text, out query text)",
      ).replace("out query text)", "query text) returns void"),
      objects: ["function public.f(a text, query text)"],
      says: "as SQL",
    },
    "run what a row says": {
      sql: fired("execute new.body; return null;"),
      objects: ["trigger act on public.notes"],
      says: "it runs new.body as SQL",
    },
    "take on the claims of another": {
      sql: made(
        "perform set_config('request.jwt.claims', json_build_object('sub', a)::text, true); perform count(*) from public.notes;",
      ),
      objects: ["function public.f(a text)"],
      says: "it sets the claims or the role of the request",
    },
    "take on a role": {
      sql: made("set local role service_role;"),
      objects: ["function public.f(a text)"],
      says: "it sets the claims or the role of the request",
    },
    "be a trigger's function that end users can attach to a table of their own": {
      sql: `${ownNotes} create function public.g() returns trigger language plpgsql security definer
        set search_path = '' as 'begin return new; end';`,
      objects: ["function public.g()"],
      says: "anyone who can make a temporary table can run it on rows of their own",
    },
    "be called with effects that the rules cannot tell": {
      sql: made("delete from public.notes where body = a;"),
      objects: ["function public.f(a text)"],
      says: "the rules cannot tell whose rows it reads and writes",
      unknown: true,
    },
    "be fired with effects that the rules cannot tell": {
      sql: fired("delete from public.notes where body = new.body; return null;"),
      objects: ["trigger act on public.notes"],
      says: "the rules cannot tell",
      unknown: true,
    },
    "read a table by its three-part name": {
      sql: `set local check_function_bodies = off;
        ${query("select count(*) from appdb.public.notes n where n.user_id = auth.uid()")}`,
      objects: ["function public.q(team uuid)"],
      says: "the rules cannot tell",
      unknown: true,
    },
    "return what others have, beside rows of the caller": {
      sql: query(
        "select (select count(*) from public.notes) from public.notes n where n.user_id = auth.uid()",
      ),
      objects: ["function public.q(team uuid)"],
      says: "the rules cannot tell",
      unknown: true,
    },
    "tell by rows of the caller what others have": {
      sql: query(
        "select count(*) from public.notes n where n.user_id = auth.uid() and (n.id = team or (select count(*) from public.notes o where o.id = team) > 0)",
      ),
      objects: ["function public.q(team uuid)"],
      says: "the rules cannot tell",
      unknown: true,
    },
    "call a function that the rules cannot read": {
      sql: query(
        "select count(*) from public.notes n where n.user_id = auth.uid() and query_to_xml('select from public.notes', true, true, '') is not null",
      ),
      objects: ["function public.q(team uuid)"],
      says: "the rules cannot tell",
      unknown: true,
    },
    "call what takes on the claims of another": {
      sql: `${made("perform set_config('request.jwt.claims', a, true);", "g(a text) returns void", "").replace("security definer", "security invoker")}
        create function public.f(a text) returns void language plpgsql security definer set search_path = ''
        as 'begin perform public.g(a); end'; revoke execute on function public.f from public;
        grant execute on function public.f to authenticated;`,
      objects: ["function public.f(a text)"],
      says: "it sets the claims or the role of the request",
    },
    "take on the claims of another in a text": {
      sql: made("execute format('set local request.jwt.claims = %L', a);"),
      objects: ["function public.f(a text)"],
      says: "it sets the claims or the role of the request",
    },
    "be part of an aggregate that end users execute": {
      sql: `${made("return 1;", "f(a integer, b integer) returns integer", "")}
        create aggregate public.total(integer) (sfunc = public.f, stype = integer);
        grant execute on function public.total(integer) to authenticated;`,
      objects: ["function public.f(a integer, b integer)"],
      says: "may execute it",
      unknown: true,
    },
  },
  {
    "be for the back office": { sql: made("execute a;", undefined, "service_role") },
    "be security invoker": {
      sql: made("execute a;").replace("security definer", "security invoker"),
    },
    "read rows of the caller alone": {
      sql: query("select count(*) from public.notes n where n.user_id = auth.uid()"),
    },
    "say whether a row is the caller's": {
      sql: query(
        "select exists (select from public.notes where id = team and user_id = auth.uid())",
        "boolean",
      ),
    },
    "fire on a table that end users do not write": {
      sql: fired("execute new.body; return null;").replace(
        "grant select, insert (user_id, body), update (body), delete",
        "grant select",
      ),
    },
  },
);
