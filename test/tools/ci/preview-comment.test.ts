import { policyFindings } from "../../../tools/audit/policy-events.mjs";
import { previewComment } from "../../../tools/ci/preview-comment.mjs";

const event = (policyName: string, enforcementLevel: string, message: string, urn = "") =>
  JSON.stringify({
    policyEvent: { policyName, enforcementLevel, severity: "high", message, resourceUrn: urn },
  });
const step = (op: string, urn: string) =>
  JSON.stringify({ resourcePreEvent: { metadata: { op, urn } } });
const urn = "urn:pulumi:dev::app-data::aws:rds/instance:Instance::database";
const refusal = event(
  "database-not-public",
  "mandatory",
  "No database has a public address.\nPOL174 Instance database has <b>|@team on.",
  urn,
);
const plan = { code: 0, out: "002_bills  creates public.bills\n```\n", err: "" };
const comment = (out: string, code = 0, err = "") =>
  previewComment({
    stack: "dev",
    preview: { code, out, err },
    findings: policyFindings(out),
    plan,
  });

describe("the findings in a stream of events", () => {
  it("are each told once, without the policy's description", () => {
    expect(policyFindings([refusal, "", "not JSON", "{broken", refusal].join("\n"))).toEqual([
      {
        policy: "database-not-public",
        level: "mandatory",
        severity: "high",
        resource: "database",
        message: "POL174 Instance database has <b>|@team on.",
      },
    ]);
  });
});

describe("the comment on a pull request", () => {
  it("says that nothing is wrong, and nothing changes", () => {
    const text = comment("");
    expect(text).toMatch(/^<!-- app-data preview dev -->\n## dev: may go\n/);
    expect(text).toContain("No policy has anything to say.");
    expect(text).toContain("No resource changes.");
  });

  it("says what a policy refuses, as text that can do nothing", () => {
    const text = comment(refusal, 1);
    expect(text).toContain("## dev: refused by 1 finding\n");
    expect(text).toContain(
      "| mandatory | `database-not-public` | database | POL174 Instance database has &lt;b>\\|&#64;team on. |",
    );
  });

  it("does not call advice a refusal", () => {
    expect(comment(event("aws-provable", "advisory", "POL173 x", urn))).toContain("## dev: may go");
  });

  it("lists what changes, and the plan of the migrations in a fence that it cannot end", () => {
    const text = comment([step("update", urn), step("same", urn), step("delete", urn)].join("\n"));
    expect(text).toContain("<summary>2 resources change</summary>");
    expect(text).toContain(
      "~ aws:rds/instance:Instance database\n− aws:rds/instance:Instance database",
    );
    expect(text).toContain("````text\n002_bills  creates public.bills\n```\n````");
  });

  it("shows why a preview failed", () => {
    const diagnostic = JSON.stringify({
      diagnosticEvent: { severity: "error", message: "CFG021 database.backupRetentionDays = 0" },
    });
    const text = comment(diagnostic, 255, "error: preview failed");
    expect(text).toContain("## dev: the preview failed");
    expect(text).toContain("CFG021 database.backupRetentionDays = 0\nerror: preview failed");
  });

  it("fits into what GitHub takes", () => {
    const many = Array.from({ length: 2_000 }, (_, index) => step("create", `${urn}${index}`));
    expect(comment(many.join("\n")).length).toBeLessThan(65_536);
  });
});
