// The order in which jest starts test files. It starts large files first where it has not run them yet,
// as in a fresh clone; these take long, whatever their size, and one that starts last is waited for alone.
const Sequencer = require("@jest/test-sequencer").default;

const LONGEST = [
  "test/trial/corpus.test.ts",
  "test/migrator/acceptance/fault-injection.test.ts",
  "test/sql/policy-corpus.test.ts",
  "test/sql/mutants.test.ts",
  "test/sql/policy-mutations.test.ts",
  "test/trial/trial.test.ts",
  "test/trial/command.test.ts",
  "test/trial/starter.test.ts",
  "test/sql/reported-inputs.test.ts",
  "test/policy/own-stack.test.ts",
  "test/policy/pack.test.ts",
  "test/migrator/load.test.ts",
  "test/migrator/batch-kill.test.ts",
];

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = LONGEST.findIndex((file) => path.endsWith(file));
      return index < 0 ? LONGEST.length : index;
    };
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
