import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const replies = (action: string, check = "user_id = (select auth.uid())") => `${ownNotes}
create table public.replies (
  id uuid primary key, note_id uuid not null references public.notes (id) ${action},
  user_id uuid not null references public.users (id)
);
alter table public.replies enable row level security, force row level security;
create policy own on public.replies for insert to authenticated with check (${check});
grant insert on public.replies to authenticated;`;

testRule(
  "foreign-key-actions",
  {
    "delete rows of others": {
      sql: replies("on delete cascade"),
      objects: ["public.replies"],
      says: "the foreign key (note_id) of public.replies is `on delete cascade`",
    },
  },
  {
    "refuse it": { sql: replies("on delete restrict") },
    "let rows name none but their user's": {
      sql: replies(
        "on delete cascade",
        "user_id = (select auth.uid()) and exists (select from public.notes n where n.id = note_id)",
      ),
    },
  },
);
