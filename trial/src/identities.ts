import type { Catalog, ReachableRole, Relation, Routine } from "./catalog";
import type { Fill } from "./fill";
import type { Owners } from "./owners";
import { PEOPLE, type Person, STRANGER } from "./people";
import { insertStatement, quoteIdentifier, quoteText } from "./statements";

/** Somebody who tries: a role, the settings of its transaction, and what it does first. */
export interface Identity {
  role: string;
  /** How messages call it. */
  description: string;
  /** Whose rows it may work with; null for nobody's. */
  person: Person | null;
  /** Settings that the application makes, and those that the attacker adds. */
  settings: Record<string, string>;
  /** Statements that it runs before each attempt. */
  prelude: string[];
  /** Not one of the plain identities: a trick, which counts only where the plain ones got nothing. */
  isTrick: boolean;
  /** A variation of another identity, which reads and leaves it at that. */
  readsOnly: boolean;
}

const CLAIMS = "request.jwt.claims";
const REGISTERED = new Set(
  "sub role aud iss exp iat nbf jti email phone aal amr session_id is_anonymous app_metadata user_metadata raw_user_meta_data raw_app_meta_data".split(
    " ",
  ),
);
const USER_METADATA = /user_metadata|raw_user_meta_data/;

/** Every identity that the trial takes on, the plain ones first. */
export function identities(catalog: Catalog, owners: Owners, fill: Fill): Identity[] {
  const text = policyTexts(catalog, owners);
  const keys = claimKeys(text);
  const as = (
    role: string,
    person: Person | null,
    description: string,
    claims?: string,
  ): Identity => ({
    role,
    person,
    description,
    settings: claims === undefined ? {} : { [CLAIMS]: claims },
    prelude: [],
    isTrick: false,
    readsOnly: false,
  });
  const reading = (role: string, description: string, claims: string): Identity => ({
    ...as(role, null, description, claims),
    readsOnly: true,
  });
  const signedIn = (person: Person, role = "authenticated") =>
    as(role, person, `${role} as user ${person.name}`, JSON.stringify(claimsOf(person.id, keys)));
  const [a, b] = PEOPLE;
  if (!a || !b) throw new Error("The trial needs two users.");

  const plain = [
    signedIn(a),
    signedIn(b),
    as(
      "authenticated",
      null,
      "authenticated as a user who does not exist",
      JSON.stringify(claimsOf(STRANGER, keys)),
    ),
    as("authenticated", null, "authenticated without claims"),
    reading("authenticated", "authenticated with empty claims", ""),
    reading("authenticated", "authenticated with claims that are not JSON", "{"),
    reading("authenticated", "authenticated with claims without sub", "{}"),
    reading("authenticated", "authenticated with a sub that is not a UUID", '{"sub":"1"}'),
    as("anon", null, "anon without claims"),
    reading("anon", "anon with empty claims", ""),
    reading("anon", "anon with claims that are not JSON", "{"),
    as("service_role", null, "service_role"),
    as("app", null, "app without a role"),
    {
      ...signedIn(a, "app"),
      person: null,
      description: "app, before it takes on a role, with user A's claims",
    },
    ...otherRoles(catalog).map((role) => signedIn(a, role.name)),
  ];
  const tricks = [
    ...claimTricks(text).map(({ description, claims }) => ({
      ...signedIn(a),
      description: `authenticated as user A with ${description}`,
      settings: { [CLAIMS]: JSON.stringify({ ...claimsOf(a.id, keys), ...claims }) },
    })),
    ...settingTricks(text, b).map(({ name, value }) => ({
      ...signedIn(a),
      description: `authenticated as user A who sets ${name}`,
      prelude: [`select set_config(${quoteText(name)}, ${quoteText(value)}, true)`],
    })),
    ...joinTricks(catalog, owners, fill, a, b).map(({ description, statement }) => ({
      ...signedIn(a),
      description: `authenticated as user A who ${description}`,
      prelude: [statement],
    })),
    ...shadowTricks(catalog, fill, a, b).map(({ description, statements }) => ({
      ...signedIn(a),
      description: `authenticated as user A who ${description}`,
      prelude: statements,
    })),
  ].map((identity) => ({ ...identity, isTrick: true }));
  return [...plain, ...tricks];
}

function otherRoles({ roles }: Catalog): ReachableRole[] {
  return roles.filter(
    ({ name }) => !["app", "anon", "authenticated", "service_role"].includes(name),
  );
}

/** All that decides about rows: policies, and the functions that they or requests call. */
function policyTexts(catalog: Catalog, owners: Owners): string {
  const policies = catalog.relations.map((relation) => owners.policyText(relation));
  return [...policies, ...catalog.routines.map(({ source }) => source)].join("\n");
}

/** A token's claims. Those that policies read beside the registered ones name the user too. */
function claimsOf(id: string, keys: readonly string[]): Record<string, unknown> {
  const others = Object.fromEntries(keys.map((key) => [key, id]));
  const registered = { sub: id, role: "authenticated", aud: "authenticated", aal: "aal2" };
  return { ...others, ...registered, app_metadata: others, user_metadata: {} };
}

function claimKeys(text: string): string[] {
  const keys = [...text.matchAll(/->>?\s*'(\w+)'/g)].flatMap(([, key]) => (key ? [key] : []));
  const paths = [...text.matchAll(/#>>?\s*'\{([\w,\s]+)\}'/g)].flatMap(([, path = ""]) =>
    path.split(/,\s*/),
  );
  return [...new Set([...keys, ...paths])].filter((key) => !REGISTERED.has(key));
}

/** Claims that users can have in their tokens as they like. */
function claimTricks(text: string): { description: string; claims: Record<string, unknown> }[] {
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
function settingTricks(text: string, victim: Person): { name: string; value: string }[] {
  const names = [...text.matchAll(/current_setting\(\s*'([^']+)'/gi)].flatMap(([, name]) =>
    name?.includes(".") && name !== CLAIMS ? [name] : [],
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
function joinTricks(
  { relations }: Catalog,
  owners: Owners,
  fill: Fill,
  attacker: Person,
  victim: Person,
): { description: string; statement: string }[] {
  const tables = new Map<number, { members: Relation; person: string; columns: string[] }>();
  for (const relation of relations) {
    const owner = owners.of(relation);
    if (owner?.by !== "members") continue;
    const { members, person, link } = owner;
    const key = members.foreignKeys.find(
      ({ columns }) => columns.join() === link.memberColumns.join(),
    );
    if (key) tables.set(members.id, { members, person, columns: link.memberColumns });
  }
  return [...tables.values()].flatMap(({ members, person, columns }) => {
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

/** Objects of one's own that a function without a pinned search_path finds first. */
function shadowTricks(
  { relations, routines, roles }: Catalog,
  fill: Fill,
  attacker: Person,
  victim: Person,
): { description: string; statements: string[] }[] {
  const role = roles.find(({ name }) => name === "authenticated");
  const open = routines.filter(
    ({ hasSearchPath, language }) =>
      !hasSearchPath && (language === "sql" || language === "plpgsql"),
  );
  if (!role || open.length === 0) return [];
  const text = open.map(({ source }) => source).join("\n");
  const schema = role.creatableSchemas[0];
  const tables = relations.filter(
    ({ kind, name }) =>
      (kind === "r" || kind === "p") &&
      new RegExp(`\\b(?:from|join)\\s+"?${name.replace(/\W/g, "\\$&")}"?\\b(?!\\s*[.(])`, "i").test(
        text,
      ),
  );
  const people = [attacker, victim];
  const shadows = tables.map((table) => {
    const columns = table.columns
      .map(({ name, type }) => `${quoteIdentifier(name)} ${type}`)
      .join(", ");
    const into = `pg_temp.${quoteIdentifier(table.name)}`;
    const rows = people.flatMap(({ index }) => fill.of(table).rows[index] ?? []);
    return {
      description: `shadows ${table.sql} by a temporary table`,
      statements: [
        `create temporary table ${quoteIdentifier(table.name)} (${columns})`,
        ...rows.map((row) => insertStatement(table, withPerson(row, attacker), undefined, into)),
      ],
    };
  });
  return [
    ...(role.temporary ? shadows : []),
    ...(schema === undefined ? [] : [shadowedFunctions(schema, routines, text, victim)]),
  ];
}

/** The row as if all its users were this one. */
function withPerson(
  row: Record<string, string | null>,
  person: Person,
): Record<string, string | null> {
  const ids: (string | null)[] = PEOPLE.map(({ id }) => id);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, ids.includes(value) ? person.id : value]),
  );
}

function shadowedFunctions(
  schema: string,
  routines: readonly Routine[],
  text: string,
  victim: Person,
): { description: string; statements: string[] } {
  const operator = (type: string) => [
    `create function ${schema}.always(${type}, ${type}) returns boolean language sql as 'select true'`,
    `create operator ${schema}.= (leftarg = ${type}, rightarg = ${type}, function = ${schema}.always)`,
  ];
  const answers: Record<string, string> = {
    boolean: "true",
    uuid: quoteText(victim.id),
    text: quoteText(victim.id),
  };
  const called = routines.filter(
    ({ name, returns, sql }) =>
      returns in answers &&
      !sql.startsWith(`${schema}.`) &&
      new RegExp(`(?<![.\\w])${name}\\(`).test(text),
  );
  const functions = called.map(
    ({ name, arguments: given, returns }) =>
      `create function ${schema}.${quoteIdentifier(name)}(${given.map(({ type }) => type).join(", ")}) ` +
      `returns ${returns} language sql as $f$select ${answers[returns] ?? "null"}::${returns}$f$`,
  );
  return {
    description: `shadows functions and operators in schema ${schema}`,
    statements: [
      ...operator("uuid"),
      ...operator("text"),
      ...functions,
      `set local search_path = ${schema}, pg_catalog, public`,
    ],
  };
}
