-- Purpose   Undo 006_verified_identity: give auth.uid() back what 000 made it, and drop the rest.
-- Requires  role migrator, as owner
-- Hazards   deletes data, only when app_data.allow_data_loss is on; changes access: auth.uid()
--           believes request.jwt.claims again
-- Loses     the signing secret and the switch. Refuses while they are set, unless the setting
--           app_data.allow_data_loss is on.

-- One block, so that nothing can be written between the count and the drop.
do $rollback$
declare
  rows_found bigint;
begin
  -- Forced row level security, without its policy, shows the owner no row: lifted for the count, it
  -- counts the truth.
  if to_regclass('auth.token_settings') is not null then
    alter table auth.token_settings no force row level security;
    select count(*) into rows_found from auth.token_settings;
    alter table auth.token_settings force row level security;
    if rows_found > 0
      and current_setting('app_data.allow_data_loss', true) is distinct from 'on'
    then
      raise exception 'SQL005 rolling back 006_verified_identity would lose rows (%).',
        format('auth.token_settings: %s', rows_found)
        using errcode = 'object_not_in_prerequisite_state',
          hint = 'Set identity.tokens of the stack to none, which deletes the row, or accept the '
            'loss: set app_data.allow_data_loss to on and run the rollback again.';
    end if;
  end if;

  if obj_description(to_regprocedure('auth.uid()'), 'pg_proc')
    like '%replaced by 006_verified_identity.'
  then
    create or replace function auth.uid()
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
  end if;

  drop function if exists auth.verified_uid();
  drop function if exists auth.tokens_required();
  -- Policies, grants and comments go with their table.
  drop table if exists auth.token_settings;
end
$rollback$;
