import * as ec2 from "@pulumi/aws/ec2";
import { getAvailabilityZonesOutput } from "@pulumi/aws/getAvailabilityZones";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import { sixteenthOf } from "./network-addresses";
import { physicalName } from "./names";
import { createFlowLog } from "./network-flow-log";
import type { Tags } from "./tags";

/** Port that the database listens on. */
export const DATABASE_PORT = 5432;

/** Inputs of {@link Network}. */
export interface NetworkArgs {
  /** Private IPv4 block of the network, /16 to /24. A change replaces the network and all in it. */
  readonly cidrBlock: string;
  /** How many availability zones have a subnet, 2 to 6: RDS demands two. */
  readonly availabilityZones: number;
  /** Days that CloudWatch keeps the flow log. */
  readonly logRetentionDays: number;
  /** Days until the deleted key of the flow log, and all that is in it, is gone: 7 to 30. */
  readonly keyDeletionWindowDays: number;
  /** Whether Pulumi refuses to delete the key of the flow log. */
  readonly protect: boolean;
  /** Tags of every resource. */
  readonly tags: Tags;
}

/**
 * Private network of the database: subnets without a way to or from the internet, and two security
 * groups that name each other, so that what may connect is a membership, never an address. Its flow
 * log keeps who tried.
 *
 * The security group that AWS puts in every network is not managed here; nothing is in it.
 */
export class Network extends pulumi.ComponentResource {
  /** Identifier of the VPC. */
  public readonly vpcId: pulumi.Output<string>;
  /** Identifiers of the private subnets, one a zone. */
  public readonly subnetIds: pulumi.Output<string>[];
  /** Security group of what may connect to the database, and to nothing else. */
  public readonly clientSecurityGroupId: pulumi.Output<string>;
  /** Security group of the database. */
  public readonly databaseSecurityGroupId: pulumi.Output<string>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-data:network:Network", name, {}, opts);
    const tag = (role?: string): Tags => ({ ...args.tags, Name: physicalName(role) });

    const vpc = new ec2.Vpc(
      name,
      {
        cidrBlock: args.cidrBlock,
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: tag(),
      },
      { parent: this },
    );
    this.vpcId = vpc.id;
    createFlowLog(`${name}-flow-log`, {
      parent: this,
      vpcId: vpc.id,
      retentionDays: args.logRetentionDays,
      keyDeletionWindowDays: args.keyDeletionWindowDays,
      protect: args.protect,
      tags: tag("flow-log"),
    });
    this.subnetIds = this.createSubnets(name, args, tag);
    const clients = this.createSecurityGroup(name, "clients", "May connect to the database", tag);
    const database = this.createSecurityGroup(name, "database", "The database", tag);
    this.allowConnections(name, clients.id, database.id, tag);
    this.clientSecurityGroupId = clients.id;
    this.databaseSecurityGroupId = database.id;

    this.registerOutputs({
      vpcId: this.vpcId,
      subnetIds: this.subnetIds,
      clientSecurityGroupId: this.clientSecurityGroupId,
      databaseSecurityGroupId: this.databaseSecurityGroupId,
    });
  }

  /** Subnets whose one route table has the local route alone. */
  private createSubnets(
    name: string,
    args: NetworkArgs,
    tag: (role: string) => Tags,
  ): pulumi.Output<string>[] {
    const routes = new ec2.RouteTable(
      `${name}-private`,
      { vpcId: this.vpcId, tags: tag("private") },
      { parent: this },
    );
    const zones = getAvailabilityZonesOutput(
      // Not "available" ones only: a zone with trouble would leave the list and move the others.
      { filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }] },
      { parent: this },
    );
    return Array.from({ length: args.availabilityZones }, (_, index) => {
      const role = `private-${index + 1}`;
      const subnet = new ec2.Subnet(
        `${name}-${role}`,
        {
          vpcId: this.vpcId,
          cidrBlock: sixteenthOf(args.cidrBlock, index),
          availabilityZone: zones.names.apply((names) => zoneAt(names, index)),
          mapPublicIpOnLaunch: false,
          tags: tag(role),
        },
        // A subnet stays where it was made, whatever AWS adds to the list of zones later.
        { parent: this, ignoreChanges: ["availabilityZone"] },
      );
      new ec2.RouteTableAssociation(
        `${name}-${role}`,
        { subnetId: subnet.id, routeTableId: routes.id },
        { parent: this },
      );
      return subnet.id;
    });
  }

  private createSecurityGroup(
    name: string,
    role: string,
    description: string,
    tag: (role: string) => Tags,
  ): ec2.SecurityGroup {
    return new ec2.SecurityGroup(
      `${name}-${role}`,
      { name: physicalName(role), description, vpcId: this.vpcId, tags: tag(role) },
      { parent: this },
    );
  }

  /** The two halves of one permission, apart from the groups because these would need each other. */
  private allowConnections(
    name: string,
    clients: pulumi.Output<string>,
    database: pulumi.Output<string>,
    tag: (role: string) => Tags,
  ): void {
    const rule = {
      ipProtocol: "tcp",
      fromPort: DATABASE_PORT,
      toPort: DATABASE_PORT,
      description: "PostgreSQL",
    };
    new vpc.SecurityGroupEgressRule(
      `${name}-clients-to-database`,
      {
        ...rule,
        securityGroupId: clients,
        referencedSecurityGroupId: database,
        tags: tag("clients"),
      },
      { parent: this },
    );
    new vpc.SecurityGroupIngressRule(
      `${name}-database-from-clients`,
      {
        ...rule,
        securityGroupId: database,
        referencedSecurityGroupId: clients,
        tags: tag("database"),
      },
      { parent: this },
    );
  }
}

/**
 * The zone with a number, counted from 0 in the order of their names.
 *
 * @throws RunError `CFG041` when the region has fewer.
 */
export function zoneAt(names: readonly string[], index: number): string {
  const zone = [...names].sort()[index];
  if (zone !== undefined) return zone;
  throw new pulumi.RunError(
    `CFG041 app-data:network.availabilityZones: the region has ${names.length} zones ` +
      `(${names.join(", ")}), zone number ${index + 1} was asked for. Lower the number.`,
  );
}
