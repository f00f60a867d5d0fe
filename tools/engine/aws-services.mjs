// Cuts the AWS provider down to the services that the stack uses: all of it would compile for an
// hour.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The provider's packages that hold the resources of `go/engine/aws.go`. */
const SERVICES = [
  "backup",
  "cloudwatch",
  "ec2",
  "events",
  "iam",
  "kms",
  "lambda",
  "logs",
  "meta",
  "rds",
  "s3",
  "scheduler",
  "secretsmanager",
  "sns",
  "sts",
];
/** Clients that the provider's core uses whichever services are kept. */
const CORE_CLIENTS = ["s3", "apigatewayv2"];

/** @typedef {{ services: Set<string>, clients: Set<string> }} Kept */

/**
 * Finds what the services need in turn.
 * @param {string} root The provider's source.
 * @returns {Kept} Packages below `internal/service`, and packages of the AWS SDK.
 */
export function keptServices(root) {
  const services = new Set(SERVICES);
  const clients = new Set(CORE_CLIENTS);
  // A set that grows while it is walked is walked to its new end.
  for (const service of services) {
    const folder = path.join(root, "internal/service", service);
    for (const text of goSources(folder)) {
      for (const name of matches(text, /internal\/service\/([a-z0-9]+)["/]/g)) {
        if (existsSync(path.join(root, "internal/service", name))) services.add(name);
      }
      for (const name of matches(text, /aws-sdk-go-v2\/service\/([a-z0-9]+)/g)) clients.add(name);
    }
  }
  return { services, clients };
}

/**
 * Takes the other services out of the provider's two generated lists.
 * @param {string} root The copy of the provider's source.
 * @param {Kept} kept
 */
export function trimRegistries(root, { services, clients }) {
  edit(path.join(root, "internal/provider/sdkv2/service_packages_gen.go"), (text) =>
    text
      .split("\n")
      .filter((line) => {
        const match =
          /internal\/service\/([a-z0-9]+)"/.exec(line) ??
          /^\t\t([a-z0-9]+)\.ServicePackage\(ctx\),/.exec(line);
        return match?.[1] === undefined || services.has(match[1]);
      })
      .join("\n"),
  );
  edit(path.join(root, "internal/conns/awsclient_gen.go"), (text) => {
    const importsEnd = text.indexOf("\n)\n");
    /** @type {Set<string>} */
    const imported = new Set();
    const imports = text
      .slice(0, importsEnd)
      .split("\n")
      .filter((line) => {
        const match = /(?:(\w+) )?"github.com\/aws\/aws-sdk-go-v2\/service\/([a-z0-9]+)"/.exec(
          line,
        );
        if (match?.[2] === undefined) return true;
        if (!clients.has(match[2])) return false;
        imported.add(match[1] ?? match[2]);
        return true;
      });
    const functions = text
      .slice(importsEnd + "\n)\n".length)
      .split(/\n(?=func )/)
      .filter((source) => {
        const match = /^func \(c \*AWSClient\) \w+Client\(.*?\) \*(\w+)\.Client/.exec(source);
        return match?.[1] === undefined || imported.has(match[1]);
      });
    return `${imports.join("\n")}\n)\n${functions.join("\n")}`;
  });
}

/** @param {string} folder */
function* goSources(folder) {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".go") && !name.endsWith("_test.go")) {
      yield readFileSync(path.join(folder, name), "utf8");
    }
  }
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 */
function matches(text, pattern) {
  return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}

/**
 * @param {string} file
 * @param {(text: string) => string} change
 */
function edit(file, change) {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}
