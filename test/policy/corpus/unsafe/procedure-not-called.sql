-- unsafe: a function that protects tables by name is not called for one
-- rows: insert into public.invoices (user_id) values (:b)
-- as: authenticated a
-- query: select count(*) from public.invoices
-- returns: 1

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id)
);
create procedure public.protect(t text) language plpgsql set search_path = '' as $$
begin
  execute format('alter table public.%I enable row level security, force row level security', t);
end $$;
revoke all on procedure public.protect(text) from public;
grant select on public.invoices to authenticated;
