-- Purpose   The signed-in user by a signed token: auth.verified_uid(), and a switch that makes
--           auth.uid() believe nothing else. The switch is off until the stack sets it.
-- Requires  000_existing_schema, applied and verified; role migrator; roles app, anon,
--           authenticated and service_role
-- Hazards   changes access: where the switch is on, auth.uid() no longer believes
--           request.jwt.claims. An auth.uid() that 000 did not make is left as it is
-- Rollback  loses the signing secret and the switch, so it refuses while they are set; afterwards
--           auth.uid() believes request.jwt.claims

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
    raise exception 'SQL001 006_verified_identity needs roles that do not exist: %.', missing
      using errcode = 'undefined_object',
        hint = 'Create the roles first; the stack does that before it runs migrations.';
  end if;
  if current_user <> 'migrator' then
    raise exception 'SQL002 006_verified_identity was run by %, and must be run by migrator.',
      current_user
      using errcode = 'insufficient_privilege',
        hint = 'Whoever creates a table owns it. Connect as migrator and run the file again.';
  end if;
  if to_regprocedure('auth.uid()') is null then
    raise exception 'SQL006 006_verified_identity needs auth.uid().'
      using errcode = 'undefined_function',
        hint = 'Apply 000_existing_schema.sql and run 000_existing_schema_verify.sql first.';
  end if;
end
$$;

-- 2. Tables. No row, or one.
create table if not exists auth.token_settings (
  is_only_row boolean not null default true,
  believes_claims boolean not null,
  audience text not null,
  current_pads bytea not null,
  previous_pads bytea,
  constraint token_settings_pkey primary key (is_only_row),
  constraint token_settings_is_only_row_check check (is_only_row),
  -- The payload is read byte by byte, so other letters would never match.
  constraint token_settings_audience_check check (audience ~ '^[!-~]{1,200}$')
);

-- 3. Functions. With their owner's rights, because nobody else may read the secret: they give a
-- yes or no, and the user whose token it is. No literal has a backslash in it: what that means is
-- for each session to set.
create or replace function auth.tokens_required()
returns boolean
language plpgsql
stable
parallel safe
security definer
set search_path = ''
as $$
begin
  return coalesce((select not s.believes_claims from auth.token_settings s), false);
end
$$;

create or replace function auth.verified_uid()
returns uuid
language plpgsql
stable
parallel safe
security definer
set search_path = ''
as $$
declare
  -- A token that is good when the transaction begins is good to its end: one that ran out in the
  -- middle would make rows vanish without an error.
  time_now constant numeric := extract(epoch from now());
  most_ahead constant numeric := 60;
  token constant text := current_setting('request.jwt.token', true);
  header text := split_part(token, '.', 1);
  payload text := split_part(token, '.', 2);
  signature constant text := split_part(token, '.', 3);
  settings record;
  signed bytea;
  pads bytea;
  mac text;
  is_signed boolean;
  bytes bytea;
  claims jsonb;
begin
  -- Base64url (RFC 7515), of which a rest of one character is no byte. The limit is what keeps
  -- nested brackets from exhausting the parser's stack.
  if token is null or length(token) > 4096
    or token <> header || '.' || payload || '.' || signature or token ~ '[^A-Za-z0-9_.-]'
    or length(header) % 4 = 1 or length(payload) % 4 = 1
  then
    return null;
  end if;
  select s.audience, s.current_pads, s.previous_pads into settings from auth.token_settings s;
  if settings.current_pads is null then
    return null;
  end if;

  -- HMAC with SHA-256 (RFC 2104): the hash of the key's outer pad and the hash of its inner pad and
  -- the text. Texts are compared by their hashes: the time that takes tells of a hash, from which
  -- nobody makes the text.
  signed := convert_to(header || '.' || payload, 'UTF8');
  foreach pads in array array[settings.current_pads, settings.previous_pads] loop
    bytes := sha256(substring(pads from 65) || sha256(substring(pads for 64) || signed));
    mac := rtrim(translate(encode(bytes, 'base64'), '+/', '-_'), '=');
    is_signed := sha256(convert_to(mac, 'UTF8')) = sha256(convert_to(signature, 'UTF8'));
    exit when is_signed;
  end loop;
  if is_signed is not true then
    return null;
  end if;

  -- The header names the algorithm that was used above, or the token is none of ours. Read as
  -- LATIN1, no bytes but zero are an error; what is compared is ASCII.
  bytes := decode(translate(header, '-_', '+/') || repeat('=', -length(header) & 3), 'base64');
  if position(decode('00', 'hex') in bytes) > 0
    or not pg_input_is_valid(convert_from(bytes, 'LATIN1'), 'jsonb')
  then
    return null;
  end if;
  claims := convert_from(bytes, 'LATIN1')::jsonb;
  if claims -> 'alg' is distinct from '"HS256"' or claims ? 'crit' then
    return null;
  end if;

  bytes := decode(translate(payload, '-_', '+/') || repeat('=', -length(payload) & 3), 'base64');
  if position(decode('00', 'hex') in bytes) > 0
    or not pg_input_is_valid(convert_from(bytes, 'LATIN1'), 'jsonb')
  then
    return null;
  end if;
  claims := convert_from(bytes, 'LATIN1')::jsonb;

  -- Of the audience a token may have a list.
  if jsonb_typeof(claims -> 'exp') is distinct from 'number'
    or (claims ->> 'exp')::numeric <= time_now
    or coalesce(claims -> 'aud' @> to_jsonb(settings.audience), false) is false
  then
    return null;
  end if;
  -- Where it says from when it holds, or when it was made, clocks may differ by a minute.
  if claims ? 'nbf' and (
      jsonb_typeof(claims -> 'nbf') <> 'number'
      or (claims ->> 'nbf')::numeric > time_now + most_ahead
    )
    or claims ? 'iat' and (
      jsonb_typeof(claims -> 'iat') <> 'number'
      or (claims ->> 'iat')::numeric > time_now + most_ahead
    )
  then
    return null;
  end if;

  -- A number of 32 digits would read as a UUID, too, but is none.
  if jsonb_typeof(claims -> 'sub') is distinct from 'string'
    or not pg_input_is_valid(claims ->> 'sub', 'uuid')
  then
    return null;
  end if;
  return (claims ->> 'sub')::uuid;
end
$$;

-- What 000 made is replaced, and does what it did while the switch is off. A function that the
-- application brought is its own: it calls auth.verified_uid() where it wants to.
do $replace$
begin
  if obj_description(to_regprocedure('auth.uid()'), 'pg_proc') like any (
    array['%Made by 000_existing_schema.', '%replaced by 006_verified_identity.']
  ) then
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
      if auth.tokens_required() then
        return auth.verified_uid();
      end if;

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
      'The signed-in user: auth.verified_uid() where auth.tokens_required(), else claim sub of the '
      'transaction''s request.jwt.claims; null when there is none. Never an error. Made by '
      '000_existing_schema, replaced by 006_verified_identity.';
  end if;
end
$replace$;

-- 4. Row level security.
alter table auth.token_settings enable row level security;
alter table auth.token_settings force row level security;

drop policy if exists token_settings_migrator on auth.token_settings;
create policy token_settings_migrator on auth.token_settings
  for all to migrator using (true) with check (true);

-- 5. Grants: of the table none, of the functions those of auth.uid().
revoke all on auth.token_settings from public, app, anon, authenticated, service_role;
revoke all on function auth.tokens_required(), auth.verified_uid()
  from public, app, anon, authenticated, service_role;
grant execute on function auth.tokens_required(), auth.verified_uid()
  to authenticated, service_role;

-- 6. Comments.
comment on table auth.token_settings is
  'How tokens are verified; the stack writes it. Read by auth.tokens_required() and '
  'auth.verified_uid() alone.';
comment on column auth.token_settings.believes_claims is
  'Whether auth.uid() goes on believing request.jwt.claims; else a token alone.';
comment on column auth.token_settings.audience is
  'What the claim aud of a token must be, or contain.';
comment on column auth.token_settings.current_pads is
  'Secret. The signing key, zeros behind it up to 64 bytes, xor 0x36, then the same xor 0x5c.';
comment on column auth.token_settings.previous_pads is
  'Secret. As current_pads, of the key before: its tokens are good, too.';
comment on function auth.tokens_required() is
  'Whether auth.uid() believes nothing but a signed token.';
comment on function auth.verified_uid() is
  'The signed-in user: claim sub of the transaction''s request.jwt.token, a JSON Web Token that is '
  'signed by HS256, for the audience of this database, and not out of date; else null. Never an '
  'error.';
