import { awsPoliciesOf } from "./aws-policies";
import { type Fixture, judgeStack, unknown } from "./judging";

const policies = awsPoliciesOf("prod").filter(({ name }) => name === "network-flow-logged");
const vpc: Fixture = { type: "aws:ec2/vpc:Vpc", name: "main", props: { id: "vpc-1" } };
const flowLog = (name: string, props: Record<string, unknown>): Fixture => ({
  type: "aws:ec2/flowLog:FlowLog",
  name,
  props: { vpcId: "vpc-1", ...props },
});
const refusal = (name: string, traffic: string) =>
  `network-flow-logged: POL180 FlowLog ${name} has trafficType ${traffic}; it must be ALL, because half ` +
  'of the connections explain nothing. Set `trafficType: "ALL"`.';

describe("the flow log of a network", () => {
  it.each([
    ["is missing where it is another network's", { vpcId: "vpc-2", trafficType: "ALL" }],
    ["is missing where it is one subnet's", { vpcId: undefined, subnetId: "subnet-1" }],
  ])("%s", async (_, props) => {
    expect(await judgeStack(policies, [vpc, flowLog("flows", props)])).toEqual([
      "network-flow-logged: POL180 Vpc main has no FlowLog; every network must have one. Add it.",
    ]);
  });

  it("cannot keep a half of the connections", async () => {
    const accepted = flowLog("accepted", { trafficType: "ACCEPT" });
    const refused = flowLog("refused", { trafficType: "REJECT" });
    expect(await judgeStack(policies, [vpc, accepted, refused])).toEqual([
      refusal("accepted", "ACCEPT"),
      refusal("refused", "REJECT"),
    ]);
    expect(await judgeStack(policies, [vpc, flowLog("flows", {})])).toEqual([
      refusal("flows", "unset"),
    ]);
  });

  it("can keep a half of them beside one that keeps all", async () => {
    const all = flowLog("all", { trafficType: "ALL" });
    const refused = flowLog("refused", { trafficType: "REJECT" });
    expect(await judgeStack(policies, [vpc, refused, all])).toEqual([]);
  });

  it("is not refused while what it keeps is not known", async () => {
    const given = {
      ...flowLog("flows", { trafficType: unknown }),
      propertyDependencies: { trafficType: [] },
    };
    expect(await judgeStack(policies, [vpc, given])).toEqual([]);
  });
});
