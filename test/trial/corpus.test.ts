import { Grounds, casesOf } from "../policy/corpus";
import { superuser } from "./trial-server";

describe("rules and trial together", () => {
  const grounds = new Grounds(superuser);

  afterAll(() => grounds.drop());

  it.each(casesOf("unsafe"))("refuse: %s", async (_, one) => {
    const { refusals } = await (await grounds.of(one.base)).judgeCase(one);
    expect(refusals).not.toEqual([]);
  });

  it.each(casesOf("safe"))("accept: %s", async (_, one) => {
    const { refusals } = await (await grounds.of(one.base)).judgeCase(one);
    expect(refusals.map(({ code, object, message }) => `${code} ${object}: ${message}`)).toEqual(
      [],
    );
  });
});
