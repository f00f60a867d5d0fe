-- unsafe: the back office reads everybody's API keys
-- on: 001
-- rows: insert into public.user_api_keys (user_id, encrypted_keys, encryption_key_id) values (:a, '\x01', 'k'), (:b, '\x02', 'k')
-- as: service_role -
-- query: select count(*) from public.user_api_keys
-- returns: 2

create policy keys_service on public.user_api_keys for select to service_role using (true);
grant select on public.user_api_keys to service_role;
