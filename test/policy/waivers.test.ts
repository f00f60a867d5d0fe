import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type Waiver,
  WaiverFileError,
  applyWaivers,
  databaseRules,
  parseWaivers,
  readWaivers,
  waive,
} from "@app-data/rules";
import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";
import { waiverOf, waiversOf } from "./project-waivers";

const waiver: Waiver = {
  rule: "database-multi-az",
  object: "Instance main",
  reason: "A single zone will do until the first customer.",
  owner: "platform team",
  granted: "2026-11-01",
  expires: "2026-11-22",
};
const finding = { rule: "database-multi-az", object: "Instance main" };
const known = [{ name: "database-multi-az" }, { name: "no-reason", waivable: false }];
const names = known.map(({ name }) => name);
const apply = (changes: Partial<Waiver> = {}, today = "2026-11-22", judged = names) => {
  const waivers = { ...waiversOf([{ ...waiver, ...changes }], "prod"), today };
  return applyWaivers([finding], waivers, { known, judged });
};
const sayings = ({ problems }: ReturnType<typeof apply>) =>
  problems.map(({ code, level, message }) => `${code} ${level} ${message}`);

describe("a waiver", () => {
  it("takes its finding away until its last day, and no other", () => {
    expect(apply()).toEqual({
      standing: [],
      waived: [{ finding, waiver }],
      problems: [],
    });
    const other = { rule: "database-multi-az", object: "Instance other" };
    const { standing } = applyWaivers([finding, other], waiversOf([waiver]), {
      known,
      judged: names,
    });
    expect(standing).toEqual([other]);
  });

  it("that has expired takes nothing away, and is a finding itself", () => {
    const expired = apply({}, "2026-11-23");
    expect(expired.standing).toEqual([finding]);
    expect(sayings(expired)).toEqual([
      "POL170 mandatory the waiver of database-multi-az of Instance main expired on 2026-11-22, so " +
        "the rule holds again; today is 2026-11-23",
    ]);
  });

  it("that nothing needs is a finding, but only where its rule was judged, and in its environments", () => {
    const unused = { object: "Instance other" };
    expect(sayings(apply(unused))).toEqual([
      "POL171 mandatory the waiver of database-multi-az of Instance other waives nothing: the rule " +
        "finds no fault with the object; a waiver must be needed",
    ]);
    expect(sayings(apply(unused, "2026-11-22", []))).toEqual([]);
    expect(sayings(apply({ ...unused, environments: ["staging"] }))).toEqual([]);
    expect(apply({ environments: ["staging"] }).standing).toEqual([finding]);
    expect(apply({ environments: ["prod"] }).standing).toEqual([]);
  });

  it.each<[Partial<Waiver>, string]>([
    [{ rule: "database-multi-zone" }, 'names no rule: "database-multi-zone"'],
    [{ rule: "*" }, 'names no rule: "*"'],
    [{ object: "Instance *" }, 'names no single object: "Instance *"'],
    [{ object: " " }, 'names no single object: " "'],
    [{ reason: "" }, "gives no reason that explains anything"],
    [{ reason: "for now             " }, "gives no reason that explains anything"],
    [{ owner: "" }, "has no owner"],
    [{ expires: "2026-11-31" }, "has a date that is not of the form YYYY-MM-DD"],
    [{ granted: "yesterday" }, "has a date that is not of the form YYYY-MM-DD"],
    [{ expires: "2026-10-31" }, "expires (2026-10-31) before it was given (2026-11-01)"],
    [{ expires: "2027-11-03" }, "lasts 367 days"],
  ])("that is vague takes nothing away: %j", (changes, fault) => {
    const vague = apply(changes);
    expect(vague.standing).toEqual([finding]);
    const { rule, object } = { ...waiver, ...changes };
    expect(sayings(vague)).toEqual([
      `POL172 mandatory the waiver of ${rule} of ${object} ${fault}; a waiver names one rule, one ` +
        "object, a reason and an owner, and lasts at most 366 days",
    ]);
  });

  it("of what cannot be waived takes nothing away, however good its reason", () => {
    const protectedByAll = { rule: "no-reason", object: "public.users" };
    const waivers = waiversOf([{ ...waiver, ...protectedByAll }]);
    const { standing, problems } = applyWaivers([protectedByAll], waivers, {
      known,
      judged: names,
    });
    expect(standing).toEqual([protectedByAll]);
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "POL178 the waiver of no-reason of public.users takes nothing away: this rule cannot be waived, " +
        "whatever the reason",
    ]);
  });

  it("may last a year", () => {
    expect(sayings(apply({ expires: "2027-11-02" }))).toEqual([]);
  });
});

describe("the rules on databases", () => {
  it("can be waived, but that every table has row level security, and that the trial had a schema", () => {
    const never = databaseRules.filter(({ waivable }) => waivable === false);
    expect(never.map(({ name }) => name)).toEqual(["row-level-security", "trial-applied"]);
  });

  it("leave waivers of other rules to whoever knows these", () => {
    const unused = waiverOf("view-invoker", "public.v");
    const { problems } = waive([], waiversOf([waiver, unused]), ["view-invoker"]);
    expect(problems.map(({ object }) => object)).toEqual(["view-invoker of public.v"]);
  });
});

describe("the file of the waivers", () => {
  it("is read as of today; without it nothing is waived", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "app-data-waivers-"));
    try {
      const today = new Date().toISOString().slice(0, 10);
      const place = { file: "w.json", directory, environment: "dev" } as const;
      const read = { file: "w.json", today, environment: "dev" };
      expect(readWaivers(place)).toEqual({ ...read, entries: [] });
      writeFileSync(path.join(directory, "w.json"), JSON.stringify([waiver]));
      expect(readWaivers(place)).toEqual({ ...read, entries: [waiver] });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("is a list, each entry of the one shape", () => {
    const entry = { ...waiver, environments: ["staging", "prod"] };
    expect(parseWaivers(JSON.stringify([entry]), "w.json")).toEqual([entry]);
    expect(parseWaivers("[]", "w.json")).toEqual([]);
  });

  it.each<[string, string]>([
    ["{}", "w.json is not a list of waivers"],
    ["[", "w.json is not JSON ("],
    ["[5]", "w.json, entry 1: value is not an object"],
    [JSON.stringify([{ ...waiver, owner: 5 }]), "w.json, entry 1: owner is not a string"],
    [JSON.stringify([{ ...waiver, until: "x" }]), 'w.json, entry 1: the field "until" is unknown'],
    [
      JSON.stringify([waiver, { ...waiver, environments: ["test"] }]),
      "w.json, entry 2: environments[0] is not one of local, dev, staging, prod",
    ],
    [JSON.stringify([{ ...waiver, environments: [] }]), "w.json, entry 1: environments is empty"],
  ])("is refused otherwise: %s", (text, found) => {
    expect(() => parseWaivers(text, "w.json")).toThrow(WaiverFileError);
    expect(() => parseWaivers(text, "w.json")).toThrow(`CFG045 ${found}`);
  });
});

describe("waivers in the pack", () => {
  const instance: Fixture = {
    type: "aws:rds/instance:Instance",
    name: "main",
    props: { multiAz: false },
    propertyDependencies: { multiAz: [] },
  };
  const judge = async (fixture: Fixture, waivers: Waiver[]) => {
    const policies = awsPoliciesOf("prod", undefined, waivers).filter(({ name }) =>
      ["database-multi-az", "waivers"].includes(name),
    );
    return [
      ...(await judgeResource(policies, fixture)),
      ...(await judgeStack(policies, [fixture])),
    ];
  };

  it("silence the rule for the object", async () => {
    expect(await judge(instance, [])).toHaveLength(1);
    expect(await judge(instance, [waiver])).toEqual([]);
  });

  it("are refused where they are not needed, with the file", async () => {
    expect(await judge({ ...instance, props: { multiAz: true } }, [waiver])).toEqual([
      "waivers: POL171 policy/waivers.json: the waiver of database-multi-az of Instance main waives " +
        "nothing: the rule finds no fault with the object; a waiver must be needed. Remove it, or " +
        "correct the object's name.",
    ]);
  });

  it("are left alone while the value is not known", async () => {
    expect(await judge({ ...instance, props: { multiAz: unknown } }, [waiver])).toEqual([]);
  });

  const needed = waiverOf("view-invoker", "public.totals");
  const view = { schema: "public", name: "totals", kind: "view", securityInvoker: false };
  const granted = { grants: [{ grantee: "authenticated", privilege: "select", columns: null }] };
  const attested = (views: object[], attestedAt: unknown = "2026-11-22T10:00:00Z"): Fixture => ({
    type: "pulumi-nodejs:dynamic/database:SchemaAttestation",
    name: "attestation",
    props: { attestedAt, schema: { tables: [], views } },
  });
  const plan = (target: unknown): Fixture => ({
    type: "pulumi-nodejs:dynamic/database:MigrationPlan",
    props: { target },
  });
  const judgeDatabase = (waivers: Waiver[], ...fixtures: Fixture[]) =>
    judgeStack(
      awsPoliciesOf("prod", undefined, waivers).filter(({ name }) => name === "waivers"),
      fixtures,
    );

  it("of a rule on the schema are needed where the attestation shows the fault", async () => {
    const wrong = attested([{ ...view, ...granted, definition: "select 1" }]);
    expect(await judgeDatabase([needed], wrong)).toEqual([]);
    expect(await judgeDatabase([needed], attested([]))).toEqual([
      expect.stringContaining("waivers: POL171 policy/waivers.json: the waiver of view-invoker of"),
    ]);
  });

  it("of a rule on the schema are left alone while the database is not as the stack leaves it", async () => {
    expect(await judgeDatabase([needed])).toEqual([]);
    expect(await judgeDatabase([needed], attested([], unknown))).toEqual([]);
    expect(await judgeDatabase([needed], attested([]), plan("000"))).toEqual([]);
    expect(await judgeDatabase([needed], attested([]), plan(unknown))).toEqual([]);
    expect(await judgeDatabase([needed], attested([]), plan(""))).toHaveLength(1);
  });

  it("are refused for a table without row level security, at preview too", async () => {
    const waivers = [waiverOf("row-level-security", "public.countries")];
    expect(await judgeDatabase(waivers)).toEqual([
      "waivers: POL178 policy/waivers.json: the waiver of row-level-security of public.countries takes " +
        "nothing away: this rule cannot be waived, whatever the reason. Remove it, and correct the " +
        "object.",
    ]);
  });
});
