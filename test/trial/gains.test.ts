import type { Given } from "../../trial/src/attacks/given-rows";
import { type Deciding, type List, choicesOf } from "../../trial/src/attacks/lists";
import type { Move } from "../../trial/src/attacks/moves";
import type { Probe } from "../../trial/src/attacks/probes";
import { type State, gainsOf, plainestOf, privilegesOf } from "../../trial/src/judging/gains";
import type { Column, Relation } from "../../trial/src/rows/catalog";

const relation = (id: number, name: string) =>
  ({ id, name, sql: `public.${name}`, columns: [] }) as unknown as Relation;
const teams = relation(1, "teams");
const members = relation(2, "members");
const invitations = relation(3, "invitations");
const papers = relation(4, "papers");

const list = (of: Relation) =>
  ({ relation: of, links: [{ key: { target: teams.id }, targets: [] }] }) as unknown as List;
const probes = [
  { kind: "read", relation: invitations },
  { kind: "read", relation: papers },
  { kind: "update", relation: papers },
  { kind: "update", relation: members },
] as Probe[];
const [SEE_INVITATION, READ, UPDATE, ADMINISTER] = [
  "1 3 (0,1)",
  "2 4 (0,1)",
  "3 4 (0,1)",
  "4 2 (0,1)",
];

const nothing: Given = { kind: "nothing", description: "", before: [] };
const place = (of: Relation, role: string): Given => ({
  kind: "listed",
  description: `${of.name} as ${role}`,
  before: ["insert"],
  list: list(of),
  choice: { role },
  row: {},
});
const invited = place(invitations, "member");
const member = place(members, "member");
const admin = place(members, "admin");
const join = (role: string): Move => ({
  statement: `join as ${role}`,
  target: members,
  list: list(members),
});
const state = (given: Given, moves: Move[], ...powers: (string | undefined)[]): State => ({
  given,
  moves,
  powers: new Set(powers.filter((power) => power !== undefined)),
});
/** What is given to whom, without a move. */
const base = [
  state(nothing, []),
  state(invited, [], SEE_INVITATION),
  state(member, [], READ),
  state(admin, [], READ, UPDATE, ADMINISTER),
];
const stepsOf = (states: State[]) =>
  gainsOf([...base, ...states], probes).map(({ moves }) => moves.map(({ statement }) => statement));

describe("what moves gain", () => {
  it("is all that nothing gives, for who was given nothing", () => {
    expect(stepsOf([state(nothing, [join("member")], READ)])).toEqual([["join as member"]]);
  });

  it("is nothing where moves bring what they were given", () => {
    expect(stepsOf([state(member, [join("member")], READ)])).toEqual([]);
  });

  it("is what an invitation does not say", () => {
    const states = [
      state(invited, [join("member")], READ),
      state(invited, [join("admin")], READ, UPDATE),
    ];
    expect(stepsOf(states)).toEqual([["join as admin"]]);
  });

  it("is the more of two where an invitation says nothing of it", () => {
    const open: Given = { ...invited, choice: {} };
    const states = [
      state(open, [], SEE_INVITATION),
      state(open, [join("member")], READ),
      state(open, [join("admin")], READ, UPDATE),
    ];
    expect(stepsOf(states)).toEqual([["join as admin"]]);
  });

  it("is all where users enter the invitation themselves", () => {
    const request: Move = { ...join(""), list: list(invitations), isEntry: true };
    const states = [
      state(nothing, [request], SEE_INVITATION),
      state(invited, [join("member")], READ),
    ];
    expect(stepsOf(states)).toContainEqual(["join as member"]);
  });

  it("is nothing for who administers the list that they write", () => {
    expect(stepsOf([state(admin, [join("owner")], READ, UPDATE, "2 4 (0,2)")])).toEqual([]);
  });

  it("is told once for each table that is written, in the fewest steps", () => {
    const states = [
      state(nothing, [join("member"), join("admin")], READ, UPDATE),
      state(nothing, [join("member")], READ),
    ];
    const told = plainestOf(gainsOf([...base, ...states], probes));
    expect(told.map(({ moves }) => moves.length)).toEqual([1]);
  });

  it("is told apart from what a value opens that was given", () => {
    const flag: Given = { ...member, kind: "own" };
    const states = [...base, state(flag, [], READ)];
    expect(gainsOf(states, probes)).toEqual([]);
    expect(privilegesOf(states, probes).map(({ given }) => given)).toEqual([flag]);
  });
});

describe("the choices of a list", () => {
  const deciding = (name: string, values: (string | null)[], hasOther = false): Deciding => ({
    column: { name } as Column,
    values,
    hasOther,
  });

  it("are all combinations of what decides, and the default", () => {
    const columns = [deciding("role", ["a", "b"]), deciding("until", [null], true)];
    expect(choicesOf({ deciding: columns })).toEqual([
      { role: "a" },
      { role: "a", until: null },
      { role: "b" },
      { role: "b", until: null },
    ]);
  });

  it("leave out what cannot be written", () => {
    const columns = [deciding("role", ["a", "b"]), deciding("level", ["1", "2"])];
    expect(choicesOf({ deciding: columns }, (name) => name === "level")).toEqual([
      { level: "1" },
      { level: "2" },
    ]);
  });

  it("vary one column at a time where there are too many", () => {
    const columns = ["a", "b", "c"].map((name) => deciding(name, ["1", "2", "3", "4"]));
    const choices = choicesOf({ deciding: columns });
    expect(choices).toHaveLength(10);
    expect(choices[0]).toEqual({ a: "1", b: "1", c: "1" });
    expect(choices).toContainEqual({ a: "1", b: "4", c: "1" });
  });
});
