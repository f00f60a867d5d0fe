create schema "Odd Schema";
create type public.mood as enum ('glad', 'it''s', 'sad');
create domain public.slug as text default 'x' not null constraint slug_form check (value ~ '^[a-z]+$');
create type public.pair as (a integer, "B c" text);
create type public.span as range (subtype = float8);
create function public.next_code(p integer default 3) returns text language sql immutable set search_path = '' as $$ select 'c' || p $$;
revoke all on function public.next_code(integer) from public;
create sequence public.free start 7 increment 2;
create table public.parents (
  id bigint generated always as identity (start with 10 increment by 5) primary key,
  "order" integer default nextval('public.free'),
  old serial, code text default public.next_code() collate "C", feeling public.mood[] , s public.slug,
  doubled integer generated always as (old * 2) stored, pair public.pair,
  constraint parents_code_check check (length(code) > 0), unique (code), exclude using btree (old with =)
);
comment on table public.parents is E'with ''quotes'' and \\ back';
comment on column public.parents."order" is 'a keyword';
create table public.children (parent bigint references public.parents on delete cascade deferrable initially deferred, note text, primary key (parent));
alter table public.children add constraint late check (note <> '') not valid;
comment on constraint late on public.children is 'later';
create unlogged table public.fast (id integer) with (fillfactor = 70);
create table public.events (at timestamptz not null, kind text, id bigint, primary key (at, id)) partition by range (at);
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');
create table public.events_rest partition of public.events default;
create index events_kind on public.events (kind);
create table public.base (id integer, constraint base_check check (id > 0));
create table public.derived (extra text, id integer, constraint base_check check (id > 0));
alter table public.derived inherit public.base;
create table public.also_derived (extra text) inherits (public.base);
create index parents_lower on public.parents (lower(code)) where old > 3;
create unique index children_note on public.children (note) include (parent);
create statistics public.st on code, old from public.parents;
create function public.all_parents() returns setof public.parents language sql stable set search_path = '' as $$ select * from public.parents $$;
create function public.later() returns integer language sql set search_path = '' begin atomic select count(*)::integer from public.children; end;
create procedure public.work(inout x integer) language plpgsql set search_path = '' as $$ begin x := 1; end $$;
create view public.heads with (security_invoker = true, security_barrier = true) as select p.id, p.code, count(c.parent) from public.parents p left join public.children c on c.parent = p.id group by p.id;
create view public.of_heads with (security_invoker = true) as select id from public.heads where id > (select public.later());
create materialized view public.kept as select code from public.parents with no data;
create index kept_code on public.kept (code);
create function public.touch() returns trigger language plpgsql set search_path = '' as $$ begin return new; end $$;
create trigger touch before update on public.parents for each row execute function public.touch();
create constraint trigger checked after insert on public.children deferrable initially deferred for each row execute function public.touch();
create trigger on_events before insert on public.events for each row execute function public.touch();
alter table public.parents disable trigger touch;
comment on trigger touch on public.parents is 'off';
create rule no_delete as on delete to public.fast do instead nothing;
alter table public.parents enable row level security, force row level security;
alter table public.children enable row level security, force row level security;
create policy "Own rows" on public.parents for select to authenticated, anon using (id = (select public.later()));
create policy limited on public.parents as restrictive for update to authenticated using (true) with check (code <> '');
comment on policy limited on public.parents is 'narrow';
grant usage on schema "Odd Schema" to authenticated;
grant select, insert (code, "order"), update (code) on public.parents to authenticated with grant option;
grant select on public.heads to authenticated; grant usage on sequence public.free to authenticated;
grant execute on function public.later() to authenticated; revoke usage on type public.mood from public; grant usage on type public.mood to authenticated;
create table "Odd Schema"."Odd Table" ("Odd ""col" integer primary key);
grant select on "Odd Schema"."Odd Table" to anon;
alter table public.fast replica identity full;
create type public."Kind" as enum ('a'); comment on type public."Kind" is 'k'; comment on domain public.slug is 'd';
comment on function public.next_code(integer) is 'f'; comment on view public.heads is 'v'; comment on schema "Odd Schema" is 's'; comment on index public.parents_lower is 'i'; comment on procedure public.work(integer) is 'p';
create aggregate public.total(integer) (sfunc = int4pl, stype = integer, initcond = '0');
alter default privileges in schema public grant select on tables to anon;
create operator public.=== (leftarg = integer, rightarg = integer, function = int4eq);
