// Findings as SARIF 2.1.0, which code hosts show beside the lines.
import { pathToFileURL } from "node:url";
import path from "node:path";

const LEVELS = { mandatory: "error", advisory: "warning" };
const PAGES = "docs/policies";

/**
 * @param findings those that stand.
 * @param rules every rule that was judged: `{ name, code, level, description, remediation, page }`; mandatory
 * without a level.
 * @param from what the files of findings are relative to.
 */
export function sarif(findings, rules, from) {
  const index = new Map(rules.map(({ code }, position) => [code, position]));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "app-data policy", rules: rules.map(describeRule) } },
        originalUriBaseIds: { PROJECT: { uri: `${pathToFileURL(from)}/` } },
        columnKind: "unicodeCodePoints",
        results: findings.map((finding) => describeFinding(finding, index.get(finding.code))),
      },
    ],
  };
}

function describeRule({ name, code, level = "mandatory", description, remediation, page }) {
  return {
    id: code,
    name,
    shortDescription: { text: description },
    help: {
      text: `${remediation} See ${PAGES}/${page}.md.`,
      markdown: `${remediation} See [${page}](${PAGES}/${page}.md).`,
    },
    defaultConfiguration: { level: LEVELS[level] },
  };
}

function describeFinding({ code, level, object, file, line, message, remediation }, ruleIndex) {
  const isInside = file !== undefined && !path.isAbsolute(file) && !file.startsWith("..");
  return {
    ruleId: code,
    ...(ruleIndex !== undefined && { ruleIndex }),
    level: LEVELS[level],
    message: { text: `${message}. ${remediation}` },
    locations: [
      {
        ...(file !== undefined && {
          physicalLocation: {
            artifactLocation: { uri: uriOf(file), ...(isInside && { uriBaseId: "PROJECT" }) },
            region: { startLine: line ?? 1 },
          },
        }),
        logicalLocations: [{ fullyQualifiedName: object }],
      },
    ],
    partialFingerprints: { "finding/v1": `${code} ${object}` },
  };
}

/** A file may have any character in its name, `#` and `%` too. */
function uriOf(file) {
  return file.split("/").map(encodeURIComponent).join("/");
}
