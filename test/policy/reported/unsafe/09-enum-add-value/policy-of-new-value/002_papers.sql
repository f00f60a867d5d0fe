create type public.paper_state as enum ('draft');
create table public.papers (
  id uuid primary key default gen_random_uuid(),
  author uuid not null references public.users (id) on delete cascade,
  state public.paper_state not null default 'draft'
);
create index on public.papers (author);
alter table public.papers enable row level security, force row level security;
grant select on public.papers to authenticated;
