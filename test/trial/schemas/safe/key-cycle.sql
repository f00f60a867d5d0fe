-- why: two tables refer to each other

create table public.a (
  id uuid primary key,
  user_id uuid not null references public.users (id),
  b_id uuid not null
);
create table public.b (
  id uuid primary key,
  a_id uuid not null references public.a (id)
);
alter table public.a add foreign key (b_id) references public.b (id) deferrable initially deferred;
alter table public.a enable row level security;
alter table public.a force row level security;
alter table public.b enable row level security;
alter table public.b force row level security;
create policy p on public.a to authenticated using (user_id = (select auth.uid()));
create policy p on public.b to authenticated
  using (exists (select from public.a x where x.id = a_id and x.user_id = (select auth.uid())));
grant select, delete on public.a to authenticated;
grant select, insert, update, delete on public.b to authenticated;
