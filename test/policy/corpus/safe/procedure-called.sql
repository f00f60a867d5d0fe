-- safe: a function that protects tables by name
-- rows: insert into public.invoices (user_id) values (:a), (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id)
);
create index on public.invoices (user_id);
create procedure public.protect(t text) language plpgsql set search_path = '' as $$
begin
  execute format('alter table public.%I enable row level security', t);
  execute format('alter table public.%I force row level security', t);
  execute format('create policy own on public.%I for select to authenticated using (user_id = (select auth.uid()))', t);
end $$;
revoke all on procedure public.protect(text) from public;
call public.protect('invoices');
grant select on public.invoices to authenticated;
