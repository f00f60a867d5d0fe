import * as pulumi from "@pulumi/pulumi";
import { physicalName, secretName } from "../../components/names";
import { stackTags } from "../../components/tags";

async function useStack(stack: string): Promise<void> {
  const mocks = { newResource: () => ({ id: "", state: {} }), call: () => ({}) };
  await pulumi.runtime.setMocks(mocks, "app-data", stack);
}

describe("physicalName", () => {
  it("is project, stack and role", async () => {
    await useStack("dev");
    expect(physicalName("clients")).toBe("app-data-dev-clients");
    expect(physicalName()).toBe("app-data-dev");
    expect(secretName("migrator")).toBe("app-data-dev/migrator");
  });

  it.each(["Dev", "dev_1", "dev.1", "dev--1", "dev-"])("cannot be of a stack %s", async (stack) => {
    await useStack(stack);
    const name = `app-data-${stack}-clients`;
    expect(() => physicalName("clients")).toThrow(
      new pulumi.RunError(
        `CFG040 the name ${name} (${name.length} characters): must have at most 63 lower-case ` +
          "letters, digits and single hyphens, and start with a letter. Choose another name for " +
          `the stack ${stack}.`,
      ),
    );
  });

  it("can have 63 characters but not 64", async () => {
    await useStack("s".repeat(54));
    expect(physicalName()).toHaveLength(63);
    expect(() => physicalName("x")).toThrow("(65 characters): must have at most 63");
  });
});

describe("stackTags", () => {
  it("tell what a resource belongs to", async () => {
    await useStack("feature-7");
    expect(stackTags("dev")).toEqual({
      Environment: "dev",
      ManagedBy: "pulumi",
      Project: "app-data",
      Stack: "feature-7",
    });
  });
});
