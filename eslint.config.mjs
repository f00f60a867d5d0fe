import eslint from "@eslint/js";
import tseslint from "typescript-eslint";
import { rooms } from "./tools/lint/rooms.mjs";

/** What only types tell: that nothing is begun and never awaited. */
function promisesAreAwaited(project, files) {
  return {
    files,
    plugins: { "@typescript-eslint": tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
    },
  };
}

export default tseslint.config(
  { ignores: ["**/dist/", "**/node_modules/", ".local/"] },
  eslint.configs.recommended,
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        Buffer: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        fetch: "readonly",
        performance: "readonly",
        AbortSignal: "readonly",
      },
    },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { process: "readonly", require: "readonly", __dirname: "readonly" },
    },
  },
  {
    files: ["**/*.ts", "**/*.mts"],
    extends: [tseslint.configs.strict],
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-extraneous-class": "off",
    },
  },
  // One program for all TypeScript: a project each takes half as long again.
  promisesAreAwaited("test/tsconfig.json", ["**/*.ts", "**/*.mts"]),
  promisesAreAwaited("tools/tsconfig.json", ["tools/**/*.mjs"]),
  {
    files: ["rules/src/**/*.ts", "trial/src/**/*.ts", "migrator/src/**/*.ts", "src/**/*.ts"],
    plugins: { rooms },
    rules: {
      "rooms/one-way": [
        "error",
        {
          "rules/src": ["model", "sql", "conditions", "rules", "waivers"],
          "trial/src": ["server", "rows", "attacks", "judging", ".", "verdict"],
          // The way of a migration, and what is beside it.
          "migrator/src": [
            ".",
            ...["files", "sql", "database", "catalog", "log", "judge", "plan", "run"],
            ...["snapshot", "preflight", "pulumi", "adopt", "cli"],
          ],
          src: [".", "types", "session", "vault", "exports", "users", "jobs", "cli"],
        },
      ],
    },
  },
  {
    files: ["index.ts", "components/**/*.ts"],
    // The whole package loads each of its 230 services, in every run.
    rules: {
      "no-restricted-imports": [
        "error",
        { name: "@pulumi/aws", message: "Import one service: @pulumi/aws/kms." },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    ignores: ["test/migrator/migration-fixture.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "CallExpression[callee.name=/^(readTrios|readdirSync)$/] Literal[value=/(^|[/])sql$/]",
          message:
            "A migration that a user adds to sql/ must fail no test. Name the migrations by " +
            "test/support/project-migrations.ts, or take those of migration-fixture.ts.",
        },
      ],
    },
  },
  {
    files: ["test/support/lazy/*.ts"],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
