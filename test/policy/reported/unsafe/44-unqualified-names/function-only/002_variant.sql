create function half(n integer) returns integer
language sql immutable set search_path = '' as 'select n / 2';
revoke all on function half(integer) from public;
