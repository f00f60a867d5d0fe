import { contractPresets, parseContract } from "../../../../rules/src";
import { ownNotes } from "../../judged-database";
import { testRule } from "../../rule-cases";

const granted = `${ownNotes} grant select on public.notes to anon;`;

testRule(
  "anonymous-rights",
  {
    "grant a table to requests without a user": {
      sql: granted,
      objects: ["public.notes"],
      says: "anon has select on table public.notes",
    },
    "grant a sequence to them": {
      sql: "create sequence public.numbers; grant usage on sequence public.numbers to anon;",
      objects: ["sequence public.numbers"],
      says: "anon has usage on sequence public.numbers",
    },
    "grant it to the role that the contract names": {
      sql: granted,
      contract: parseContract({ anonymousRole: "authenticated" }),
      objects: ["public.notes", "public.sessions", "public.users"],
      says: "authenticated has",
    },
  },
  {
    "grant to who is signed in": { sql: ownNotes },
    "leave it to a platform that grants all": {
      sql: granted,
      contract: contractPresets.get("supabase"),
    },
  },
);
