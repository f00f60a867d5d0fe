-- Purpose   The schema that 001 builds on: users, sessions and the identity of a request.
-- Requires  PostgreSQL 17; role migrator, which owns the database and runs this; roles app, anon,
--           authenticated and service_role
-- Hazards   none on a database that has any of users, sessions and auth.uid(): nothing is touched;
--           changes access on an empty one: takes PUBLIC's rights off schema public
-- Rollback  loses users and sessions, so it refuses while there are any; it drops only what this
--           file made, which it knows by the mark at the end of the comments

-- 1. Prerequisites.
do $$
declare
  missing text;
begin
  select string_agg(needed.name, ', ' order by needed.position) into missing
  from unnest(array['migrator', 'app', 'anon', 'authenticated', 'service_role'])
    with ordinality as needed (name, position)
  where not exists (select from pg_catalog.pg_roles r where r.rolname = needed.name);

  if missing is not null then
    raise exception 'SQL001 000_existing_schema needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 000_existing_schema was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a table owns it. Connect as migrator and run the file again.';
  end if;
  if current_setting('server_version_num')::integer < 170000 then
    raise exception 'SQL003 000_existing_schema found PostgreSQL %, and needs 17 or later.',
      current_setting('server_version')
      using errcode = 'feature_not_supported', hint = 'Upgrade the server first.';
  end if;
end
$$;

-- 2. All or nothing: where one of the three objects exists, the application brings its own schema,
-- and the verify step says how far it is from what 001 needs. One block, so that a run by hand
-- without a transaction cannot stop half-way, with a table that nothing protects yet.
do $create$
begin
  if to_regclass('public.users') is null
    and to_regclass('public.sessions') is null
    and to_regprocedure('auth.uid()') is null
  then
    -- The identity of the request.
    if to_regnamespace('auth') is null then
      create schema auth;
      comment on schema auth is 'Who makes the request. Made by 000_existing_schema.';
    end if;

    create function auth.uid()
    returns uuid
    language plpgsql
    stable
    parallel safe
    set search_path = ''
    as $$
    declare
      setting constant text := current_setting('request.jwt.claims', true);
      claims jsonb;
    begin
      -- A pooled connection whose last transaction had claims holds '' here, not null. The limit
      -- on the length keeps nested brackets from exhausting the parser's stack: 12,288 is more
      -- than a 16 kB request header can carry, and less than half of the depth that fails.
      if length(setting) > 12288 or pg_input_is_valid(setting, 'jsonb') is not true then
        return null;
      end if;

      -- A number of 32 digits would read as a UUID, too, but is none.
      claims := setting::jsonb;
      if jsonb_typeof(claims -> 'sub') is distinct from 'string'
        or not pg_input_is_valid(claims ->> 'sub', 'uuid')
      then
        return null;
      end if;

      return (claims ->> 'sub')::uuid;
    end
    $$;
    comment on function auth.uid() is
      'The signed-in user: claim sub of the transaction''s request.jwt.claims, null when there '
      'is none. Never an error. Made by 000_existing_schema.';

    -- Tables.
    create table public.users (
      id uuid not null default gen_random_uuid(),
      email text not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      constraint users_pkey primary key (id),
      constraint users_email_key unique (email)
    );
    alter table public.users enable row level security;
    alter table public.users force row level security;

    create table public.sessions (
      id uuid not null default gen_random_uuid(),
      user_id uuid not null,
      started_at timestamptz not null,
      ended_at timestamptz,
      descriptions_count integer not null default 0,
      images_count integer not null default 0,
      questions_count integer not null default 0,
      vocabulary_count integer not null default 0,
      created_at timestamptz not null default now(),
      constraint sessions_pkey primary key (id),
      constraint sessions_user_id_fkey
        foreign key (user_id) references public.users (id) on delete cascade,
      constraint sessions_counts_check check (
        least(descriptions_count, images_count, questions_count, vocabulary_count) >= 0
      ),
      -- An infinite time has no duration, day or week.
      constraint sessions_times_check check (
        isfinite(started_at) and isfinite(ended_at) and ended_at >= started_at
      )
    );
    alter table public.sessions enable row level security;
    alter table public.sessions force row level security;

    -- Serves the foreign key, every policy, and the progress trigger's read of one user's
    -- completed sessions.
    create index idx_sessions_user_id on public.sessions (user_id, ended_at);

    -- Row level security. The sub-select is evaluated once a query, not once a row.
    create policy users_select_own on public.users
      for select to authenticated
      using ((select auth.uid()) = id);
    create policy users_insert_own on public.users
      for insert to authenticated
      with check ((select auth.uid()) = id);

    create policy sessions_select_own on public.sessions
      for select to authenticated
      using ((select auth.uid()) = user_id);
    create policy sessions_insert_own on public.sessions
      for insert to authenticated
      with check ((select auth.uid()) = user_id);
    -- A completed session is final.
    create policy sessions_update_own on public.sessions
      for update to authenticated
      using ((select auth.uid()) = user_id and ended_at is null)
      with check ((select auth.uid()) = user_id);

    -- Grants: nothing for PUBLIC, named columns for writes.
    revoke all on schema public from public;
    revoke all on schema auth from public;
    revoke all on function auth.uid() from public;
    revoke all on public.users, public.sessions from public;

    grant usage on schema public, auth to authenticated, service_role;
    grant execute on function auth.uid() to authenticated, service_role;
    grant select, insert (id, email) on public.users to authenticated;
    grant
      select,
      insert (id, user_id, started_at),
      update (
        ended_at, descriptions_count, images_count, questions_count, vocabulary_count
      )
      on public.sessions to authenticated;

    -- Comments. Their last sentence is the mark that the rollback looks for.
    comment on table public.users is
      'People who can sign in. Made by 000_existing_schema.';
    comment on column public.users.id is 'What auth.uid() gives for this person.';
    comment on column public.users.email is 'Personal data.';
    comment on table public.sessions is
      'One row for each learning session. Made by 000_existing_schema.';
    comment on column public.sessions.ended_at is
      'Null while the session is open; once set, the row is final.';
    comment on column public.sessions.descriptions_count is 'As claimed by the user.';
    comment on column public.sessions.images_count is 'As claimed by the user.';
    comment on column public.sessions.questions_count is 'As claimed by the user.';
    comment on column public.sessions.vocabulary_count is 'As claimed by the user.';
  end if;
end
$create$;
