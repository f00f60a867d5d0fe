/** A migration, and the tables that it leaves unprotected, as `name:line`. */
export interface Case {
  title: string;
  sql: string;
  unsafe: string[];
}

const protect = (table: string) =>
  `alter table ${table} enable row level security, force row level security;`;

const protectNamed =
  "execute format('alter table %I enable row level security, force row level security', t);";

/** Migrations that leave every table protected: nothing may be said of them. */
export const safe: Omit<Case, "unsafe">[] = [
  {
    title: "both in one statement",
    sql: `create table public.a (id int);\n${protect("public.a")}`,
  },
  {
    title: "both in statements of their own, force first",
    sql: `create table public.a (id int);
      alter table public.a force row level security;
      alter table only public.a enable row level security;`,
  },
  { title: "quoted names", sql: `create table "My S"."T x" (); ${protect('"My S"."T x"')}` },
  { title: "case folding", sql: `CREATE TABLE Public.Orders (); ${protect('public."orders"')}` },
  { title: "an unqualified name is public's", sql: `create table a (); ${protect("public.a")}` },
  {
    title: "names after set search_path",
    sql: `set search_path = app, public; create table a (); ${protect("app.a")}`,
  },
  {
    title: "names after set_config of search_path",
    sql: `select set_config('search_path', 'app', true); create table a (); ${protect("app.a")}`,
  },
  {
    title: "reset search_path",
    sql: `set search_path = app; reset search_path; create table a (); ${protect("public.a")}`,
  },
  {
    title: "renamed before it is protected",
    sql: `create table a (); alter table a rename to b; ${protect("b")}`,
  },
  {
    title: "renamed after it is protected",
    sql: `create table a (); ${protect("a")} alter table a rename to b;`,
  },
  { title: "moved", sql: `create table a (); alter table a set schema app; ${protect("app.a")}` },
  {
    title: "its schema renamed",
    sql: `create schema s create table a (); alter schema s rename to t; ${protect("t.a")}`,
  },
  { title: "dropped again", sql: "create table a (); drop table public.a;" },
  { title: "dropped with its schema", sql: "create table s.a (); drop schema s cascade;" },
  {
    title: "switched off and on again",
    sql: `create table a (); ${protect("a")}
      alter table a no force row level security; insert into a values (1);
      alter table a force row level security;`,
  },
  {
    title: "an older table switched off for a backfill and on again",
    sql: "alter table public.users no force row level security; update users set x = 1; alter table users force row level security;",
  },
  { title: "an older table protected once more", sql: protect("public.users") },
  {
    title: "temporary tables",
    sql: "create temp table a (); select 1 as x into temporary b; create table pg_temp.c ();",
  },
  {
    title: "a materialized view and a view",
    sql: "create view v as select 1; create materialized view m as select 1;",
  },
  {
    title: "partition protected by itself",
    sql: `create table p (id int) partition by list (id); ${protect("p")}
      create table p1 partition of p for values in (1); ${protect("p1")}
      create table p2 (id int); ${protect("p2")} alter table p attach partition p2 for values in (2);`,
  },
  {
    title: "do block, straight line",
    sql: `do $$ begin create table public.a (); ${protect("public.a")} end $$;`,
  },
  {
    title: "do block, made and protected in the same branch",
    sql: `do $$ begin
      if to_regclass('public.a') is null then create table public.a (); ${protect("public.a")} end if;
    end $$;`,
  },
  {
    title: "made in a branch, protected after it",
    sql: `do $$ begin if true then create table a (); end if; end $$; ${protect("a")}`,
  },
  {
    title: "everything after an early return",
    sql: `do $$ begin if false then return; end if; create table a (); ${protect("a")} end $$;`,
  },
  {
    title: "a loop that has ended",
    sql: `do $$ begin create table a (); loop exit; end loop; ${protect("a")} end $$;`,
  },
  {
    title: "execute of a constant",
    sql: `do $$ begin execute 'create table a ()'; execute 'alter table a enable row level security' || ', force row level security'; end $$;`,
  },
  {
    title: "in every branch",
    sql: `create table a (); do $$ begin if now() > '2030-01-01' then ${protect("a")}
      elsif now() > '2029-01-01' then
        if random() > 0.5 then ${protect("a")} else ${protect("a")} end if;
      else alter table a force row level security; alter table a enable row level security; end if;
      end $$;`,
  },
  {
    title: "a table that every branch makes",
    sql: `do $$ begin
      if now() > '2030-01-01' then create table a (); ${protect("a")}
      else create table a (); ${protect("a")} end if;
      end $$;`,
  },
  {
    title: "a table that a variable names",
    sql: `do $$ declare t text; begin t := 'a_' || 1 + 1; create table a_2 ();
      execute format('alter table %I enable row level security, force row level security', t);
      t := 'b'; end $$;`,
  },
  {
    title: "a variable that begins anew in each turn",
    sql: `do $$ begin
      for i in 1..2 loop
        declare
          t text := 'a';
        begin
          t := t || i;
          execute format('create table %I ()', t);
          execute format('alter table %I enable row level security, force row level security', t);
        end;
      end loop;
    end $$;`,
  },
  {
    title: "create table if not exists of a table made before",
    sql: `create table a (); ${protect("a")} create table if not exists a ();`,
  },
  {
    title: "protected by a procedure that is called",
    sql: `create procedure p() language plpgsql as $$ begin ${protect("a")} end $$; create table a (); call p();`,
  },
  {
    title: "protected by a SQL function that is called",
    sql: `create function f() returns void language sql as $$ ${protect("public.a")} $$; create table a (); select public.f();`,
  },
  {
    title: "an error undoes both the table and what follows",
    sql: `do $$ begin begin create table a (); ${protect("a")} exception when others then null; end; end $$;`,
  },
  {
    title: "a table that a savepoint undoes",
    sql: "begin; savepoint s; create table a (); rollback to savepoint s; commit;",
  },
  {
    title: "explain without analyze",
    sql: "explain create table a as select 1; explain (analyze false) create table b as select 1;",
  },
  {
    title: "a trigger function whose body needs the database to be read",
    sql: `create function t() returns trigger language plpgsql as $$ declare r public.users; begin r.id := new.id; return new; end $$;`,
  },
  {
    title: "words in comments and strings",
    sql: "-- create table a ();\ncomment on schema public is 'create table a ()';",
  },
  { title: "nothing at all", sql: "" },
];

/** Migrations that leave a table open, each in a way of its own. */
export const unsafe: Case[] = [
  { title: "no row level security", sql: "create table public.a ();", unsafe: ["public.a:1"] },
  {
    title: "no row level security, several lines down",
    sql: "-- x\n\nselect 1;\ncreate table\n  public.a ();",
    unsafe: ["public.a:5"],
  },
  {
    title: "quoted look-alike protected",
    sql: `create table public."A" (); create table a (); ${protect("a")}`,
    unsafe: ['public."A":1'],
  },
  {
    title: "same name in another schema protected",
    sql: `create table app.a (); ${protect("public.a")}`,
    unsafe: ["app.a:1"],
  },
  { title: "create table as", sql: "create table a as select 1;", unsafe: ["public.a:1"] },
  { title: "select into", sql: "select 1 as x into app.a union select 2;", unsafe: ["app.a:1"] },
  {
    title: "like a protected table",
    sql: `create table a (); ${protect("a")}\ncreate table b (like a including all);`,
    unsafe: ["public.b:2"],
  },
  {
    title: "child of a protected table",
    sql: `create table a (); ${protect("a")}\ncreate table b () inherits (a);`,
    unsafe: ["public.b:2"],
  },
  {
    title: "partition of a protected table",
    sql: `create table a (i int) partition by list (i); ${protect("a")}\ncreate table b partition of a default;`,
    unsafe: ["public.b:2"],
  },
  {
    title: "attached",
    sql: `create table b (i int);\nalter table older attach partition b default;`,
    unsafe: ["public.b:1"],
  },
  { title: "unlogged", sql: "create unlogged table a ();", unsafe: ["public.a:1"] },
  { title: "if not exists", sql: "create table if not exists a ();", unsafe: ["public.a:1"] },
  {
    title: "element of create schema",
    sql: "create schema s\n  create table a ();",
    unsafe: ["s.a:2"],
  },
  { title: "foreign table", sql: "create foreign table a () server s;", unsafe: ["public.a:1"] },
  {
    title: "explain analyze runs it",
    sql: "explain analyze create table a as select 1;",
    unsafe: ["public.a:1"],
  },
  {
    title: "switched off later in the file",
    sql: `create table a (); ${protect("a")}\nalter table a disable row level security;`,
    unsafe: ["public.a:2"],
  },
  {
    title: "an older table switched off",
    sql: "alter table if exists only public.users disable row level security;",
    unsafe: ["public.users:1"],
  },
  {
    title: "an older table no longer forced",
    sql: "\nalter table users no force row level security;",
    unsafe: ["public.users:2"],
  },
  {
    title: "an older table switched off, then renamed",
    sql: "alter table users disable row level security; alter table users rename to people;",
    unsafe: ["public.people:1"],
  },
  {
    title: "made again after it was dropped",
    sql: `create table a (); ${protect("a")} drop table a;\ncreate table a ();`,
    unsafe: ["public.a:2"],
  },
  {
    title: "made again under the name of one that was renamed",
    sql: `create table a (); ${protect("a")} alter table a rename to b;\ncreate table a ();`,
    unsafe: ["public.a:2"],
  },
  {
    title: "the old name protected after the rename",
    sql: `create table a (); alter index a rename to b; create table a (); ${protect("a")}`,
    unsafe: ["public.b:1"],
  },
  {
    title: "protected only in a branch",
    sql: `create table a ();\ndo $$ begin if false then ${protect("a")} end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in the other branch",
    sql: `do $$ begin if now() is null then ${protect("a")} else create table a (); end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in a later, equal condition",
    sql: `do $$ begin if f() then create table a (); end if; if f() then ${protect("a")} end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in a block that an error undoes",
    sql: `do $$ begin create table a (); begin ${protect("a")} perform 1/0; exception when others then null; end; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected after a return",
    sql: `do $$ begin\ncreate table a (); return; ${protect("a")} end $$;`,
    unsafe: ["public.a:2"],
  },
  {
    title: "protected after a return that may happen",
    sql: `do $$ begin create table a (); if now() > '2000-01-01' then return; end if; ${protect("a")} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected after an exit that may happen",
    sql: `do $$ begin loop create table a (); exit when true; ${protect("a")} end loop; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected after a block is left by its label",
    sql: `do $$ <<b>> begin create table a (); begin exit b; end; ${protect("a")} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that names another table by then",
    sql: `create table a (); do $$ declare t text := 'a'; begin t := 'b'; ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that may name another table by then",
    sql: `create table a (); do $$ declare t text := 'a'; begin
      if now() > '2030-01-01' then t := 'b'; end if; ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that a query fills",
    sql: `create table a (); do $$ declare t text := 'a'; begin
      select 'b' into t; ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that a procedure may change",
    sql: `create table a (); do $$ declare t text := 'a'; begin call p(t); ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable whose name another one hides",
    sql: `create table a (); do $$ declare t text := 'a'; begin
      declare t text := 'b'; begin ${protectNamed} end; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that is declared with another one's later value",
    sql: `create table a (); do $$ declare s text := 'a'; begin s := 'b';
      declare t text := s; begin ${protectNamed} end; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a loop's variable that has been changed",
    sql: `create table a1 (); do $$ declare t text; begin
      for i in 1..1 loop i := i + 1; t := 'a' || i; ${protectNamed} end loop; end $$;`,
    unsafe: ["public.a1:1"],
  },
  {
    title: "protected by a variable of a type that prints what it was given otherwise",
    sql: `create table a01 (); do $$ declare n int := '01'; t text; begin
      t := 'a' || n; ${protectNamed} end $$;`,
    unsafe: ["public.a01:1"],
  },
  {
    title: "protected by a variable that an endless loop changes",
    sql: `create table a (); do $$ declare t text := 'a'; begin
      loop t := t || 'b'; exit when true; end loop; ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a variable that a handled error changes",
    sql: `create table a (); do $$ declare t text := 'a'; begin
      begin perform 1 / 0; exception when others then t := 'b'; end; ${protectNamed} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in two branches of three",
    sql: `create table a (); do $$ begin if now() > '2030-01-01' then ${protect("a")}
      elsif now() > '2029-01-01' then ${protect("a")} end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "another table protected in the other branch",
    sql: `create table a (); do $$ begin if now() > '2030-01-01' then ${protect("a")}
      else ${protect("b")} end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in both branches, of which one undoes it",
    sql: `create table a (); do $$ begin if now() > '2030-01-01' then ${protect("a")}
      else ${protect("a")} alter table a disable row level security; end if; end $$;`,
    unsafe: ["public.a:2"],
  },
  {
    title: "protected in both branches, in one of them before it is made",
    sql: `do $$ begin if now() > '2030-01-01' then create table a (); ${protect("a")}
      else ${protect("a")} create table a (); end if; end $$;`,
    unsafe: ["public.a:2"],
  },
  {
    title: "protected in both branches, unless one is left",
    sql: `create table a (); do $$ begin if now() > '2030-01-01' then ${protect("a")}
      else if random() > 0.5 then return; end if; ${protect("a")} end if; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in a loop over nothing",
    sql: `create table a (); do $$ begin for i in 1..0 loop ${protect("a")} end loop; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected in a case",
    sql: `create table a (); do $$ begin case when false then ${protect("a")} else null; end case; end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "execute of a constant",
    sql: "do $$ begin\n\nexecute 'create table a ()'; end $$;",
    unsafe: ["public.a:3"],
  },
  {
    title: "a do block inside a do block",
    sql: "do $a$ begin execute $b$ do $c$ begin create table a (); end $c$ $b$; end $a$;",
    unsafe: ["public.a:1"],
  },
  {
    title: "made by a function",
    sql: "create function f() returns void language plpgsql as $$\nbegin\n  create table app.a ();\nend $$;",
    unsafe: ["app.a:3"],
  },
  {
    title: "made by a SQL function",
    sql: "create function f() returns void language sql as '\ncreate table app.a ()';",
    unsafe: ["app.a:2"],
  },
  {
    title: "protected by a function that nobody calls",
    sql: `create table a (); create function f() returns void language plpgsql as $$ begin ${protect("a")} end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "protected by a function that may not be called",
    sql: `create function f() returns int language sql as $$ ${protect("a")} select 1 $$; create table a (); select f() where false;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "switched off by a function called after it was protected",
    sql: `create function f() returns void language plpgsql as $$ begin alter table a disable row level security; end $$;\ncreate table a (); ${protect("a")} select f();`,
    unsafe: ["public.a:1"],
  },
  {
    title: "switched off by a function in an expression",
    sql: `create function f() returns int language plpgsql as $$ begin alter table a disable row level security; return 1; end $$;\ncreate table a (); ${protect("a")} do $$ declare x int; begin x := f(); end $$;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "the protection undone by a savepoint",
    sql: `begin; create table a (); savepoint s; ${protect("a")} rollback to s; commit;`,
    unsafe: ["public.a:1"],
  },
  {
    title: "a temporary table protected in its place",
    sql: `create table a (); create temp table a (); ${protect("a")}`,
    unsafe: ["public.a:1"],
  },
  {
    title: "perhaps dropped, made again if so",
    sql: `create table a (); ${protect("a")} do $$ begin if f() then drop table a; end if; end $$;\ncreate table if not exists a ();`,
    unsafe: ["public.a:2"],
  },
  {
    title: "made in a branch, made again if not",
    sql: `do $$ begin if f() then create table a (); ${protect("a")} end if; end $$;\ncreate table if not exists a ();`,
    unsafe: ["public.a:2"],
  },
  {
    title: "search_path is the function's own",
    sql: `create table app.a (); create function f() returns void language plpgsql set search_path = app as $$ begin create table b (); end $$; ${protect("app.a")} ${protect("public.b")}`,
    unsafe: ["app.b:1"],
  },
  {
    title: "search_path set to another schema in between",
    sql: `set search_path = app; create table a (); set search_path = public; ${protect("a")}`,
    unsafe: ["app.a:1"],
  },
  {
    title: "two of three tables",
    sql: `create table a (); create table b (); create table c (); ${protect("b")}`,
    unsafe: ["public.a:1", "public.c:1"],
  },
];
