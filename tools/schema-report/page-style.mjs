// How the report looks on a screen, a phone and paper, and its one script.

export const STYLE = `
:root{color-scheme:light;--line:#cbd5e0;--quiet:#4a5568}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:#1a202c;background:#fff}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}
section{scroll-margin-top:4rem}
h2{margin:2.5rem 0 .5rem;border-bottom:2px solid var(--line)}
code{font:.9em ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}
a{color:#2b6cb0}
.wide{overflow-x:auto;border:1px solid var(--line)}
.wide svg{display:block}
table{width:100%;border-collapse:collapse;margin:1rem 0}
caption{text-align:left;padding:.5rem 0;font-weight:700}
caption span{font-weight:400;color:var(--quiet)}
th,td{border:1px solid var(--line);padding:.4rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
thead th{background:#edf2f7}
small{display:block;color:var(--quiet);line-height:1.35;margin-top:.2rem}
table:not(.matrix) :is(th,td){min-width:5.5rem}
.matrix{table-layout:fixed}.matrix th:first-child{width:8.5rem}
.shown{font-style:italic}
.none{background:#f7fafc}.own{background:#e3f4e8}.some{background:#fdf4d7}.all{background:#fde2e2}
.legend span{padding:.1rem .4rem;border:1px solid var(--line)}
#filter{position:sticky;top:0;background:#fff;padding:.5rem 0;z-index:1}
#filter input{font:inherit;padding:.3rem;width:min(100%,24rem)}
[hidden]{display:none!important}
@media (max-width:46rem){
table,caption,tbody,tr,th,td{display:block}
.matrix th:first-child{width:auto}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{border:1px solid var(--line);margin:.5rem 0}
th,td{border:0;border-top:1px solid var(--line)}
td::before,tbody th::before{content:attr(data-label) ": ";color:var(--quiet);font-weight:400}
}
@media print{
@page{size:A4 landscape;margin:12mm}
body{max-width:none;padding:0;font-size:9.5pt}
nav,#filter{display:none}
.wide{overflow:visible;border:0}
.wide svg{width:100%;height:auto;max-height:170mm}
tr,caption{break-inside:avoid}thead{display:table-header-group}
*{print-color-adjust:exact}
}
`;

/** Hides what does not contain what was typed; without JavaScript there is no field to type in. */
export const FILTER = `
const main = document.querySelector("main");
const box = document.createElement("p");
box.id = "filter";
box.innerHTML = '<label>Filter rows: <input type="search" placeholder="role, table, policy, finding"></label> <output></output>';
main.before(box);
const rows = [...main.querySelectorAll("[data-filter]")].map((row) => {
  const title = row.closest("table")?.caption?.textContent ?? "";
  return { row, text: (title + " " + row.textContent).toLowerCase() };
});
box.querySelector("input").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const { row, text } of rows) row.hidden = !words.every((word) => text.includes(word));
  for (const table of main.querySelectorAll("table"))
    table.hidden = [...table.tBodies[0].rows].every(({ hidden }) => hidden);
  const shown = rows.filter(({ row }) => !row.hidden).length;
  box.querySelector("output").textContent = words.length > 0 ? shown + " of " + rows.length : "";
});
`;
