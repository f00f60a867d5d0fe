const PRIVATE_BLOCKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** Whether an IPv4 block starts at its own first address and lies in one of the private ranges. */
export function isPrivateBlock(cidrBlock: string): boolean {
  const block = parse(cidrBlock);
  if (!block || block.first % block.size !== 0) return false;
  return PRIVATE_BLOCKS.some((each) => {
    const range = parse(each);
    return (
      range !== undefined &&
      block.first >= range.first &&
      block.first + block.size <= range.first + range.size
    );
  });
}

/**
 * The `index`th sixteenth of an IPv4 block, in CIDR notation: `10.0.0.0/16` and 1 give `10.0.16.0/20`.
 *
 * @throws Error when the block cannot be read or has no such part.
 */
export function sixteenthOf(cidrBlock: string, index: number): string {
  const block = parse(cidrBlock);
  if (!block || block.bits > 28 || index < 0 || index > 15) {
    throw new Error(
      `CFG010 ${cidrBlock} has no sixteenth number ${index}: give a block up to /24.`,
    );
  }
  const first = block.first + (index * block.size) / 16;
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join(".")}/${block.bits + 4}`;
}

// Plain arithmetic, because the bit operators of JavaScript make signed 32-bit numbers.
function parse(cidrBlock: string): { first: number; size: number; bits: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidrBlock);
  const numbers = match?.slice(1).map(Number);
  const bits = numbers?.pop();
  if (!numbers || bits === undefined || bits > 32 || numbers.some((byte) => byte > 255)) {
    return undefined;
  }
  return {
    first: numbers.reduce((sum, byte) => sum * 256 + byte, 0),
    size: 2 ** (32 - bits),
    bits,
  };
}
