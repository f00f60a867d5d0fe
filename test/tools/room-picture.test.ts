import { readFileSync } from "node:fs";
import path from "node:path";
import { withPicture } from "../../tools/lint/room-picture.mjs";

describe("the picture of the rooms in docs/architecture.md", () => {
  const page = readFileSync(path.resolve(__dirname, "../../docs/architecture.md"), "utf8");

  it("shows what the rooms import now; `node tools/lint/room-picture.mjs` draws it anew", () => {
    expect(withPicture(page)).toBe(page);
  });

  it("lets nothing be imported from the rooms that a person calls", () => {
    const arrows = [...page.matchAll(/^ {2}(\w+) --> (\w+)$/gm)];
    expect(arrows.length).toBeGreaterThan(8);
    expect(arrows.filter(([, , to]) => to === "cli" || to === "pulumi")).toEqual([]);
  });
});

describe("the way of a migration in docs/architecture.md", () => {
  const page = readFileSync(path.resolve(__dirname, "../../docs/architecture.md"), "utf8");
  const steps = [...page.matchAll(/^\| \d+ \|.*\|(.*)\|$/gm)].map(
    ([, functions = ""]) => functions,
  );

  it("names functions that are there, each in its file", () => {
    expect(steps.length).toBeGreaterThan(9);
    for (const step of steps) {
      let text = "";
      for (const [, name = ""] of step.matchAll(/`([^`]+)`/g)) {
        if (name.endsWith(".ts")) {
          text = readFileSync(path.resolve(__dirname, "../../migrator/src", name), "utf8");
        } else {
          expect(text).toMatch(new RegExp(`\\b${name.split(".").at(-1)}\\b[^;]*\\(`));
        }
      }
    }
  });
});
