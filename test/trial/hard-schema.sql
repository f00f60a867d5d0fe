create type public.mood as enum ('sad', 'ok', 'happy');
create domain public.slug as text check (value ~ '^[a-z][a-z0-9-]{2,20}$');
create domain public.percent as numeric(5,2) check (value between 0 and 100);
create type public.address as (street text, zip text);
create table public.projects (
  id bigint generated always as identity primary key,
  owner_id uuid not null references public.users (id),
  slug public.slug not null unique,
  code varchar(3) not null unique,
  parent_id bigint references public.projects (id),
  main_task bigint,
  mood public.mood not null,
  moods public.mood[] not null default '{}',
  done public.percent not null,
  place public.address,
  tags text[] not null check (cardinality(tags) <= 3),
  starts_on date not null, ends_on date not null check (ends_on > starts_on),
  budget numeric(8,2) check (budget > 1000 and budget < 5000),
  email text not null check (email ~* '^[^@[:space:]]+@[^@[:space:]]+\.[a-z]{2,}$'),
  phone text check (phone ~ '^\+[1-9]\d{7,14}$') not null,
  country char(2) not null check (country = upper(country)),
  size int not null check (size in (7, 11, 13)),
  url text not null check (url like 'https://%'),
  meta jsonb not null check (jsonb_typeof(meta -> 'id') = 'number'),
  total int generated always as (7 * 6) stored,
  unique (owner_id, country)
);
create table public.tasks (
  id bigint primary key,
  project_id bigint not null references public.projects (id) on delete restrict,
  kind text not null check (kind = any (array['bug', 'story'])),
  photo_id uuid, video_id uuid,
  check (num_nonnulls(photo_id, video_id) = 1),
  during tstzrange not null,
  exclude using gist (during with &&),
  ip inet not null, mac macaddr, amount money, bits bit(1), doc xml, ts tsvector, pt point, i interval not null, tm time not null, price int4range not null
);
alter table public.projects add foreign key (main_task) references public.tasks (id);
create table public.task_labels (
  project_id bigint not null, task_id bigint not null references public.tasks (id), label text not null check (char_length(label) between 30 and 70),
  primary key (task_id, label)
);
create table public.metrics (
  user_id uuid not null references public.users (id), at timestamptz not null, region text not null, value double precision
) partition by list (region);
create table public.metrics_eu partition of public.metrics for values in ('eu', 'uk') partition by hash (user_id);
create table public.metrics_eu_0 partition of public.metrics_eu for values with (modulus 2, remainder 0);
create table public.metrics_eu_1 partition of public.metrics_eu for values with (modulus 2, remainder 1);
create table public.metrics_other partition of public.metrics default;
create table public.later (user_id uuid not null references public.users (id), n int) partition by range (n);
create table public.one_each (user_id uuid primary key references public.users (id), state text not null default 'new' check (state in ('new', 'old')), closed_at timestamptz, check ((state = 'old') = (closed_at is not null)));
do $$ declare t record; begin
  for t in select c.oid::regclass as name, relname from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r','p') and relname not in ('users','sessions') loop
    execute format('alter table %s enable row level security', t.name);
    execute format('alter table %s force row level security', t.name);
  end loop;
end $$;
create policy p on public.projects to authenticated using (owner_id = (select auth.uid()));
create policy p on public.tasks to authenticated using (exists (select from public.projects p where p.id = project_id and p.owner_id = (select auth.uid())));
create policy p on public.task_labels to authenticated using (exists (select from public.tasks p where p.id = task_id));
create policy p on public.metrics to authenticated using (user_id = (select auth.uid()));
create policy p on public.later to authenticated using (user_id = (select auth.uid()));
create policy p on public.one_each to authenticated using (user_id = (select auth.uid()));
grant select, insert, update, delete on public.projects, public.tasks, public.task_labels, public.metrics, public.later, public.one_each to authenticated;
