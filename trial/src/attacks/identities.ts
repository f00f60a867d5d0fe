import type { Contract } from "@app-data/rules";
import type { Catalog } from "../rows/catalog";
import { shuttingOut } from "../rows/emptiness";
import { quoteText } from "../rows/statements";
import { MOST_NAMED_USERS, NOWHERE, WORLDS, type World, victimOf } from "../rows/worlds";
import {
  type Claim,
  type Setting,
  claimTricks,
  readClaims,
  readSettings,
  settingTricks,
} from "./tricks";

/** Somebody who tries: a role, the settings of its transaction, and what it does first. */
export interface Identity {
  role: string;
  /** The role that the session is of. */
  login: string;
  /** How messages call it. */
  description: string;
  /** Whose rows it may work with; null for nobody's. */
  world: World | null;
  /** Settings that the application makes, and those that the attacker adds. */
  settings: Record<string, string>;
  /** Statements that it runs before each attempt. */
  prelude: string[];
  /** Not one of the plain identities: a trick, which counts only where the plain ones got nothing. */
  isTrick: boolean;
  /** A variation of another identity, which reads and leaves it at that. */
  readsOnly: boolean;
}

/** Those of one role who make moves, or let others make theirs. */
export interface Movers {
  attacker: Identity;
  victim: Identity;
  newcomer: (email: string) => Identity;
}

const UUIDS = /(?<=')[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=')/gi;

/** Makes the identities that a contract and the policies of a schema allow. */
export class Identities {
  /** Every identity that the trial takes on, the plain ones first. */
  readonly all: readonly Identity[];
  private readonly text: string;
  /** The claims and settings that policies and functions read. */
  private readonly claims: readonly Claim[];
  private readonly settings: readonly Setting[];

  constructor(
    private readonly catalog: Catalog,
    private readonly contract: Contract,
    private readonly worlds: readonly World[],
  ) {
    this.text = decidingText(catalog);
    this.claims = readClaims(this.text, labelsOf(catalog));
    this.settings = readSettings(this.text, contract);
    this.all = [...this.plain(), ...this.tricks()];
  }

  /** Those of a role who make moves: the user of a world, that of the one they attack, and who signs up. */
  public ofRole(role: string): Movers {
    const [a, b] = this.worlds;
    if (!a || !b) throw new Error("The trial needs two worlds.");
    return {
      attacker: this.signedIn(a, role),
      victim: this.signedIn(b, role),
      newcomer: (email) => this.signedIn({ ...NOWHERE, email }, role),
    };
  }

  /** The user of a world, signed in. */
  public signedIn(world: World, role = this.contract.signedInRoles[0] ?? ""): Identity {
    return this.as(role, world.index < 0 ? null : world, `${role} as user ${world.name}`, {
      ...this.settingsOf(world),
      [this.contract.claims.setting]: JSON.stringify(this.claimsOf(world, role)),
    });
  }

  private as(
    role: string,
    world: World | null,
    description: string,
    settings: Record<string, string> = {},
  ): Identity {
    const login = this.contract.loginRole;
    return {
      role,
      login,
      world,
      description,
      settings,
      prelude: [],
      isTrick: false,
      readsOnly: false,
    };
  }

  private plain(): Identity[] {
    const { anonymousRole, signedInRoles, backOfficeRoles, loginRole, claims } = this.contract;
    const [a, b, c, d] = this.worlds;
    if (!a || !b || !c || !d) throw new Error("The trial needs its worlds.");
    const withClaims = (role: string, name: string, value: string): Identity => ({
      ...this.as(role, null, `${role} with ${name}`, { [claims.setting]: value }),
      readsOnly: true,
    });
    const known = [loginRole, anonymousRole, ...signedInRoles, ...backOfficeRoles];
    const others = this.catalog.roles.filter(
      ({ name, bypasses }) => !bypasses && !known.includes(name),
    );
    return [
      ...signedInRoles.flatMap((role) => [
        this.signedIn(a, role),
        this.signedIn(b, role),
        { ...this.signedIn(NOWHERE, role), description: `${role} as a user in no world` },
        this.as(role, null, `${role} without claims`),
        withClaims(role, "empty claims", ""),
        withClaims(role, "claims that are not JSON", "{"),
        withClaims(role, `claims without ${claims.subject}`, "{}"),
        withClaims(role, `a ${claims.subject} that is not a UUID`, `{"${claims.subject}":"1"}`),
        ...(shuttingOut(this.catalog).size > 0 || namedUsers(this.catalog).length > 0
          ? [this.signedIn(d, role)]
          : []),
        ...(namedUsers(this.catalog).length > 1 ? [this.signedIn(c, role)] : []),
      ]),
      this.as(anonymousRole, null, `${anonymousRole} without claims`),
      withClaims(anonymousRole, "empty claims", ""),
      withClaims(anonymousRole, "claims that are not JSON", "{"),
      ...backOfficeRoles.map((role) => this.as(role, null, role)),
      this.as(loginRole, null, `${loginRole} without a role`),
      {
        ...this.signedIn(a, loginRole),
        // The platform grants functions to everybody, the login role among them.
        world: this.contract.platformGrants ? a : null,
        description: `${loginRole}, before it takes on a role, with user A's claims`,
      },
      ...others.map(({ name }) => this.signedIn(a, name)),
    ];
  }

  private tricks(): Identity[] {
    const [a] = this.worlds;
    if (!a) return [];
    const b = victimOf(a);
    const { claims, signedInRoles } = this.contract;
    const role = signedInRoles[0] ?? "";
    const trick = (description: string, rest: Partial<Identity>): Identity => ({
      ...this.signedIn(a),
      description: `${role} as user A ${description}`,
      isTrick: true,
      ...rest,
    });
    return [
      ...claimTricks(this.text, this.contract, b).map(({ description, chosen }) =>
        trick(`with ${description}`, {
          settings: {
            ...this.settingsOf(a),
            [claims.setting]: JSON.stringify({ ...this.claimsOf(a, role), ...chosen }),
          },
        }),
      ),
      ...settingTricks(this.text, this.contract, b).map(({ name, value }) =>
        trick(`who sets ${name}`, {
          prelude: [`select set_config(${quoteText(name)}, ${quoteText(value)}, true)`],
        }),
      ),
    ];
  }

  /** The settings that policies read: as the application makes them, they are of the user's world. */
  private settingsOf({ id, number }: World): Record<string, string> {
    return Object.fromEntries(
      this.settings.map(({ name, isNumber }) => [name, isNumber ? number : id]),
    );
  }

  /**
   * A token's claims. Those that policies read beside the registered ones name the world, too, but for one
   * that is compared with a text.
   */
  private claimsOf({ id, number, email }: World, role: string): Record<string, unknown> {
    const others = Object.fromEntries(
      this.claims.map(({ key, value, isNumber, isList }) => {
        const own = value ?? (isNumber ? Number(number) : id);
        return [key, isList ? [own] : own];
      }),
    );
    return {
      ...others,
      [this.contract.claims.subject]: id,
      email,
      phone: id,
      role,
      aud: role,
      aal: "aal2",
      app_metadata: others,
      user_metadata: {},
    };
  }
}

/** The labels of enums, by the names that casts call them. */
function labelsOf({ relations }: Catalog): ReadonlyMap<string, readonly string[]> {
  const enums = relations.flatMap(({ columns }) =>
    columns.filter(({ typeKind }) => typeKind === "e"),
  );
  return new Map(
    enums.flatMap(({ type, labels }) => [
      [type, labels],
      [`public.${type}`, labels],
    ]),
  );
}

/** Ids of users that policies or functions name: a default of the identity, an administrator. */
export function namedUsers(catalog: Catalog): string[] {
  const known = [...WORLDS.map(({ id }) => id), NOWHERE.id];
  const ids = decidingText(catalog).match(UUIDS) ?? [];
  return [...new Set(ids.map((id) => id.toLowerCase()))]
    .filter((id) => !known.includes(id))
    .slice(0, MOST_NAMED_USERS);
}

/** All that decides about rows: policies, and the functions that they or requests call. */
function decidingText({ relations, routines }: Catalog): string {
  const policies = relations.flatMap(({ definition, policies: some }) => [
    definition ?? "",
    ...some.flatMap(({ using, check }) => [using ?? "", check ?? ""]),
  ]);
  return [...policies, ...routines.map(({ source }) => source)].join("\n");
}
