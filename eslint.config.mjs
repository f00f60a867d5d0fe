import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

// The way of a migration through the migrator: a room imports what stands before it.
const ROOMS = ["files", "sql", "database", "catalog", "log", "judge", "plan", "run"];
const OUTSIDE = ["snapshot", "preflight", "pulumi", "cli", "types"];

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
  ...ROOMS.map((room, place) => ({
    files: [`migrator/src/${room}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${[...ROOMS.slice(place + 1), ...OUTSIDE].join("|")})(/|$)`,
              message: `The rooms of the migrator import one way: ${ROOMS.join(", ")}.`,
            },
          ],
        },
      ],
    },
  })),
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
