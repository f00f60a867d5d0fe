import { environmentOf } from "../../policy/src/environment";

describe("the environment of a pack", () => {
  it("is what the stack's configuration says", () => {
    const config = JSON.stringify({ "aws:region": "eu-central-1", "app-data:environment": "dev" });
    expect(environmentOf({ PULUMI_CONFIG: config })).toBe("dev");
  });

  it.each([undefined, "", "{", "[]", "null", '{"app-data:environment":"test"}'])(
    "is the most demanding where the configuration does not say: %s",
    (config) => expect(environmentOf({ PULUMI_CONFIG: config })).toBe("prod"),
  );
});
