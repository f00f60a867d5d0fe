// Writes the comment on a pull request.

// GitHub takes 65,536 characters.
const LONGEST = 60_000;
const SHOWN = { create: "+", update: "~", replace: "±", delete: "−" };

/** The line by which the comment of a stack is found again. */
export function marker(stack) {
  return `<!-- app-data preview ${stack} -->`;
}

/**
 * @param {object} facts
 * @param {string} facts.stack
 * @param {{ code: number, out: string, err: string }} facts.preview with `out` a stream of engine events.
 * @param {import("../audit/policy-events.mjs").PolicyFinding[]} facts.findings
 * @param {{ code: number, out: string, err: string }} facts.plan of the migrations.
 * @returns {string} Markdown.
 */
export function previewComment({ stack, preview, findings, plan }) {
  const sections = [
    `${marker(stack)}\n## ${stack}: ${verdict(preview.code, findings)}`,
    policySection(findings),
    resourceSection(preview.out),
    folded("Migrations", fenced(plan.code === 0 ? plan.out : plan.err)),
    preview.code === 0 ? "" : folded("Messages", fenced(messages(preview))),
  ];
  const text = sections.filter((section) => section !== "").join("\n\n");
  return text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST)}\n…\n\`\`\`\n\nThe rest is in the log.`;
}

function verdict(code, findings) {
  const refused = findings.filter(({ level }) => level === "mandatory").length;
  if (refused > 0) return `refused by ${refused} ${refused === 1 ? "finding" : "findings"}`;
  return code === 0 ? "may go" : "the preview failed";
}

function policySection(findings) {
  if (findings.length === 0) return "No policy has anything to say.";
  const rows = findings.map(
    ({ level, policy, resource, message }) =>
      `| ${level} | \`${policy}\` | ${cell(resource || "the stack")} | ${cell(message)} |`,
  );
  return ["| level | policy | resource | finding |", "|---|---|---|---|", ...rows].join("\n");
}

function resourceSection(stream) {
  const steps = events(stream).flatMap(({ resourcePreEvent }) => {
    const { op, urn } = resourcePreEvent?.metadata ?? {};
    return op in SHOWN ? [`${SHOWN[op]} ${String(urn).split("::").slice(-2).join(" ")}`] : [];
  });
  if (steps.length === 0) return "No resource changes.";
  const noun = steps.length === 1 ? "resource changes" : "resources change";
  return folded(`${steps.length} ${noun}`, fenced(steps.join("\n")));
}

function messages({ out, err }) {
  const diagnostics = events(out).flatMap(({ diagnosticEvent }) =>
    diagnosticEvent?.severity === "error" ? [String(diagnosticEvent.message).trim()] : [],
  );
  return [...diagnostics, err.trim()].filter((text) => text !== "").join("\n");
}

function events(stream) {
  return stream
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

function folded(title, body) {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

/** A fence that what is inside cannot end. */
export function fenced(text) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text.trim()}\n${fence}`;
}

/** Text that stays in its cell and is not read as HTML or as a mention. */
function cell(text) {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/\|/g, "\\|")
    .replace(/@/g, "&#64;")
    .replace(/\s+/g, " ");
}
