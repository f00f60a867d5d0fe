// Reads what `pulumi … --json` says about policies.

/**
 * @typedef {object} PolicyFinding
 * @property {string} policy
 * @property {"mandatory" | "advisory"} level
 * @property {string} severity Empty when the policy has none.
 * @property {string} resource The name of the resource, empty for the stack.
 * @property {string} message Without the policy's description, which stands before it.
 */

/**
 * The policy findings in a stream of engine events: one JSON document a line (`pulumi policy analyze
 * --json`, `pulumi preview --json` with PULUMI_ENABLE_STREAMING_JSON_PREVIEW). Other lines are passed over.
 * @param {string} text
 * @returns {PolicyFinding[]} Each once: the engine repeats some.
 */
export function policyFindings(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const event = parse(line)?.policyEvent;
    if (!event) continue;
    const finding = {
      policy: String(event.policyName),
      level: event.enforcementLevel === "mandatory" ? "mandatory" : "advisory",
      severity: String(event.severity ?? ""),
      resource:
        String(event.resourceUrn ?? "")
          .split("::")
          .at(-1) ?? "",
      message: withoutDescription(String(event.message ?? "")),
    };
    found.set(JSON.stringify(finding), finding);
  }
  return [...found.values()];
}

/** Every message of this project's pack starts with its code; what stands before it is the description. */
function withoutDescription(text) {
  const plain = text.replace(/<\{%[^%]*%\}>/g, "").trim();
  return plain.slice(Math.max(0, plain.search(/\b[A-Z]{3}\d{3} /)));
}

function parse(line) {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
