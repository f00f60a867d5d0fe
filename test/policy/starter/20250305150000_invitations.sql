-- Owners invite by a link with a token; whoever has the link joins.
create table public.team_invitations (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams (id) on delete cascade,
  email text not null,
  role public.team_role not null default 'viewer' check (role <> 'owner'),
  token text not null unique default encode(extensions.gen_random_bytes(24), 'hex'),
  invited_by uuid not null default auth.uid() references auth.users (id) on delete cascade,
  expires_at timestamptz not null default now() + interval '7 days',
  unique (team_id, email)
);

alter table public.team_invitations enable row level security;

create policy "Owners can view invitations" on public.team_invitations
  for select to authenticated
  using (public.has_team_role(team_id, '{owner}'));

create policy "Owners can invite" on public.team_invitations
  for insert to authenticated
  with check (
    public.has_team_role(team_id, '{owner}')
    and invited_by = (select auth.uid())
  );

create policy "Owners can revoke invitations" on public.team_invitations
  for delete to authenticated
  using (public.has_team_role(team_id, '{owner}'));

create function public.accept_invitation(invitation_token text)
returns uuid
language plpgsql
security definer set search_path = ''
as $$
declare
  invitation public.team_invitations;
begin
  if auth.uid() is null then
    raise exception 'You have to be signed in to accept an invitation.';
  end if;

  delete from public.team_invitations
  where token = invitation_token and expires_at > now()
  returning * into invitation;

  if invitation.id is null then
    raise exception 'This invitation does not exist, or has expired.';
  end if;

  insert into public.team_members (team_id, user_id, role)
  values (invitation.team_id, auth.uid(), invitation.role)
  on conflict (team_id, user_id) do nothing;

  return invitation.team_id;
end;
$$;

revoke execute on function public.accept_invitation(text) from public, anon;
