// The report as one HTML page: nothing in it comes from elsewhere, and it reads without JavaScript.
import { describeSchema, drawSchema } from "./diagram.mjs";
import { FILTER, STYLE } from "./page-style.mjs";
import { count, escape } from "./words.mjs";

/**
 * What the page shows.
 * @typedef {object} Report
 * @property {string} source What it is of: a folder, a stack.
 * @property {string} takenAt ISO 8601.
 * @property {any} schema As the rules read it.
 * @property {any[]} matrix As `matrixOf` makes it.
 * @property {any[]} findings Those that stand.
 * @property {any[]} waived
 * @property {any[]} [attacked] What the trial attacked.
 * @property {{ tables: number, attempts: number }} [trial]
 * @property {string} [digest] Of a live catalog; the rest is of one, too.
 * @property {string} [serverVersion]
 * @property {Record<string, number | null>} [rows] Estimates, by table.
 * @property {string[]} [drift]
 * @property {any[]} [history] The log of the migrations.
 * @property {{ name: string, hazards?: string[] }[]} [files] What was applied where there is no log.
 */

/**
 * The page.
 * @param {Report} report
 * @returns {string} HTML.
 */
export function renderPage(report) {
  const sections = [
    ["diagram", "Tables", diagramSection(report)],
    ["matrix", "Who may do what to whose rows", matrixSection(report)],
    ["roles", "Roles and memberships", rolesSection(report)],
    ["definers", "Functions that run as their owner", definersSection(report)],
    ["findings", "Findings", findingsSection(report)],
    ["waivers", "Waivers", waiversSection(report)],
    ["migrations", "Migrations", migrationsSection(report)],
    ["drift", "Drift", driftSection(report)],
  ];
  const links = sections.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`);
  const title = `Schema of ${report.source}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escape(title)}</h1>
<p>${escape(summary(report))}</p>
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
</header>
<main>
${sections.map(([id, heading, body]) => `<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${heading}</h2>\n${body}\n</section>`).join("\n")}
</main>
<script>${FILTER}</script>
</body>
</html>
`;
}

/** @param {Report} report */
function summary({ takenAt, serverVersion, digest, findings, drift, trial }) {
  const refused = findings.filter(({ level }) => level === "mandatory").length;
  return [
    `Taken ${takenAt.slice(0, 16).replace("T", " ")} UTC.`,
    serverVersion && digest && `PostgreSQL ${serverVersion}, catalog ${digest.slice(0, 12)}.`,
    `${count(refused, "refusal")}, ${count(findings.length - refused, "advice", "pieces of advice")}.`,
    drift && (drift.length === 0 ? "No drift." : `${count(drift.length, "object")} drifted.`),
    trial &&
      `The trial made ${count(trial.attempts, "attempt")} on ${count(trial.tables, "table")}.`,
  ]
    .filter(Boolean)
    .join(" ");
}

/**
 * A table that becomes a list of cards where it is narrow.
 * @param {string} caption
 * @param {string[]} heads
 * @param {{ html: string, level?: string }[][]} rows cells as HTML; `level` colours one.
 */
function table(caption, heads, rows, attributes = "") {
  const head = heads.map((text) => `<th scope="col">${escape(text)}</th>`).join("");
  const cells = (row) =>
    row
      .map(({ html, level }, index) => {
        const label = ` data-label="${escape(heads[index])}"`;
        const colour = level ? ` class="${level}"` : "";
        return index === 0
          ? `<th scope="row"${label}>${html}</th>`
          : `<td${label}${colour}>${html}</td>`;
      })
      .join("");
  const body = rows.map((row) => `<tr data-filter>${cells(row)}</tr>`).join("\n");
  return `<table${attributes}><caption>${caption}</caption>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table>`;
}

const text = (value) => ({ html: escape(value ?? "") });
const code = (value) => ({ html: `<code>${escape(value)}</code>` });
const nothing = (sentence) => `<p>${escape(sentence)}</p>`;

/** @param {Report} report */
function diagramSection({ schema, rows = {} }) {
  const words = describeSchema(schema.tables)
    .split(/(?<=\.) /)
    .map((sentence) => `<li>${escape(sentence)}</li>`);
  return `<div class="wide" tabindex="0" role="group" aria-label="Diagram of the tables">${drawSchema(schema, rows)}</div>
<h3>The diagram in words</h3><ul>${words.join("")}</ul>`;
}

/** @param {Report} report */
function matrixSection({ matrix }) {
  const legend = `<p class="legend"><span class="none">none</span> <span class="own">own rows</span> <span class="some">the rows that a condition passes</span> <span class="all">every row</span></p>
<p>Each cell names the grant and the policies that decide it, and the attempts of the trial where it made any: on a throw-away server, as users of several worlds, with plain and forged claims. Without a grant it tries nothing, nor as the roles that monitor and migrate; as a role of the back office it tries only what the contract seals.</p>`;
  return legend + matrix.map(relationTable).join("\n");
}

function relationTable({ object, kind, note, rows }) {
  const heads = ["role", ...rows[0].cells.map(({ command }) => command)];
  const body = rows.map(({ role, cells }) => [
    text(role),
    ...cells.map(({ reach, label, because, attempts }) => ({
      level: reach,
      html: [
        `<strong>${escape(label)}</strong>`,
        ...because.map((line) => `<small>${escape(line)}</small>`),
        ...(attempts ? [`<small class="shown">${escape(shownBy(attempts))}</small>`] : []),
      ].join(""),
    })),
  ]);
  const caption = `<code>${escape(object)}</code> <span>${escape(kind)}. ${escape(note)}</span>`;
  return table(caption, heads, body, ' class="matrix"');
}

function shownBy({ attempts, refused, successes }) {
  if (successes > 0) return `${successes} of ${count(attempts, "attempt")} did what they must not`;
  const errors = refused > 0 ? `, ${refused} of them refused with an error` : "";
  return `${count(attempts, "attempt")} at other users' rows: none got through${errors}`;
}

/** @param {Report} report */
function rolesSection({ schema }) {
  const attributes = [
    ["superuser", "superuser"],
    ["bypassRowSecurity", "bypasses row level security"],
    ["login", "logs in"],
    ["createRole", "makes roles"],
    ["createDatabase", "makes databases"],
    ["replication", "replicates"],
  ];
  const memberships = ({ memberOf }) =>
    memberOf.map(({ role, inherit, set, admin }) => {
      const how = [
        set && "by set role",
        inherit && "with its rights at once",
        admin && "and may grant it",
      ];
      return `${role} (${how.filter(Boolean).join(", ") || "without any use of it"})`;
    });
  return table(
    "What each role may do, and which it may become",
    ["role", "may", "is a member of"],
    (schema.roles ?? []).map((role) => [
      text(role.name),
      text(
        attributes.flatMap(([key, word]) => (role[key] ? [word] : [])).join(", ") ||
          "nothing by itself",
      ),
      text(memberships(role).join(", ") || "none"),
    ]),
  );
}

/** @param {Report} report */
function definersSection({ schema, attacked }) {
  const definers = (schema.functions ?? []).filter((one) => one.securityDefiner);
  if (definers.length === 0) return nothing("There are none.");
  return table(
    "Functions with security definer",
    ["function", "owner", "search path", "may be executed by", "trial"],
    definers.map((one) => {
      const name = `${one.schema}.${one.name}(${one.arguments})`;
      return [
        code(name),
        text(one.owner),
        text(one.searchPath === null ? "NOT pinned" : one.searchPath || "pinned to nothing"),
        text(
          one.executableBy.map((role) => (role === "public" ? "PUBLIC" : role)).join(", ") ||
            "its owner alone",
        ),
        text(callsOf(attacked, `function ${name}`, one)),
      ];
    }),
  );
}

function callsOf(attacked, object, { returns }) {
  const tried = attacked?.find((one) => one.object === object);
  if (tried) return `${count(tried.attempts, "attempt")}${tried.judged ? "" : `: ${tried.reason}`}`;
  return returns === "trigger" ? "runs with the writes to its tables" : "end users cannot call it";
}

/** @param {Report} report */
function findingsSection({ findings }) {
  if (findings.length === 0) return nothing("Rules and trial found nothing.");
  return table(
    "What rules and trial found",
    ["object", "verdict", "rule", "what", "what to do"],
    findings.map(({ object, level, rule, code: number, message, remediation, file, line }) => [
      code(object),
      {
        html: level === "mandatory" ? "refused" : "advice",
        level: level === "mandatory" ? "all" : "some",
      },
      text(`${number} ${rule}`),
      {
        html: `${escape(message)}${file ? `<small>${escape(`${file}${line ? `:${line}` : ""}`)}</small>` : ""}`,
      },
      text(remediation),
    ]),
  );
}

/** @param {Report} report */
function waiversSection({ waived }) {
  if (waived.length === 0) return nothing("Nothing is waived.");
  return table(
    "What is waived",
    ["object", "rule", "why", "who", "until"],
    waived.map(({ object, rule, waiver }) => [
      code(object),
      text(rule),
      text(waiver.reason),
      text(waiver.owner),
      text(waiver.expires),
    ]),
  );
}

/** @param {Report} report */
function migrationsSection({ history, files = [] }) {
  if (history) {
    if (history.length === 0) return nothing("The log is empty.");
    return table(
      "What the log of the migrations holds, oldest first",
      ["migration", "event", "when", "took", "hazards", "by", "note"],
      history.map(({ name, event, recordedAt, durationMs, hazards, operator, note }) => [
        code(name),
        text(event),
        text(recordedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")),
        text(event === "failure" ? "" : `${durationMs} ms`),
        text(hazards.join(", ") || "none"),
        text(operator),
        text(note),
      ]),
    );
  }
  return table(
    "Files that were applied to a throw-away server, in order",
    ["migration", "hazards"],
    files.map(({ name, hazards }) => [
      code(name),
      text(hazards === undefined ? "not known: it is no trio" : hazards.join(", ") || "none"),
    ]),
  );
}

/** @param {Report} report */
function driftSection({ drift }) {
  if (!drift)
    return nothing("Files cannot drift; a report of a running stack compares its database.");
  if (drift.length === 0) return nothing("The catalog is as the migrations made it.");
  return `<ul>${drift.map((what) => `<li data-filter>${escape(what)}</li>`).join("")}</ul>`;
}
