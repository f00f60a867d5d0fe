// Words of the report that several of its parts use.

/** Text for HTML and SVG, as content or in an attribute. */
export function escape(text) {
  const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (sign) => signs[sign]);
}

/** "1 row", "2 rows". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/**
 * All rows, of some columns where a right is limited to them.
 * @param {{ columns?: string[] }} [right]
 */
export function everyRight(right) {
  return right?.columns ? "every row, some columns" : "every row";
}

/** Names, of many the first few. */
export function quoteList(names, most = 6) {
  const more = names.length - most;
  return more > 1 ? `${names.slice(0, most).join(", ")} and ${more} more` : names.join(", ");
}
