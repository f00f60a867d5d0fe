import type { Environment } from "../../components/config";
import { Network } from "../../components/network";
import { configOf } from "./environments";
import { only, policyOf, protectedNames, record, type RecordedProgram } from "./recorded-program";

const tags = { Project: "app-data" };

function program(environment: Environment): Promise<RecordedProgram<Network>> {
  return record(environment, (options) => {
    const { network, protect } = configOf(environment);
    return new Network("network", { ...network, protect, tags }, options);
  });
}

describe("the flow log of the network", () => {
  const groups = "arn:aws:logs:eu-central-1:123456789012:log-group";
  const logGroup = "/aws/vpc/app-data-prod/flow-log";
  const labels = { ...tags, Name: "app-data-prod-flow-log" };
  let recorded: RecordedProgram<Network>;
  beforeAll(async () => {
    recorded = await program("prod");
  });

  it("is of all traffic of the network, and goes to a log group", () => {
    expect(only(recorded, "aws:ec2/flowLog:FlowLog").inputs).toEqual({
      vpcId: "network-id",
      trafficType: "ALL",
      logDestination: `${groups}:of-network-flow-log`,
      iamRoleArn: "arn:aws:iam::123456789012:role/network-flow-log",
      tags: labels,
    });
  });

  it("is begun when the role may write it: without, EC2 delivers nothing", () => {
    const flowLog = recorded.options.find(({ type }) => type === "aws:ec2/flowLog:FlowLog");
    expect(flowLog?.dependsOn).toBe(1);
  });

  it("has an end, and is encrypted with a key for it alone", () => {
    expect(only(recorded, "aws:cloudwatch/logGroup:LogGroup").inputs).toEqual({
      name: logGroup,
      retentionInDays: 365,
      kmsKeyId: "arn:aws:kms:eu-central-1:123456789012:key/network-flow-log-key",
      tags: labels,
    });
    const key = only(recorded, "aws:kms/key:Key");
    expect(key.inputs).toEqual({
      description: "Flow log of the network of app-data",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: expect.any(String),
      tags: labels,
    });
    expect(only(recorded, "aws:kms/alias:Alias").inputs).toEqual({
      name: "alias/app-data-prod-flow-log",
      targetKeyId: "network-flow-log-key-key-id",
    });
    expect(policyOf(key)).toEqual({
      Version: "2012-10-17",
      Statement: [
        expect.objectContaining({
          Sid: "AdministerAsAccount",
          Principal: { AWS: "arn:aws:iam::123456789012:root" },
        }),
        {
          Sid: "EncryptLogs",
          Effect: "Allow",
          Principal: { Service: "logs.eu-central-1.amazonaws.com" },
          Action: [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
          ],
          Resource: "*",
          Condition: {
            ArnEquals: { "kms:EncryptionContext:aws:logs:arn": [`${groups}:${logGroup}`] },
          },
        },
      ],
    });
  });

  it("is written with a role that is the service's for this account alone, and writes there alone", () => {
    const role = only(recorded, "aws:iam/role:Role");
    expect(role.inputs).toEqual({
      name: "app-data-prod-flow-log",
      description: "EC2 writes down who connected to whom in the network",
      assumeRolePolicy: expect.any(String),
      tags: labels,
    });
    expect(policyOf(role, "assumeRolePolicy")).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "WriteFlowLogs",
          Effect: "Allow",
          Principal: { Service: "vpc-flow-logs.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: {
            StringEquals: { "aws:SourceAccount": "123456789012" },
            ArnLike: { "aws:SourceArn": "arn:aws:ec2:eu-central-1:123456789012:vpc-flow-log/*" },
          },
        },
      ],
    });
    const permission = only(recorded, "aws:iam/rolePolicy:RolePolicy");
    expect(permission.inputs).toEqual({
      name: "write-flow-log",
      role: "app-data-prod-flow-log",
      policy: expect.any(String),
    });
    expect(policyOf(permission)).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "WriteRecords",
          Effect: "Allow",
          Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
          Resource: `${groups}:${logGroup}:*`,
        },
        {
          Sid: "FindLogGroup",
          Effect: "Allow",
          Action: "logs:DescribeLogGroups",
          Resource: `${groups}:*`,
        },
      ],
    });
  });

  it("protects its key in staging and prod alone", async () => {
    const key = ["aws:kms/key:Key network-flow-log-key"];
    expect(protectedNames(await program("prod"))).toEqual(key);
    expect(protectedNames(await program("staging"))).toEqual(key);
    expect(protectedNames(await program("dev"))).toEqual([]);
  });
});
