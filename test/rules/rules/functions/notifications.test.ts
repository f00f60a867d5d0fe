import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const tells = (sent: string) => `${ownNotes}
create function public.tell() returns trigger language plpgsql set search_path = '' as $$
declare payload text;
begin
  payload := ${sent};
  perform pg_notify('notes', payload);
  return null;
end $$;
create trigger tell after insert on public.notes for each row execute function public.tell();`;

testRule(
  "notifications",
  {
    "send what a row says": {
      sql: tells("new.body"),
      objects: ["function public.tell()"],
      says: "it sends new.body",
    },
    "send the whole row": {
      sql: tells("row_to_json(new)::text"),
      objects: ["function public.tell()"],
      says: "it sends new",
    },
  },
  {
    "send its id": { sql: tells("json_build_object('op', tg_op, 'id', new.id)::text") },
    "send rows of nobody": {
      sql: `create table public.news (body text);
        ${tells("new.body").replace("after insert on public.notes", "after insert on public.news")}`,
    },
  },
);
