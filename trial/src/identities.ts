import { claimsSetting } from "@app-data/rules";
import type { Catalog, ReachableRole } from "./catalog";
import type { Fill } from "./fill";
import type { Owners } from "./owners";
import { PEOPLE, type Person, STRANGER } from "./people";
import { shadowTricks } from "./shadow-tricks";
import { quoteText } from "./statements";
import { claimKeys, claimTricks, comparedClaims, joinTricks, settingTricks } from "./tricks";

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

const UUIDS = /(?<=')[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=')/gi;
const MOST_STRANGERS = 3;

/** Every identity that the trial takes on, the plain ones first. */
export function identities(
  catalog: Catalog,
  owners: Owners,
  fill: Fill,
  strangers: readonly string[],
): Identity[] {
  const text = decidingText(catalog, owners);
  const compared = comparedClaims(text);
  const read = claimKeys(text).map((key): Claim => ({ key, value: compared.get(key) }));
  const as = (
    role: string,
    person: Person | null,
    description: string,
    claims?: string,
  ): Identity => ({
    role,
    person,
    description,
    settings: claims === undefined ? {} : { [claimsSetting]: claims },
    prelude: [],
    isTrick: false,
    readsOnly: false,
  });
  const reading = (role: string, description: string, claims: string): Identity => ({
    ...as(role, null, description, claims),
    readsOnly: true,
  });
  const signedIn = (person: Person, role = "authenticated") =>
    as(role, person, `${role} as user ${person.name}`, JSON.stringify(claimsOf(person.id, read)));
  const named = strangers.map((id, index) => ({ index: PEOPLE.length + index, name: id, id }));
  const [a, b] = PEOPLE;
  if (!a || !b) throw new Error("The trial needs two users.");

  const plain = [
    signedIn(a),
    signedIn(b),
    as(
      "authenticated",
      null,
      "authenticated as a user who does not exist",
      JSON.stringify(claimsOf(STRANGER, read)),
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
    ...named.map((person) => ({
      ...signedIn(person),
      description: `authenticated as user ${person.id}, whom the migrations name`,
    })),
    ...otherRoles(catalog).map((role) => signedIn(a, role.name)),
  ];
  const tricks = [
    ...claimTricks(text).map(({ description, claims }) => ({
      ...signedIn(a),
      description: `authenticated as user A with ${description}`,
      settings: { [claimsSetting]: JSON.stringify({ ...claimsOf(a.id, read), ...claims }) },
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

/** A claim that policies read, and the text that it is compared with. */
interface Claim {
  key: string;
  value: string | undefined;
}

function otherRoles({ roles }: Catalog): ReachableRole[] {
  return roles.filter(
    ({ name, bypasses }) =>
      !bypasses && !["app", "anon", "authenticated", "service_role"].includes(name),
  );
}

/** All that decides about rows: policies, and the functions that they or requests call. */
function decidingText(catalog: Catalog, owners: Owners): string {
  const policies = catalog.relations.flatMap((relation) => [
    owners.policyText(relation),
    relation.definition ?? "",
  ]);
  return [...policies, ...catalog.routines.map(({ source }) => source)].join("\n");
}

/**
 * A token's claims. Those that policies read beside the registered ones name the user, too, but for one that
 * is compared with a text.
 */
function claimsOf(id: string, claims: readonly Claim[]): Record<string, unknown> {
  const others = Object.fromEntries(claims.map(({ key, value }) => [key, value ?? id]));
  const registered = {
    sub: id,
    email: id,
    phone: id,
    role: "authenticated",
    aud: "authenticated",
    aal: "aal2",
  };
  return { ...others, ...registered, app_metadata: others, user_metadata: {} };
}

/** Ids of users that policies or functions name: a default of the identity, an administrator. */
export function namedStrangers(catalog: Catalog, owners: Owners): string[] {
  const known = [...PEOPLE.map(({ id }) => id), STRANGER];
  const ids = decidingText(catalog, owners).match(UUIDS) ?? [];
  return [...new Set(ids.map((id) => id.toLowerCase()))]
    .filter((id) => !known.includes(id))
    .slice(0, MOST_STRANGERS);
}
