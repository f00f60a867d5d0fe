import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import {
  type Judged,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  demand,
  demandOff,
  lastingOnly,
  unjudged,
} from "./rule";
import {
  CLUSTER,
  EGRESS_RULE,
  FLOW_LOG,
  INGRESS_RULE,
  INSTANCE,
  ROUTE,
  ROUTE_ASSOCIATION,
  ROUTE_TABLE,
  SECURITY_GROUP,
  SECURITY_GROUP_RULE,
  SUBNET,
  SUBNET_GROUP,
  VPC,
} from "./types";
import { read } from "../reading";

const topic = { code: "POL180", page: "network" };
const EVERYWHERE = ["0.0.0.0/0", "::/0"];

/** What holds of single parts of the network. */
export const networkRules: readonly ResourceRule[] = [
  {
    name: "network-closed",
    control: {
      id: "EC2.18",
      title: "Security groups should only allow unrestricted incoming traffic for authorized ports",
    },
    severity: "high",
    description: "Security groups name each other, TCP and one port, not addresses.",
    remediation: "Name the security group of who may connect, TCP and the one port.",
    topic,
    types: [INGRESS_RULE, EGRESS_RULE, SECURITY_GROUP_RULE, SECURITY_GROUP],
    check: demandGroups,
  },
  {
    name: "database-in-network",
    control: { id: "RDS.18", title: "RDS DB instances should be deployed in a VPC" },
    severity: "high",
    description: "A database is in subnets and security groups that are named for it.",
    remediation: "Set `dbSubnetGroupName` and `vpcSecurityGroupIds`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) =>
      ["dbSubnetGroupName", "vpcSecurityGroupIds"].flatMap((key) => {
        // Which they are is not known before they are made; how many are named is.
        const named = read(resource.props, key);
        if (named.state === "unknown") return [unjudged(resource, [key])];
        const isEmpty =
          named.state === "known" && Array.isArray(named.value) && named.value.length === 0;
        return named.state !== "absent" && !isEmpty
          ? []
          : [
              broken(
                resource,
                `has ${key} unset, which means the default network of the account; it must be ` +
                  `named. Set \`${key}\`.`,
              ),
            ];
      }),
  },
  {
    name: "subnet-private",
    control: {
      id: "EC2.15",
      title: "Amazon EC2 subnets should not automatically assign public IP addresses",
    },
    severity: "medium",
    description: "No subnet gives out public addresses by itself.",
    remediation: "Set `mapPublicIpOnLaunch: false`.",
    topic,
    types: [SUBNET],
    check: (resource) => demandOff(resource, "mapPublicIpOnLaunch"),
  },
];

/** What holds of the network as a whole. */
export const networkStackRules: readonly StackRule[] = [
  {
    name: "database-subnets-private",
    control: {
      id: "RDS.46",
      title:
        "RDS DB instances should not be deployed in public subnets with routes to internet gateways",
    },
    severity: "high",
    description: "No subnet of a database has a route to the internet.",
    remediation: "Give the database subnets whose route table has the local route alone.",
    topic,
    checkStack: (resources) =>
      resources
        .filter(({ type }) => type === SUBNET)
        .filter((subnet) => resources.some((each) => holdsDatabase(each, subnet)))
        .flatMap((subnet) => routesOut(subnet, resources)),
  },
  {
    name: "network-flow-logged",
    control: { id: "EC2.6", title: "VPC flow logging should be enabled in all VPCs" },
    severity: "medium",
    description: "Who talked to whom in a network, and who was not let, is written down.",
    remediation: 'Add a FlowLog for the VPC, with `trafficType: "ALL"`.',
    topic,
    levels: lastingOnly,
    checkStack: (resources) =>
      resources.filter(({ type }) => type === VPC).flatMap((vpc) => demandFlowLog(vpc, resources)),
  },
];

/** One that keeps all traffic is enough, whatever others keep. */
function demandFlowLog(vpc: PolicyResource, resources: readonly PolicyResource[]): Verdict[] {
  const flowLogs = resources.filter(
    (each) => each.type === FLOW_LOG && refersTo(each, "vpcId", vpc, "id"),
  );
  if (flowLogs.length === 0) {
    return [broken(vpc, "has no FlowLog; every network must have one. Add it.")];
  }
  const verdicts = flowLogs.map(demandAllTraffic);
  return verdicts.some((each) => each.length === 0) ? [] : verdicts.flat();
}

function demandAllTraffic(flowLog: PolicyResource): Verdict[] {
  return demand(flowLog, ["trafficType"], (traffic) =>
    traffic === "ALL"
      ? undefined
      : `has trafficType ${typeof traffic === "string" ? traffic : "unset"}; it must be ALL, because ` +
        'half of the connections explain nothing. Set `trafficType: "ALL"`.',
  );
}

function demandGroups(resource: Judged): Verdict[] {
  if (resource.type === INGRESS_RULE || resource.type === EGRESS_RULE) {
    return [
      ...["cidrIpv4", "cidrIpv6"].flatMap((key) => demandNoAddress(resource, key)),
      ...demandOneProtocol(resource),
      ...demandOnePort(resource),
    ];
  }
  if (resource.type === SECURITY_GROUP_RULE) {
    const direction = read(resource.props, "type");
    if (direction.state === "known" && direction.value !== "ingress") return [];
    return ["cidrBlocks", "ipv6CidrBlocks"].flatMap((key) => demandNoAddress(resource, key));
  }
  return demand(resource, ["ingress"], (rules) =>
    (Array.isArray(rules) ? rules : []).some(
      (rule) => isListed(rule, "cidrBlocks") || isListed(rule, "ipv6CidrBlocks"),
    )
      ? "has an ingress rule by address; it must name security groups. Use `securityGroups`."
      : undefined,
  );
}

function demandNoAddress(resource: Judged, key: string): Verdict[] {
  return demand(resource, [key], (value) =>
    value === undefined || (Array.isArray(value) && value.length === 0)
      ? undefined
      : `is open to ${String(value)} (${key}); it must name a security group. ` +
        `Remove \`${key}\`.`,
  );
}

/** A rule for all protocols is one for all ports, whatever ports it names. */
function demandOneProtocol(resource: Judged): Verdict[] {
  return demand(resource, ["ipProtocol"], (protocol) =>
    protocol === "tcp" || protocol === "6"
      ? undefined
      : `is open for the protocol ${String(protocol)} (-1 is all of them); PostgreSQL needs TCP alone. ` +
        'Set `ipProtocol: "tcp"`.',
  );
}

function demandOnePort(resource: Judged): Verdict[] {
  const from = read(resource.props, "fromPort");
  return demand(resource, ["toPort"], (to) =>
    typeof to === "number" && from.state === "known" && from.value === to
      ? undefined
      : "is open for more than one port; it must name one. Set `fromPort` and `toPort` to it.",
  );
}

function isListed(of: unknown, key: string): boolean {
  const reading = read(of, key);
  return reading.state === "known" && Array.isArray(reading.value) && reading.value.length > 0;
}

function holdsDatabase(group: PolicyResource, subnet: PolicyResource): boolean {
  return group.type === SUBNET_GROUP && refersTo(group, "subnetIds", subnet, "id");
}

function routesOut(subnet: PolicyResource, resources: readonly PolicyResource[]): Verdict[] {
  const associations = resources.filter(
    (each) => each.type === ROUTE_ASSOCIATION && refersTo(each, "subnetId", subnet, "id"),
  );
  const tables = resources.filter(
    (table) =>
      table.type === ROUTE_TABLE &&
      associations.some((association) => refersTo(association, "routeTableId", table, "id")),
  );
  if (tables.length === 0) {
    return [
      broken(
        subnet,
        "has no route table of its own, so that of the network holds, which may lead anywhere; a " +
          "subnet of a database must have one. Add a RouteTableAssociation.",
      ),
    ];
  }
  const routes = resources.filter(
    (route) =>
      route.type === ROUTE && tables.some((table) => refersTo(route, "routeTableId", table, "id")),
  );
  return [
    ...tables.flatMap((table) =>
      demand(table, ["routes"], (inline) =>
        (Array.isArray(inline) ? inline : []).some(leadsOut)
          ? `leads from subnet ${subnet.name} of the database to the internet; it must not. Remove the route.`
          : undefined,
      ),
    ),
    ...routes
      .filter(({ props }) => leadsOut(props))
      .map((route) =>
        broken(
          route,
          `leads from subnet ${subnet.name} of the database to the internet; it must not. Remove it.`,
        ),
      ),
  ];
}

function leadsOut(route: unknown): boolean {
  if (read(route, "gatewayId").state === "absent") return false;
  return ["cidrBlock", "ipv6CidrBlock", "destinationCidrBlock", "destinationIpv6CidrBlock"].some(
    (key) => {
      const target = read(route, key);
      return target.state === "known" && EVERYWHERE.includes(String(target.value));
    },
  );
}
