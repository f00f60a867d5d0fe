import { hostname, userInfo } from "node:os";
import { operatorName } from "../../migrator/src/log/operator";

describe("operatorName", () => {
  it("is the user and the host", () => {
    expect(operatorName()).toBe(`${userInfo().username}@${hostname()}`);
  });

  it("is the user's number where it has no name, as in a container", () => {
    const withoutName = () => {
      throw new Error("A system error occurred: uv_os_get_passwd returned ENOENT (no such file)");
    };
    expect(operatorName(withoutName)).toBe(`uid ${process.getuid?.()}@${hostname()}`);
  });
});
