import type { PolicyResource } from "@pulumi/policy";
import { refersTo } from "./links";
import {
  type Judged,
  type Path,
  type ResourceRule,
  type StackRule,
  type Verdict,
  broken,
  demand,
  demandOff,
  forEachOf,
  lastingOnly,
  unjudged,
} from "./rule";
import {
  CLUSTER,
  DEFAULT_SECURITY_GROUP,
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
import { type Reading, read } from "../reading";

const topic = { code: "POL180", page: "network" };
const EVERYWHERE = ["0.0.0.0/0", "::/0"];
/** What holds permissions of security groups, inside a list or as a resource of their own. */
const GROUPS = [SECURITY_GROUP, DEFAULT_SECURITY_GROUP];
const PERMISSIONS = [...GROUPS, SECURITY_GROUP_RULE, INGRESS_RULE, EGRESS_RULE];
const ADDRESSES = [
  "cidrIpv4",
  "cidrIpv6",
  "prefixListId",
  "cidrBlocks",
  "ipv6CidrBlocks",
  "prefixListIds",
];

/** What a permission lets through, one rule for each direction: who goes out is waived without who comes in. */
const permissionRules = (["ingress", "egress"] as const).flatMap((way): ResourceRule[] => {
  const prefix = way === "ingress" ? "network" : "network-egress";
  const direction = way === "ingress" ? "inbound" : "outbound";
  const shared = { severity: "high", topic, types: PERMISSIONS } as const;
  return [
    {
      ...shared,
      name: `${prefix}-closed`,
      ...(way === "ingress" && {
        control: {
          id: "EC2.18",
          title:
            "Security groups should only allow unrestricted incoming traffic for authorized ports",
        },
      }),
      description: `Security groups allow ${direction} traffic by security group, not by address.`,
      remediation: "Name a security group.",
      check: forEachPermission(way, (on, permission) =>
        ADDRESSES.flatMap((key) => demandNoAddress(on, [...permission, key])),
      ),
    },
    {
      ...shared,
      name: `${prefix}-protocol`,
      description: `Security groups allow ${direction} TCP only.`,
      remediation: 'Set the protocol to "tcp".',
      check: forEachPermission(way, demandTcp),
    },
    {
      ...shared,
      name: `${prefix}-port`,
      description: `Security groups allow one ${direction} port.`,
      remediation: "Set `fromPort` and `toPort` to the one port.",
      check: forEachPermission(way, demandOnePort),
    },
  ];
});

/** What holds of single parts of the network. */
export const networkRules: readonly ResourceRule[] = [
  ...permissionRules,
  {
    name: "database-in-network",
    control: { id: "RDS.18", title: "RDS DB instances should be deployed in a VPC" },
    severity: "high",
    description: "A database names its subnet group.",
    remediation: "Set `dbSubnetGroupName`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandNamed(resource, "dbSubnetGroupName"),
  },
  {
    name: "database-security-groups",
    severity: "high",
    description: "A database names its security groups.",
    remediation: "Set `vpcSecurityGroupIds`.",
    topic,
    types: [INSTANCE, CLUSTER],
    check: (resource) => demandNamed(resource, "vpcSecurityGroupIds"),
  },
  {
    name: "subnet-private",
    control: {
      id: "EC2.15",
      title: "Amazon EC2 subnets should not automatically assign public IP addresses",
    },
    severity: "medium",
    description: "No subnet assigns public addresses automatically.",
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
    remediation: "Give the database subnets whose route table has only the local route.",
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
    description: "The accepted and the rejected connections of every network are logged.",
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

/** A check of every permission of one direction: the resource itself, or what is inside a security group. */
function forEachPermission(
  way: "ingress" | "egress",
  check: (on: Judged, permission: Path) => Verdict[],
): ResourceRule["check"] {
  return (resource) => {
    if (GROUPS.includes(resource.type))
      return forEachOf(resource, [way], (permission) => check(resource, permission));
    return wayOf(resource) === way ? check(resource, []) : [];
  };
}

function wayOf({ type, props }: Judged): "ingress" | "egress" {
  if (type === EGRESS_RULE) return "egress";
  const way = read(props, "type");
  const isEgress = type === SECURITY_GROUP_RULE && way.state === "known" && way.value === "egress";
  return isEgress ? "egress" : "ingress";
}

/** A prefix list is a list of addresses that somebody else may change. */
function demandNoAddress(on: Judged, path: Path): Verdict[] {
  return demand(on, path, (value) =>
    value === undefined || value === "" || (Array.isArray(value) && value.length === 0)
      ? undefined
      : `is open to ${String(value)} (${path.join(".")}); it must name a security group. ` +
        `Remove \`${path.at(-1)}\`.`,
  );
}

/** A permission for all protocols is one for all ports, whatever ports it names. */
function demandTcp(on: Judged, permission: Path): Verdict[] {
  const isOfOne = on.type === INGRESS_RULE || on.type === EGRESS_RULE;
  const key = isOfOne ? "ipProtocol" : "protocol";
  const path = [...permission, key];
  return demand(on, path, (protocol) =>
    protocol === "tcp" || protocol === "6"
      ? undefined
      : `is open for ${path.join(".")} ${String(protocol)} (-1 is all of them); PostgreSQL needs ` +
        `only TCP. Set \`${key}: "tcp"\`.`,
  );
}

function demandOnePort(on: Judged, permission: Path): Verdict[] {
  const from = read(on.props, ...permission, "fromPort");
  if (from.state === "unknown") return [unjudged(on, [...permission, "fromPort"])];
  return demand(on, [...permission, "toPort"], (to) =>
    typeof to === "number" && from.state === "known" && from.value === to
      ? undefined
      : "is open for more than one port; it must name one. Set `fromPort` and `toPort` to it.",
  );
}

/** Which they are is not known before they are made; how many are named is. */
function demandNamed(resource: Judged, key: string): Verdict[] {
  const named = read(resource.props, key);
  if (named.state === "unknown") return [unjudged(resource, [key])];
  const isEmpty = named.state === "known" && Array.isArray(named.value) && named.value.length === 0;
  return named.state !== "absent" && !isEmpty
    ? []
    : [
        broken(
          resource,
          `has ${key} unset, which means the default network of the account; it must be ` +
            `named. Set \`${key}\`.`,
        ),
      ];
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
        "has no route table of its own, so the network's main table applies, which may lead anywhere; a " +
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
      forEachOf(table, ["routes"], (route) => demandInside(table, route, subnet)),
    ),
    ...routes.flatMap((route) => demandInside(route, [], subnet)),
  ];
}

/** Through an internet gateway every route leads out: two of half of all addresses are as good as one. */
function demandInside(on: PolicyResource, route: Path, subnet: PolicyResource): Verdict[] {
  const gateway = read(on.props, ...route, "gatewayId");
  if (gateway.state === "absent") return [];
  if (gateway.state === "unknown" && !leadsEverywhere(read(on.props, ...route)))
    return [unjudged(on, [...route, "gatewayId"])];
  if (gateway.state === "known" && !String(gateway.value).startsWith("igw-")) return [];
  return [
    broken(
      on,
      `leads from subnet ${subnet.name} of the database to the internet; it must not. Remove the route.`,
    ),
  ];
}

function leadsEverywhere(route: Reading): boolean {
  return ["cidrBlock", "ipv6CidrBlock", "destinationCidrBlock", "destinationIpv6CidrBlock"].some(
    (key) => {
      const target = route.state === "known" ? read(route.value, key) : route;
      return target.state === "known" && EVERYWHERE.includes(String(target.value));
    },
  );
}
