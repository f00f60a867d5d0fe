import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { waiverFile } from "@app-data/rules";
import { waiverOf } from "../policy/project-waivers";

const standing = path.resolve(__dirname, "../../tools/policy/standing.mjs");
const finding = { rule: "view-invoker", object: "public.totals", code: "POL123" };
const open = { rule: "row-level-security", object: "public.open", code: "POL101" };

describe("what stands after waivers, of files and of live databases", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "app-data-standing-"));
    mkdirSync(path.join(directory, path.dirname(waiverFile)));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** The codes of what stands, and of what is waived. */
  function judge(waiver: object, judged: string[], environment?: string) {
    writeFileSync(path.join(directory, waiverFile), JSON.stringify([waiver]));
    const args = JSON.stringify([[finding, open], judged, { directory, environment }]);
    const script = `const { standing } = await import(${JSON.stringify(standing)});
      const codes = (list) => list.map(({ code }) => code);
      const { stands, waived } = standing(...${args});
      console.log(JSON.stringify([codes(stands), codes(waived)]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return JSON.parse(stdout) as unknown;
  }

  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const waiver = {
    ...waiverOf(finding.rule, finding.object),
    granted: day(-1),
    expires: day(1),
  };
  const judged = [finding.rule, open.rule];

  it("is all that is not waived", () => {
    expect(judge(waiver, judged)).toEqual([["POL101"], ["POL123"]]);
  });

  it("is told with what is wrong with the waivers", () => {
    expect(judge({ ...waiver, expires: day(-1) }, judged)).toEqual([
      ["POL123", "POL101", "POL170"],
      [],
    ]);
    const unused = { ...waiver, object: "public.others" };
    expect(judge(unused, judged)).toEqual([["POL123", "POL101", "POL171"], []]);
    expect(judge(unused, [])).toEqual([["POL123", "POL101"], []]);
    const never = { ...waiver, rule: open.rule, object: open.object };
    expect(judge(never, judged)).toEqual([["POL123", "POL101", "POL178"], []]);
  });

  it("takes no account of a waiver for another environment, or for one where none is named", () => {
    const local = { ...waiver, environments: ["local"] };
    expect(judge(local, judged, "local")).toEqual([["POL101"], ["POL123"]]);
    expect(judge(local, judged, "prod")).toEqual([["POL123", "POL101"], []]);
    expect(judge(local, judged)).toEqual([["POL123", "POL101"], []]);
  });
});
