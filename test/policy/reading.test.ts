import { readWhole } from "../../policy/src/reading";
import { proxied, unknown } from "./judging";

const table = (name: string) => ({
  name,
  columns: Array.from({ length: 2_000 }, (_, i) => `c${i}`),
});
const large = (name: string) => proxied({ schema: { tables: [table("a"), table(name)] } });

describe("a large value that is read whole", () => {
  it("is read once for all that ask for it", () => {
    const [one, another] = [readWhole(large("b"), "schema"), readWhole(large("b"), "schema")];
    expect(one).toEqual({ state: "known", value: { tables: [table("a"), table("b")] } });
    expect(another).toBe(one);
  });

  it("is read anew when anything in it has changed", () => {
    readWhole(large("b"), "schema");
    expect(readWhole(large("c"), "schema")).toEqual({
      state: "known",
      value: { tables: [table("a"), table("c")] },
    });
  });

  it("is unknown as often as it is asked for, when any part of it is", () => {
    for (let time = 0; time < 2; time += 1)
      expect(readWhole(large(unknown), "schema")).toEqual({ state: "unknown" });
  });
});
