import { claimsSetting } from "@app-data/rules";
import type { Catalog } from "./catalog";
import type { Fill } from "./fill";
import type { Membership, Owners } from "./owners";
import { PEOPLE, type Person } from "./people";
import { insertStatement } from "./statements";

const REGISTERED = new Set(
  "sub role aud iss exp iat nbf jti email phone aal amr session_id is_anonymous app_metadata user_metadata raw_user_meta_data raw_app_meta_data".split(
    " ",
  ),
);
const USER_METADATA = /user_metadata|raw_user_meta_data/;

/** The claims that a text reads, but for the registered ones. */
export function claimKeys(text: string): string[] {
  const keys = [...text.matchAll(/->>?\s*'(\w+)'/g)].flatMap(([, key]) => (key ? [key] : []));
  const paths = [...text.matchAll(/#>>?\s*'\{([\w,\s]+)\}'/g)].flatMap(([, path = ""]) =>
    path.split(/,\s*/),
  );
  return [...new Set([...keys, ...paths])].filter((key) => !REGISTERED.has(key));
}

/** The texts that claims are compared with, by the claim: a role that a policy asks for. */
export function comparedClaims(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(
    /->>\s*'(\w+)'(?:::text)?\)*(?:\s+AS \w+)?\)*\s*=\s*(?:ANY\s*\(+ARRAY\[|\()?'([^']+)'/g,
  );
  return new Map([...found].map(([, key = "", value = ""]) => [key, value]));
}

/** Claims that users can have in their tokens as they like. */
export function claimTricks(
  text: string,
): { description: string; claims: Record<string, unknown> }[] {
  const keys = claimKeys(text);
  if (keys.length === 0) return [];
  const values = [
    ...new Set([
      "true",
      "admin",
      ...comparedTexts(text),
      ...PEOPLE.slice(1, 2).map(({ id }) => id),
    ]),
  ];
  return values.flatMap((value) => {
    const chosen = Object.fromEntries(keys.map((key) => [key, value === "true" ? true : value]));
    const own = USER_METADATA.test(text)
      ? [
          {
            description: `user_metadata of their own (${value})`,
            claims: { user_metadata: chosen, raw_user_meta_data: chosen },
          },
        ]
      : [];
    const roles = Object.fromEntries(
      Object.entries(chosen).filter(([key]) => /role|admin|super|staff/.test(key)),
    );
    return Object.keys(roles).length > 0
      ? [
          ...own,
          { description: `the claims ${Object.keys(roles).join(", ")} (${value})`, claims: roles },
        ]
      : own;
  });
}

/** The texts that something is compared with. */
function comparedTexts(text: string): string[] {
  const found = [...text.matchAll(/=\s*\(?\s*'([\w -]{1,40})'/g)].flatMap(([, value]) =>
    value ? [value] : [],
  );
  return [...new Set(found)].slice(0, 8);
}

/** Settings other than the claims that policies trust, and what an attacker would put there. */
export function settingTricks(text: string, victim: Person): { name: string; value: string }[] {
  const names = [...text.matchAll(/current_setting\(\s*'([^']+)'/gi)].flatMap(([, name]) =>
    name?.includes(".") && name !== claimsSetting ? [name] : [],
  );
  const values = [
    victim.id,
    JSON.stringify({ sub: victim.id, role: "service_role" }),
    "true",
    "on",
    "1",
    ...comparedTexts(text),
  ];
  return [...new Set(names)].flatMap((name) =>
    [...new Set(values)].map((value) => ({ name, value })),
  );
}

/** Making oneself a member of somebody else's group. */
export function joinTricks(
  { relations }: Catalog,
  owners: Owners,
  fill: Fill,
  attacker: Person,
  victim: Person,
): { description: string; statement: string }[] {
  const tables = new Map<string, Membership>();
  for (const relation of relations) {
    for (const group of owners.of(relation)?.groups ?? []) {
      tables.set(`${group.members.sql} ${group.link.memberColumns.join()}`, group);
    }
  }
  return [...tables.values()].flatMap(({ members, person, link }) => {
    const columns = link.memberColumns;
    const rights = members.rights["authenticated"];
    const row = fill.of(members).spare[attacker.index]?.[0];
    const theirs = fill.of(members).rows[victim.index]?.[0];
    if (!rights?.insertColumns.includes(person) || !row || !theirs) return [];
    const group = Object.fromEntries(columns.map((name) => [name, theirs[name] ?? null]));
    const statement = insertStatement(
      members,
      { ...row, ...group, [person]: attacker.id },
      rights.insertColumns,
    );
    return [{ description: `enters themselves into ${members.sql}`, statement }];
  });
}
