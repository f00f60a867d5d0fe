import { Network, zoneAt } from "../../components/network";
import { countTypes, only, record, valueOf, type RecordedProgram } from "./recorded-program";

const tags = { Project: "app-data" };

function program(availabilityZones: number): Promise<RecordedProgram<Network>> {
  const args = {
    cidrBlock: "10.0.0.0/16",
    availabilityZones,
    logRetentionDays: 14,
    keyDeletionWindowDays: 7,
    protect: false,
    tags,
  };
  return record("dev", (options) => new Network("network", args, options));
}

describe("Network", () => {
  it("is these resources, with a subnet and its association a zone", async () => {
    expect(countTypes(await program(3))).toEqual({
      "app-data:network:Network": 1,
      "aws:ec2/vpc:Vpc": 1,
      "aws:ec2/flowLog:FlowLog": 1,
      "aws:cloudwatch/logGroup:LogGroup": 1,
      "aws:iam/role:Role": 1,
      "aws:iam/rolePolicy:RolePolicy": 1,
      "aws:kms/key:Key": 1,
      "aws:kms/alias:Alias": 1,
      "aws:ec2/routeTable:RouteTable": 1,
      "aws:ec2/subnet:Subnet": 3,
      "aws:ec2/routeTableAssociation:RouteTableAssociation": 3,
      "aws:ec2/securityGroup:SecurityGroup": 2,
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": 1,
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 1,
    });
  });

  it("spreads private subnets over the first zones by name", async () => {
    const recorded = await program(2);
    const subnets = recorded.resources.filter(({ type }) => type === "aws:ec2/subnet:Subnet");
    expect(subnets.map(({ inputs }) => inputs)).toEqual([
      {
        vpcId: "network-id",
        cidrBlock: "10.0.0.0/20",
        availabilityZone: "eu-central-1a",
        mapPublicIpOnLaunch: false,
        tags: { ...tags, Name: "app-data-dev-private-1" },
      },
      {
        vpcId: "network-id",
        cidrBlock: "10.0.16.0/20",
        availabilityZone: "eu-central-1b",
        mapPublicIpOnLaunch: false,
        tags: { ...tags, Name: "app-data-dev-private-2" },
      },
    ]);
    const ids = await Promise.all(recorded.result.subnetIds.map(valueOf));
    expect(ids).toEqual(["network-private-1-id", "network-private-2-id"]);
  });

  it("has no route but the network's own", async () => {
    expect(only(await program(2), "aws:ec2/routeTable:RouteTable").inputs).toEqual({
      vpcId: "network-id",
      tags: { ...tags, Name: "app-data-dev-private" },
    });
  });

  it("lets clients connect to the database, and nothing else to anything", async () => {
    const recorded = await program(2);
    const groups = recorded.resources.filter(({ type }) => type.endsWith(":SecurityGroup"));
    expect(groups.map(({ inputs }) => inputs)).toEqual([
      {
        name: "app-data-dev-clients",
        description: "May connect to the database",
        vpcId: "network-id",
        tags: { ...tags, Name: "app-data-dev-clients" },
      },
      {
        name: "app-data-dev-database",
        description: "The database",
        vpcId: "network-id",
        tags: { ...tags, Name: "app-data-dev-database" },
      },
    ]);
    const port = { ipProtocol: "tcp", fromPort: 5432, toPort: 5432, description: "PostgreSQL" };
    const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
    expect(only(recorded, egress).inputs).toEqual({
      ...port,
      securityGroupId: "network-clients-id",
      referencedSecurityGroupId: "network-database-id",
      tags: { ...tags, Name: "app-data-dev-clients" },
    });
    const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
    expect(only(recorded, ingress).inputs).toEqual({
      ...port,
      securityGroupId: "network-database-id",
      referencedSecurityGroupId: "network-clients-id",
      tags: { ...tags, Name: "app-data-dev-database" },
    });
  });

  it("is the parent of all that it makes", async () => {
    const { options } = await program(2);
    const parents = options.filter(({ type }) => type !== "app-data:network:Network");
    expect(new Set(parents.map(({ parent }) => parent))).toEqual(new Set(["network"]));
  });

  it("cannot have more zones than the region", () => {
    expect(zoneAt(["b", "a"], 1)).toBe("b");
    expect(() => zoneAt(["b", "a"], 2)).toThrow(
      "CFG041 app-data:network.availabilityZones: the region has 2 zones (b, a), " +
        "zone number 3 was asked for. Lower the number.",
    );
  });
});
