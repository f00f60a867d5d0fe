// A chart of times over the size of the tables, both axes logarithmic, as one SVG with its own
// colours for light and dark.
const WIDTH = 880;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 290;
const TOP = 56;
const BOTTOM = 48;
/** Between the names at the right. */
const LINE_HEIGHT = 18;

const STYLE = `
.page{fill:#fff}.grid{stroke:#d5dbe3}.limit{stroke:#4a5568;stroke-dasharray:5 4}
text{font:13px system-ui,sans-serif;fill:#1a202c}.title{font-size:15px;font-weight:600}.small{font-size:12px;fill:#4a5568}
.s0{--c:#1f6fb5}.s1{--c:#b35900}.s2{--c:#1d7f4f}.s3{--c:#8a3fa8}.s4{--c:#b3261e}.s5{--c:#5b6b00}.s6{--c:#3d4a5c}.s7{--c:#00737a}.s8{--c:#9c3d72}
path{fill:none;stroke:var(--c);stroke-width:2}circle{fill:var(--c)}.name{fill:var(--c)}.lead{stroke-width:1;opacity:.5}
@media (prefers-color-scheme:dark){
.page{fill:#12171f}.grid{stroke:#2c3644}.limit{stroke:#a9b4c2}
text{fill:#e6ebf2}.small{fill:#a9b4c2}
.s0{--c:#6cb4f5}.s1{--c:#f0a35c}.s2{--c:#63cf9b}.s3{--c:#cf9be6}.s4{--c:#ff8a80}.s5{--c:#c5d65b}.s6{--c:#b8c4d6}.s7{--c:#5ccfd6}.s8{--c:#f09cc4}
}`;

/**
 * Draws one line a series.
 * @param series each with `name` and `points`: pairs of rows and milliseconds, both above 0.
 * @param limits milliseconds to draw a line at.
 */
export function drawGrowth({ title, description, series, limits }) {
  const rows = series.flatMap(({ points }) => points.map(([at]) => at));
  const times = [...limits, ...series.flatMap(({ points }) => points.map(([, ms]) => ms))];
  const x = scale(Math.min(...rows), Math.max(...rows), LEFT, WIDTH - RIGHT);
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...times)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...times)));
  const y = scale(lowest, highest, HEIGHT - BOTTOM, TOP);
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="growth-title growth-text" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">
<title id="growth-title">${escape(title)}</title>
<desc id="growth-text">${escape(description)}</desc>
<style>${STYLE}
</style>
<rect width="${WIDTH}" height="${HEIGHT}" class="page"/>
<text x="16" y="26" class="title">${escape(title)}</text>
<text x="16" y="${TOP - 10}" class="small">ms</text>
${[...powersOfTen(lowest, highest)].map((ms) => horizontal(y(ms), `${ms}`)).join("\n")}
${[...new Set(rows)].map((at) => tick(x(at), at)).join("\n")}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle" class="small">sessions, and as many exports</text>
${limits.map((ms) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms)}" y2="${y(ms)}" class="limit"/>`).join("\n")}
${drawSeries(series, x, y)}
</svg>
`;
}

function scale(from, to, start, end) {
  const span = Math.log10(to) - Math.log10(from) || 1;
  return (value) =>
    Math.round((start + ((Math.log10(value) - Math.log10(from)) / span) * (end - start)) * 10) / 10;
}

function* powersOfTen(from, to) {
  for (let power = Math.round(Math.log10(from)); 10 ** power <= to * 1.001; power += 1) {
    yield Number(`1e${power}`);
  }
}

function horizontal(y, label) {
  return (
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" class="grid"/>` +
    `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end" class="small">${label}</text>`
  );
}

function tick(x, rows) {
  return `<text x="${x}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" class="small">${rows.toLocaleString("en")}</text>`;
}

/** Lines with their names at the end, moved apart where they would cover each other. */
function drawSeries(series, x, y) {
  const ends = series
    .map(({ points }, at) => ({ at, y: y(points.at(-1)[1]) }))
    .sort((a, b) => a.y - b.y);
  let least = TOP;
  for (const end of ends) {
    end.label = Math.max(end.y, least);
    least = end.label + LINE_HEIGHT;
  }
  const labels = new Map(ends.map(({ at, label }) => [at, label]));
  return series
    .map(({ name, points }, at) => {
      const places = points.map(([rows, ms]) => [x(rows), y(ms)]);
      const [lastX, lastY] = places.at(-1);
      const label = labels.get(at);
      return (
        `<g class="s${at}"><path d="M${places.map((place) => place.join(" ")).join("L")}"/>` +
        places.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3.5"/>`).join("") +
        `<path class="lead" d="M${lastX + 6} ${lastY}L${lastX + 22} ${label}"/>` +
        `<text x="${lastX + 26}" y="${label + 4}" class="name">${escape(name)}</text></g>`
      );
    })
    .join("\n");
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
