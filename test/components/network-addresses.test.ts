import { isPrivateBlock, sixteenthOf } from "../../components/network-addresses";

describe("sixteenthOf", () => {
  it.each([
    ["10.0.0.0/16", 0, "10.0.0.0/20"],
    ["10.0.0.0/16", 1, "10.0.16.0/20"],
    ["10.0.0.0/16", 15, "10.0.240.0/20"],
    ["192.168.7.0/24", 3, "192.168.7.48/28"],
  ])("of %s, number %i, is %s", (block, index, part) => {
    expect(sixteenthOf(block, index)).toBe(part);
  });

  it.each([
    ["10.0.0.0/16", 16],
    ["10.0.0.0/30", 0],
    ["10.0.0.300/24", 0],
  ])("of %s has no number %i", (block, index) => {
    expect(() => sixteenthOf(block, index)).toThrow(
      `CFG010 ${block} has no sixteenth number ${index}: give a block up to /24.`,
    );
  });
});

describe("isPrivateBlock", () => {
  it.each(["10.255.0.0/16", "172.16.0.0/16", "172.31.0.0/16", "192.168.255.0/24"])(
    "is true of %s",
    (block) => {
      expect(isPrivateBlock(block)).toBe(true);
    },
  );

  it.each(["172.15.0.0/16", "172.32.0.0/16", "192.169.0.0/16", "10.0.0.16/24", "nonsense"])(
    "is false of %s",
    (block) => {
      expect(isPrivateBlock(block)).toBe(false);
    },
  );
});
