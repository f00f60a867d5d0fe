import { COMMANDS } from "../../migrator/src/cli/commands";
import { runCommand as migrator } from "./command-line-fixture";

const SEE_HELP = " `migrator --help` shows what there is.\n";

beforeEach(() => delete process.env["MIGRATOR_URL"]);

describe("a command line that was not understood", () => {
  it.each([
    [["upp"], 'There is no command "upp".'],
    [["up", "--tarket", "001"], "There is no option --tarket."],
    [["up", "-x"], "There is no option -x."],
    [["up", "001"], '"up" takes nothing after its name, and was given "001".'],
    [["rollback", "000"], '"rollback" takes nothing after its name, and was given "000".'],
    [["rollback", "--target", "000"], '"rollback" takes no --target.'],
    [["rollback", "--to", "000", "--all"], "Give either --to or --all, not both."],
    [["verify", "--allow-data-loss"], '"verify" takes no --allow-data-loss.'],
    [["plan", "--plan", "a".repeat(64)], '"plan" takes no --plan.'],
    [["up", "--plan", ""], '--plan must be the 64 digits that `migrator plan` prints; it is "".'],
    [["new", "a", "b"], '"new" takes one NAME after its name, and was given "b".'],
    [["new"], "new needs a NAME: migrator new add_notes."],
    [["status", "--sql"], "--sql needs the migration: status 001 --sql."],
    [["status", "001"], "status lists all migrations; --sql prints the SQL of 001."],
    [["baseline"], '--reason is required: it is kept in the log. Write --reason "why".'],
    ...[["001"], ["--accept-file"], ["001", "--accept-drift"]].map((rest): [string[], string] => [
      ["repair", ...rest, "--reason", "x"],
      "repair needs one of: 001 --accept-file, 001 --mark-rolled-back, --accept-drift.",
    ]),
    [["drift", "--database", "d"], "--database needs --host."],
    [
      ["drift", "--host", "h", "--url-variable", "U"],
      "Give either --host or --url-variable, not both.",
    ],
    [
      ["drift", "--host", "h", "--database", "d", "--iam", "--secret", "s"],
      "Give either --secret or --iam, not both.",
    ],
  ])("%j is refused with exit code 2, and nothing is run", async (args, message) => {
    // Those that need the database get one that is not there: they must not come that far.
    process.env["MIGRATOR_URL"] = "postgresql://migrator:none@127.0.0.1:1/none";
    expect(await migrator(...args)).toEqual({ code: 2, out: "", err: message + SEE_HELP });
    const json = await migrator(...args, "--json");
    expect({ ...json, out: JSON.parse(json.out) }).toEqual({
      code: 2,
      out: { error: { code: null, message } },
      err: "",
    });
  });

  it("gets the general help, and exit code 2, where it is empty", async () => {
    const { code, out } = await migrator();
    expect(code).toBe(2);
    expect(out).toBe((await migrator("--help")).out);
  });
});

describe("help", () => {
  it("lists every command, and the exit codes", async () => {
    const { code, out } = await migrator("--help");
    expect(code).toBe(0);
    for (const name of Object.keys(COMMANDS))
      expect(out).toMatch(new RegExp(`^  migrator ${name}\\b`, "m"));
    expect(out).toContain(
      "Exit code: 0 done; 1 refused or failed, drift found; 2 the command line",
    );
    expect(await migrator("help")).toEqual({ code: 0, out, err: "" });
  });

  it.each(Object.keys(COMMANDS))(
    "of %s lists what it takes, in lines of a terminal",
    async (name) => {
      const { code, out, err } = await migrator(name, "--help");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(new RegExp(`^migrator ${name} `));
      expect(out).toContain("--json");
      expect(out.split("\n").filter((line) => line.length > 100)).toEqual([]);
      expect(await migrator("help", name)).toEqual({ code, out, err });
    },
  );

  it("of a command tells what others take apart from what it takes", async () => {
    expect((await migrator("rollback", "--help")).out).toContain("--allow-data-loss");
    expect((await migrator("up", "--help")).out).not.toContain("--allow-data-loss");
  });
});

describe("an exit code", () => {
  it("is 1 when the database cannot be reached, with the error's code for machines", async () => {
    process.env["MIGRATOR_URL"] = "postgresql://migrator:none@127.0.0.1:1/none";
    const { code, out } = await migrator("status", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "MIG003" } });
  });

  it("is 0 for a plan of the files alone", async () => {
    expect(await migrator("plan", "--files")).toMatchObject({ code: 0, err: "" });
  });
});
