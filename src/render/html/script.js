"use strict";
(() => {
const said = document.getElementById("said");
const say = text => { said.textContent = text; setTimeout(() => { said.textContent = ""; }, 2500); };

// A button beside each command.
const marked = pre => {
  getSelection().selectAllChildren(pre);
  return document.execCommand("copy");
};
for (const pre of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + pre.textContent.slice(0, 80));
  button.addEventListener("click", async () => {
    let done = false;
    try { await navigator.clipboard.writeText(pre.textContent); done = true; } catch { done = marked(pre); }
    say(done ? "Copied" : "Not copied: the text is marked, press Ctrl+C");
  });
  pre.after(button);
}

// Tables to sort by a column, and to look for rows in.
for (const table of document.querySelectorAll(".sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator("en", { numeric: true }).compare;
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = [...body.rows].map(row => ({ row, key: row.cells[at].textContent }));
      keyed.sort((a, b) => up ? order(a.key, b.key) : order(b.key, a.key));
      body.append(...keyed.map(({ row }) => row));
    });
  });
  const label = document.createElement("label");
  const field = document.createElement("input");
  field.type = "search";
  label.append("Only rows with ", field);
  label.className = "find";
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(" ");
    let shown = 0;
    for (const row of body.rows) {
      const cells = [...row.cells].map(cell => cell.textContent.toLowerCase());
      row.hidden = !words.every(word => cells.some(cell => cell.includes(word)));
      if (!row.hidden && !row.classList.contains("out")) shown++;
    }
    say(shown + " of " + body.rows.length + " rows");
  });
  table.parentElement.before(label);
}

// On paper nothing opens: all that is folded, and the whole graph with the names that do not fit.
const folded = [...document.querySelectorAll("details")];
let opened = [];
addEventListener("beforeprint", () => {
  opened = folded.filter(details => !details.open);
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});

// The flame graph: a tree to walk with the arrow keys, and to look closer at.
const flame = document.getElementById("flame");
if (!flame) return;
const boxes = [...flame.querySelectorAll(".b")].map(el => ({
  el, l: +el.dataset.l, n: +el.dataset.n, d: +el.dataset.d }));
const holds = (a, b) => a.d <= b.d && a.l <= b.l && a.l + a.n >= b.l + b.n;
const root = boxes[0];
let near = root, here = root;
const share = (part, whole) => part / whole * 100 + "%";
const look = box => {
  near = box;
  for (const b of boxes) {
    const above = b.d < box.d && holds(b, box);
    const shown = above || holds(box, b) && b.d >= box.d;
    b.el.setAttribute("display", shown ? "inline" : "none");
    b.el.setAttribute("x", above ? "0%" : share(b.l - box.l, box.n));
    b.el.setAttribute("width", above ? "100%" : share(b.n, box.n));
    b.shown = shown;
  }
  go(box);
};
const go = box => {
  here.el.setAttribute("tabindex", "-1");
  here = box;
  box.el.setAttribute("tabindex", "0");
};
const next = { ArrowDown: () => boxes.find(b => b.shown && b.d === here.d + 1 && holds(here, b)),
  ArrowUp: () => boxes.find(b => b.shown && b.d === here.d - 1 && holds(b, here)),
  ArrowRight: () => boxes.find(b => b.shown && b.d === here.d && b.l > here.l),
  ArrowLeft: () => boxes.findLast(b => b.shown && b.d === here.d && b.l < here.l),
  Home: () => near };
flame.setAttribute("role", "tree");
for (const b of boxes) {
  b.el.setAttribute("role", "treeitem");
  b.el.setAttribute("aria-level", b.d + 1);
  b.el.setAttribute("tabindex", "-1");
  b.el.addEventListener("click", () => { look(b); b.el.focus(); });
}
flame.addEventListener("keydown", event => {
  const to = next[event.key] && next[event.key]();
  if (to) { go(to); to.el.focus(); }
  else if (event.key === "Enter" || event.key === " ") look(here);
  else if (event.key === "Escape") { look(root); root.el.focus(); }
  else if (!next[event.key]) return;
  event.preventDefault();
});
document.getElementById("how").hidden = false;
addEventListener("beforeprint", () => look(root));
look(root);
})();
