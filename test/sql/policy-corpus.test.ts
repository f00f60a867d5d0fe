import { Grounds, casesOf } from "../policy/corpus";
import { superuser } from "../trial/trial-server";

describe("the corpus, on PostgreSQL,", () => {
  const grounds = new Grounds(superuser);

  afterAll(() => grounds.drop());

  it("has its unsafe and safe migrations", () => {
    expect(casesOf("unsafe").length).toBeGreaterThanOrEqual(303);
    expect(casesOf("safe").length).toBeGreaterThanOrEqual(220);
  });

  it.each(casesOf("unsafe"))("leaks: %s", async (_, one) =>
    expect(await (await grounds.of(one.base)).prove(one)).toBe(one.returns),
  );

  it.each(casesOf("safe"))("shows what it should: %s", async (_, one) =>
    expect(await (await grounds.of(one.base)).prove(one)).toBe(one.returns),
  );
});
