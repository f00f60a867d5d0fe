// What the figures come to: medians, spreads and ratios, and the tables that show them.

/** The middle of some numbers, and their least and greatest. */
export function summary(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], greatest: sorted.at(-1) };
}

/**
 * One table of a series: for each tool the seconds of each action, and how many times those of the
 * first tool they are. Ratios are those of the same round, so that a slow minute of the machine
 * weighs on both sides; beside them that of the shortest times, which a busy machine changes least.
 * @param results by tool, then by action, the seconds of each round.
 */
export function seriesTable(title, results) {
  const [[, base]] = Object.entries(results);
  const rows = Object.entries(results).map(([tool, actions]) => [
    tool,
    ...["up", "nothing", "rollback"].flatMap((action) => [
      seconds(actions[action]),
      ...(action === "nothing" ? [] : [ratio(actions[action], base[action])]),
    ]),
  ]);
  const head = ["", "first run", "× psql", "nothing to do", "rollback", "× psql"];
  return `\n${title}\n${layout([head, ...rows])}`;
}

/** The cost of one migration by how many there are: flat when it does not grow. */
export function flatnessTable(title, bySize) {
  const sizes = Object.keys(bySize);
  const tools = [...new Set(sizes.flatMap((size) => Object.keys(bySize[size])))];
  const cost = (size, tool) => {
    const up = bySize[size][tool]?.up;
    return up ? (summary(up).median / Number(size)) * 1_000 : undefined;
  };
  const rows = tools.map((tool) => {
    const costs = sizes.map((size) => cost(size, tool));
    const growth = costs.at(-1) / costs[0];
    return [
      tool,
      ...costs.map((value) => value?.toFixed(2) ?? "–"),
      growth ? growth.toFixed(2) : "–",
    ];
  });
  return `\n${title}\n${layout([["", ...sizes, "last ÷ first"], ...rows])}`;
}

function seconds(times) {
  if (!times) return "–";
  const { median, least, greatest } = summary(times);
  if (times.length === 1) return `${median.toFixed(2)} s, once`;
  return `${median.toFixed(2)} s (${least.toFixed(2)}–${greatest.toFixed(2)})`;
}

function ratio(times, base) {
  if (!times || !base) return "–";
  const { median } = summary(times.map((time, round) => time / base[round]));
  const shortest = summary(times).least / summary(base).least;
  return `${median.toFixed(2)} (${shortest.toFixed(2)})`;
}

function layout(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
