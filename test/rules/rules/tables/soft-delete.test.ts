import { notes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const own = "user_id = (select auth.uid())";
const made = (read: string, write: string, granted = "body, deleted_at") => `${notes}
alter table public.notes add deleted_at timestamptz;
create policy own_read on public.notes for select to authenticated using (${read});
create policy own_write on public.notes for update to authenticated using (${own}) with check (${write});
grant select, update (${granted}) on public.notes to authenticated;`;

testRule(
  "soft-delete",
  {
    "hide the row as it becomes from who updates it": {
      sql: made(`${own} and deleted_at is null`, own),
      objects: ["public.notes"],
      says: "let end users update deleted_at, and hide every row in which it is set",
    },
    "check that it stays null": {
      sql: made(own, `${own} and deleted_at is null`),
      objects: ["public.notes"],
      says: "an update that sets it fails",
    },
  },
  {
    "show what is deleted": { sql: made(own, own) },
    "leave the column to others": { sql: made(`${own} and deleted_at is null`, own, "body") },
    "show it by another policy": {
      sql: `${made(`${own} and deleted_at is null`, own)}
        create policy bin on public.notes for select to authenticated using (${own} and deleted_at is not null);`,
    },
  },
);
