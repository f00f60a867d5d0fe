import { connectionArguments } from "../../tools/audit/live-schema.mjs";
import { renderAudit } from "../../tools/audit/render.mjs";

describe("an audit", () => {
  it("reaches the database as the stack's outputs say, with no secret on the command line", () => {
    const outputs = {
      databaseHost: "127.0.0.1",
      databasePort: 6432,
      databaseName: "app",
      databaseAddress: "db.example.rds.amazonaws.com",
      migratorSecretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:m",
    };
    const region = "eu-central-1";
    const where =
      "--host 127.0.0.1 --port 6432 --database app --server-name db.example.rds.amazonaws.com ";
    expect(connectionArguments(outputs, { region, login: "password" }).join(" ")).toBe(
      `${where}--secret arn:aws:secretsmanager:eu-central-1:111122223333:secret:m --region eu-central-1`,
    );
    expect(connectionArguments(outputs, { region, login: "iam" }).join(" ")).toBe(
      `${where}--iam --region eu-central-1`,
    );
  });

  it("tells what is refused, what is advice and what is waived until when", () => {
    const database = {
      digest: "d1",
      serverVersion: "17.10",
      findings: [
        {
          level: "mandatory",
          rule: "row-level-security",
          code: "POL101",
          object: "public.users",
          message: "table public.users is open",
          remediation: "Close it.",
        },
      ],
      waived: [
        {
          rule: "row-level-security",
          object: "public.countries",
          waiver: {
            reason: "It is the list of all countries.",
            owner: "data",
            expires: "2027-01-31",
          },
        },
      ],
    };
    const state = [
      {
        policy: "aws-provable",
        level: "advisory",
        severity: "",
        resource: "",
        message: "POL173 x",
      },
    ];
    expect(renderAudit({ stack: "dev", environment: "dev", ok: false, state, database })).toBe(
      [
        "Stack dev (dev), PostgreSQL 17.10, catalog d1",
        "advisory  aws-provable, the stack",
        "          POL173 x",
        "mandatory row-level-security, public.users",
        "          POL101 table public.users is open. Close it.",
        "waived    row-level-security, public.countries",
        "          It is the list of all countries. (data, until 2027-01-31)",
        "Refused: what is mandatory above must be corrected.",
      ].join("\n"),
    );
  });
});
