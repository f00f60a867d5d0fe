import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { awsRules } from "../../policy/src/aws/rules";
import { awsCases } from "./aws-cases";
import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";

const root = path.join(__dirname, "../..");
/** What no control demands, and this stack does: more than its controls ask is no fault. */
const beyondControls = [
  "database-storage-key",
  "database-load-key",
  "database-master-key",
  "bucket-key-enabled",
  "secret-encrypted",
  "secret-replicas-encrypted",
  "log-group-encrypted",
  "database-password-managed",
  "database-certificate",
  "database-proxy-log",
  "database-server-verified",
  "migrator-verifies-server",
  "database-role-superuser",
  "database-role-row-security",
  "database-role-makes-roles",
  "database-role-makes-databases",
  "database-role-replicates",
  "database-role-memberships",
  "database-role-inherits-nothing",
  "database-login-password",
  "database-login-limit",
  "database-owned-alone",
  "database-not-template",
  "database-objects-keep-owner",
  "database-role-drop-refused",
  "database-major-upgrades",
  "database-changes-in-window",
  "database-load-recorded",
  "key-use-limited",
  "role-trust-limited",
  "role-trust-subject",
  "role-trust-source",
  "role-policy-narrow",
  "data-protected",
  "database-final-snapshot",
  "database-backups-stay",
  "migrations-keep-rows",
  "migrations-take-snapshots",
  "bucket-kept-while-full",
  "secret-recoverable",
  "secret-not-public",
  "password-long",
  "network-protocol",
  "network-port",
  "network-egress-closed",
  "network-egress-protocol",
  "network-egress-port",
  "database-security-groups",
  "bucket-acls-blocked",
  "bucket-policy-blocked",
  "bucket-acls-ignored",
  "bucket-access-restricted",
  "bucket-objects-expire",
  "bucket-versions-expire",
  "bucket-uploads-expire",
  "bucket-tls-version",
  "bucket-signature-age",
  "bucket-upload-algorithm",
  "bucket-upload-key",
  "own-keys",
  "own-load-key",
  "own-master-key",
  "own-replica-keys",
  "api-key-context",
  "database-parameter-group",
  "database-passwords-scrambled",
  "database-passwords-accepted",
  "database-log-connections",
  "database-log-disconnections",
  "database-log-statements",
  "database-log-waits",
  "database-log-parameters",
  "database-log-error-parameters",
  "database-sessions-bounded",
  "bucket-policy",
];

async function judge(name: string, fixtures: readonly Fixture[]): Promise<string[]> {
  const policies = awsPoliciesOf("prod").filter((policy) => policy.name === name);
  const said: string[] = [];
  for (const fixture of fixtures) said.push(...(await judgeResource(policies, fixture)));
  return said.concat(await judgeStack(policies, [...fixtures]));
}

describe("the rules on AWS resources", () => {
  it("have a wrong and a right case each, and there is no case of a rule that is none", () => {
    expect(Object.keys(awsCases).sort()).toEqual(awsRules.map(({ name }) => name).sort());
  });

  it.each(Object.entries(awsCases))(
    "%s speaks of the wrong, and not of the right",
    async (name, each) => {
      expect(await judge(name, each.right)).toEqual([]);
      expect(await judge(name, each.wrong)).toEqual([`${name}: ${each.message}`]);
    },
  );

  it("carry the identifier of their control, or none demands them", () => {
    const controlled = awsRules.filter(({ control }) => control !== undefined);
    for (const { control } of controlled) {
      expect(control?.id).toMatch(/^(RDS|KMS|S3|EC2|IAM|SecretsManager|CloudWatch)\.\d+$/);
      expect(control?.title.length).toBeGreaterThan(20);
    }
    const others = awsRules.filter(({ control }) => control === undefined).map(({ name }) => name);
    expect(others.sort()).toEqual([...beyondControls].sort());
  });

  it("are on their page, and in the table of controls", () => {
    const table = readFileSync(path.join(root, "docs/policies/aws-controls.md"), "utf8");
    for (const { name, topic, control } of awsRules) {
      const page = path.join(root, `docs/policies/${topic.page}.md`);
      expect([topic.page, existsSync(page)]).toEqual([topic.page, true]);
      const text = readFileSync(page, "utf8");
      expect([name, text.includes(`\`${name}\``)]).toEqual([name, true]);
      expect([name, text.includes(topic.code)]).toEqual([name, true]);
      if (control) expect(table).toContain(`| ${control.id} | \`${name}\``);
    }
  });
});

/** The properties in which a resource differs from each of its kind that nothing is wrong with. */
function decisive(wrong: Fixture, right: readonly Fixture[]): string[] {
  const safe = right.filter(({ type }) => type === wrong.type).map(({ props }) => props);
  const keys = new Set([wrong.props, ...safe].flatMap((props) => Object.keys(props)));
  return [...keys].filter((key) =>
    safe.every((props) => JSON.stringify(props[key]) !== JSON.stringify(wrong.props[key])),
  );
}

describe("a value that is not known at preview", () => {
  const provable = awsPoliciesOf("prod").filter(({ name }) => name === "aws-provable");
  const instance = (props: Record<string, unknown>, given = Object.keys(props)): Fixture => ({
    type: "aws:rds/instance:Instance",
    name: "main",
    props,
    propertyDependencies: Object.fromEntries(given.map((key) => [key, []])),
  });

  it("is refused by no rule, and said and counted where a rule needs it", async () => {
    const fixture = instance({ multiAz: unknown, publiclyAccessible: unknown });
    expect(await judge("database-multi-az", [fixture])).toEqual([]);
    expect(await judge("database-not-public", [fixture])).toEqual([]);
    const later =
      "it is judged in the update. Give the value in the program to have it judged here.";
    expect(await judgeStack(provable, [fixture])).toEqual([
      "aws-provable: POL173 1 of 2 not judged: Instance main has publiclyAccessible not known yet, " +
        `which database-not-public (RDS.2) needs; ${later}`,
      "aws-provable: POL173 2 of 2 not judged: Instance main has multiAz not known yet, which " +
        `database-multi-az (RDS.5) needs; ${later}`,
    ]);
  });

  it("is said wherever it decides: what is not refused for it, is told as not judged", async () => {
    const silent: unknown[] = [];
    let count = 0;
    for (const [name, { wrong, right }] of Object.entries(awsCases)) {
      for (const [at, fixture] of wrong.entries()) {
        for (const key of decisive(fixture, right)) {
          count += 1;
          const props = { ...fixture.props, [key]: unknown };
          const given = { ...fixture.propertyDependencies, [key]: [] };
          const stack = wrong.with(at, { ...fixture, props, propertyDependencies: given });
          const said = [...(await judge(name, stack)), ...(await judgeStack(provable, stack))];
          // Whose key it is, one rule asks for all that are encrypted.
          const told = new RegExp(`${key}(\\.\\w+)* not known yet, which (${name}|own-[a-z-]+) `);
          if (!said.some((line) => line.startsWith(`${name}: `) || told.test(line)))
            silent.push([name, fixture.type, key]);
        }
      }
    }
    expect(silent).toEqual([]);
    expect(count).toBeGreaterThan(50);
  });

  it("is nothing to judge where AWS gives it and no program did", async () => {
    expect(await judgeStack(provable, [instance({ multiAz: unknown }, [])])).toEqual([]);
  });

  it("is judged when it is known, after the update", async () => {
    const after = instance({ multiAz: false, publiclyAccessible: false });
    expect(await judgeStack(provable, [after])).toEqual([]);
    expect(await judge("database-multi-az", [after])).toHaveLength(1);
  });

  it("does not hide whose key it is: the dependency tells", async () => {
    const key: Fixture = { type: "aws:kms/key:Key", name: "own", props: { arn: unknown } };
    const secret = (propertyDependencies: Record<string, string[]>): Fixture => ({
      type: "aws:secretsmanager/secret:Secret",
      name: "app",
      props: { kmsKeyId: unknown },
      propertyDependencies,
    });
    expect(await judgeStack(provable, [key, secret({ kmsKeyId: ["own"] })])).toEqual([]);
    const [said] = await judgeStack(provable, [key, secret({ kmsKeyId: [] })]);
    expect(said).toContain(
      "1 of 1 not judged: Secret app has kmsKeyId not known yet, which own-keys",
    );
  });
});

describe("the levels", () => {
  const level = (environment: "local" | "dev" | "staging" | "prod", rule: string) =>
    awsPoliciesOf(environment).find(({ name }) => name === rule)?.enforcementLevel;

  it("are mandatory, but where what is deployed need not last", () => {
    expect(level("prod", "data-protected")).toBe("mandatory");
    expect(level("staging", "data-protected")).toBe("mandatory");
    expect(level("dev", "data-protected")).toBe("disabled");
    expect(level("staging", "database-multi-az")).toBe("disabled");
    expect(level("local", "bucket-tls")).toBe("disabled");
    expect(level("dev", "bucket-tls")).toBe("mandatory");
    expect(level("local", "database-not-public")).toBe("mandatory");
  });

  it("leave nothing out in prod", () => {
    const prod = awsPoliciesOf("prod").filter(({ name }) => name !== "aws-provable");
    expect(prod.filter(({ enforcementLevel }) => enforcementLevel !== "mandatory")).toEqual([]);
  });

  it("come with thresholds of the environment, which the pack's configuration may change", () => {
    const schema = (environment: "dev" | "prod") =>
      awsPoliciesOf(environment).find(({ name }) => name === "database-backups")?.configSchema;
    const description = "Days that backups have to be kept.";
    const days = { type: "integer", description, minimum: 1, maximum: 35 };
    expect(schema("dev")).toEqual({ properties: { days: { ...days, default: 1 } } });
    expect(schema("prod")).toEqual({ properties: { days: { ...days, default: 14 } } });
  });
});
