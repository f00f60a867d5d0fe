import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeResource, judgeStack, unknown } from "./judging";

const policies = awsPoliciesOf("prod", "network");
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup";
const judge = (type: string, props: Record<string, unknown>) =>
  judgeResource(policies, { type, name: "in", props });
const spoken = async (type: string, props: Record<string, unknown>) => {
  const said = await judge(type, props);
  return said.map((line) => line.slice(0, line.indexOf(":")));
};

/** Every way to write a permission, given its protocol, ports and whom it names. */
const ways: [string, (changes: Record<string, unknown>) => [string, Record<string, unknown>]][] = [
  ...["Ingress", "Egress"].map((way): (typeof ways)[number] => [
    `SecurityGroup${way}Rule`,
    ({ protocol = "tcp", ...changes }) => [
      `aws:vpc/securityGroup${way}Rule:SecurityGroup${way}Rule`,
      { ipProtocol: protocol, fromPort: 5432, toPort: 5432, ...changes },
    ],
  ]),
  ...["ingress", "egress", unknown].map((type): (typeof ways)[number] => [
    `SecurityGroupRule ${type}`,
    (changes) => [
      "aws:ec2/securityGroupRule:SecurityGroupRule",
      { type, protocol: "tcp", fromPort: 5432, toPort: 5432, ...changes },
    ],
  ]),
  ...[GROUP, DEFAULT_GROUP].flatMap((type) =>
    ["ingress", "egress"].map((way): (typeof ways)[number] => [
      `${way} of ${type}`,
      (changes) => {
        const safe = { protocol: "tcp", fromPort: 5432, toPort: 5432, securityGroups: ["sg-1"] };
        return [type, { [way]: [safe, { ...safe, ...changes }] }];
      },
    ]),
  ),
];

describe.each(ways)("a permission as %s", (way, write) => {
  const rules = /egress/i.test(way) ? "network-egress" : "network";
  const isOfOne = way.startsWith("SecurityGroupIngress") || way.startsWith("SecurityGroupEgress");
  const addresses = isOfOne
    ? { cidrIpv4: "0.0.0.0/0", cidrIpv6: "::/0", prefixListId: "pl-1" }
    : { cidrBlocks: ["0.0.0.0/0"], ipv6CidrBlocks: ["::/0"], prefixListIds: ["pl-1"] };

  it("may name a security group, TCP and one port", async () => {
    expect(await judge(...write({}))).toEqual([]);
    expect(await judge(...write({ protocol: "6" }))).toEqual([]);
    expect(await judge(...write({ cidrBlocks: [], ipv6CidrBlocks: [] }))).toEqual([]);
  });

  it.each(Object.entries(addresses))("may not name addresses by %s", async (key, value) => {
    expect(await spoken(...write({ [key]: value }))).toEqual([`${rules}-closed`]);
  });

  it.each(["-1", "udp", "icmp", "all"])("may not be for the protocol %s", async (protocol) => {
    expect(await spoken(...write({ protocol }))).toEqual([`${rules}-protocol`]);
  });

  it.each([
    [0, 65_535],
    [5432, 5433],
    [undefined, undefined],
  ])("may not be for the ports %s to %s", async (fromPort, toPort) => {
    expect(await spoken(...write({ fromPort, toPort }))).toEqual([`${rules}-port`]);
  });

  it("is left alone where it is not known", async () => {
    for (const key of [...Object.keys(addresses), "protocol", "fromPort", "toPort"])
      expect([key, await spoken(...write({ [key]: unknown }))]).toEqual([key, []]);
  });
});

describe("the permissions inside a security group", () => {
  it("are named by their place", async () => {
    const open = { protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] };
    expect(await judge(GROUP, { egress: [open] })).toEqual([
      "network-egress-closed: POL180 SecurityGroup in is open to 0.0.0.0/0 (egress.0.cidrBlocks); it must name " +
        "a security group. Remove `cidrBlocks`.",
      "network-egress-protocol: POL180 SecurityGroup in is open for egress.0.protocol -1 (-1 is all of them); " +
        'PostgreSQL needs only TCP. Set `protocol: "tcp"`.',
    ]);
  });

  it("are said not to be judged while they are not known", async () => {
    const provable = awsPoliciesOf("prod", "aws-provable");
    const group = { type: GROUP, props: { egress: unknown }, propertyDependencies: { egress: [] } };
    const said = await judgeStack(provable, [group]);
    expect(said).toHaveLength(3);
    expect(said[0]).toContain(
      "SecurityGroup it has egress not known yet, which network-egress-closed",
    );
  });

  it("are none where none is written", async () => {
    expect(await judge(GROUP, {})).toEqual([]);
    expect(await judge(GROUP, { ingress: unknown, egress: unknown })).toEqual([]);
  });
});

describe("a route of the database's subnet", () => {
  const routed = (route: Record<string, unknown>, inline: boolean): Fixture[] => [
    { type: "aws:ec2/subnet:Subnet", name: "private", props: { id: "subnet-1" } },
    { type: "aws:rds/subnetGroup:SubnetGroup", props: { subnetIds: ["subnet-1"] } },
    {
      type: "aws:ec2/routeTable:RouteTable",
      name: "table",
      props: { id: "rtb-1", ...(inline && { routes: [route] }) },
    },
    {
      type: "aws:ec2/routeTableAssociation:RouteTableAssociation",
      props: { subnetId: "subnet-1", routeTableId: "rtb-1" },
    },
    ...(inline
      ? []
      : [
          {
            type: "aws:ec2/route:Route",
            props: { routeTableId: "rtb-1", ...route },
            propertyDependencies: { gatewayId: [] },
          },
        ]),
  ];
  const rule = policies.filter(({ name }) => name === "database-subnets-private");

  it.each<[string, Record<string, unknown>]>([
    ["to everywhere", { cidrBlock: "0.0.0.0/0", gatewayId: "igw-1" }],
    ["to everywhere by IPv6", { ipv6CidrBlock: "::/0", gatewayId: "igw-1" }],
    ["to half of everywhere", { destinationCidrBlock: "128.0.0.0/1", gatewayId: "igw-1" }],
    ["to a list of addresses", { destinationPrefixListId: "pl-1", gatewayId: "igw-1" }],
    ["to everywhere by a gateway still to be made", { cidrBlock: "0.0.0.0/0", gatewayId: unknown }],
  ])("may not lead %s through an internet gateway", async (_, route) => {
    for (const inline of [true, false])
      expect(await judgeStack(rule, routed(route, inline))).toHaveLength(1);
  });

  it.each<[string, Record<string, unknown>]>([
    ["the network itself", { cidrBlock: "10.0.0.0/16", gatewayId: "local" }],
    ["an office", { destinationCidrBlock: "192.168.0.0/16", gatewayId: "vgw-1" }],
    ["a peer", { destinationCidrBlock: "10.1.0.0/16", vpcPeeringConnectionId: "pcx-1" }],
  ])("may lead to %s", async (_, route) => {
    for (const inline of [true, false])
      expect(await judgeStack(rule, routed(route, inline))).toEqual([]);
  });
});
