import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContractError, defaultContract, parseContract, readContract } from "../../../rules/src";

describe("a contract", () => {
  it("takes from the project's own what it leaves out", () => {
    expect(parseContract({ loginRole: "web", trustedSettings: ["app.user_id"] })).toEqual({
      ...defaultContract,
      loginRole: "web",
      trustedSettings: ["app.user_id"],
    });
  });

  it("builds on the preset that it extends", () => {
    const contract = parseContract({ extends: "supabase", loginRole: "web" });
    expect(contract.usersTables).toEqual([{ schema: "auth", name: "users", key: "id" }]);
    expect(contract.loginRole).toBe("web");
  });

  it("is read by the name of a preset and from a file", () => {
    expect(readContract("supabase").migrationRole).toBe("postgres");
    const file = join(mkdtempSync(join(tmpdir(), "contract-")), "contract.json");
    writeFileSync(file, JSON.stringify({ anonymousRole: "web_anon" }));
    expect(readContract(file).anonymousRole).toBe("web_anon");
  });

  it.each([
    [[], "is not a JSON object"],
    [{ extends: "firebase" }, 'extends "firebase", which is no preset'],
    [{ login: "web" }, "has the field login, which is unknown"],
    [{ loginRole: "" }, 'has "" for loginRole; loginRole must be a string that is not empty'],
    [{ platform: "heroku" }, 'has "heroku" for platform; platform must be one of supabase'],
    [
      { signedInRoles: ["a", 1] },
      'has ["a",1] for signedInRoles; signedInRoles[1] must be a string',
    ],
    [
      { usersTables: [{ schema: "public", name: "users" }] },
      'has [{"schema":"public","name":"users"}] for usersTables; usersTables[0].key must be a string',
    ],
  ])("cannot be %j", (value, problem) => {
    expect(() => parseContract(value)).toThrow(new ContractError(problem).message);
  });

  it("cannot be read from a file that is not there", () => {
    expect(() => readContract("/nowhere/contract.json")).toThrow(
      "CFG046 The contract /nowhere/contract.json is neither a preset (default, supabase) nor a readable JSON file",
    );
  });
});
