grant all on all tables in schema public to authenticated;
grant all on all functions in schema public to authenticated, anon;
alter default privileges in schema public grant all on functions to anon, authenticated;
