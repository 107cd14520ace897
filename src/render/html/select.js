// A selection in the map of drops by CPU and time, and tables that show what it holds.
(() => {
const plural = n => n === 1 ? "1 drop" : n + " drops";
const total = counts => counts.reduce((sum, [, n]) => sum + n, 0);

// Entries as they stand in the page: numbers with dots between, blanks between entries.
const entries = text => text ? text.split(" ").map(entry => entry.split(".").map(Number)) : [];

// Pairs of a name and a number: the sum of each name, most first.
const tally = pairs => {
  const sums = new Map();
  for (const [name, n] of pairs) sums.set(name, (sums.get(name) || 0) + n);
  return [...sums].sort((a, b) => b[1] - a[1]);
};
const inWords = counts => counts.map(([name, n]) => n + " " + name).join(", ");

// Puts a text into a cell, or back what was there.
const was = new Map();
const put = (cell, text) => {
  if (!was.has(cell)) was.set(cell, text === null ? null : cell.textContent);
  if (text !== null && was.get(cell) === null) was.set(cell, cell.textContent);
  if (text !== null) cell.textContent = text;
  else if (was.get(cell) !== null) cell.textContent = was.get(cell);
};

// Tables of CPUs, classes and reasons; `held` is null where nothing is selected.
const narrowCounts = held => {
  const rows = new Set([...document.querySelectorAll("[data-why]")].map(cell => cell.parentElement));
  for (const row of rows) {
    let first = null;
    for (const cell of row.cells) {
      if ("whole" in cell.dataset) put(cell, held && "–");
      if (!("why" in cell.dataset)) continue;
      const why = new Set(cell.dataset.why.split(" ")), at = cell.dataset.row;
      const n = held && held.filter(drop => why.has(String(drop.why)) && (at === undefined || drop.row === +at))
        .reduce((sum, drop) => sum + drop.n, 0);
      put(cell, held && String(n));
      first ??= n;
    }
    row.classList.toggle("out", first === 0);
  }
};

// The table of packets, and those that count its columns.
const narrowPackets = inside => {
  const table = document.querySelector("#packets .sortable");
  if (!table || !table.querySelector("[data-at]")) return;
  const names = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
  const found = [];
  for (const row of table.tBodies[0].rows) {
    const places = entries(row.cells[0].dataset.at);
    const n = places.filter(inside || (() => false)).reduce((sum, place) => sum + place[2], 0);
    for (const cell of row.cells) {
      if ("sum" in cell.dataset) put(cell, inside && String(n));
      if ("whole" in cell.dataset) put(cell, inside && "–");
    }
    row.classList.toggle("out", Boolean(inside) && n === 0);
    if (n > 0) found.push({ n, cells: [...row.cells].map(cell => cell.textContent) });
  }
  for (const other of document.querySelectorAll("#packets table:not(.sortable)")) {
    const column = names.indexOf(other.tHead.rows[0].cells[0].textContent);
    if (column < 0) continue;
    if (!was.has(other)) was.set(other, other.tBodies[0]);
    const body = inside ? counted(found, column, names.indexOf("class")) : was.get(other);
    other.tBodies[0].replaceWith(body);
  }
};
const MOST = 5;
const counted = (found, column, classes) => {
  const body = document.createElement("tbody");
  const all = tally(found.map(({ n, cells }) => [cells[column], n]));
  const whole = total(all);
  const add = (name, n, words) => {
    const row = body.insertRow(), head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    for (const text of [n, n * 100 < whole ? "<1%" : Math.round(n * 100 / whole) + "%", words]) row.insertCell().textContent = text;
  };
  for (const [name, n] of all.slice(0, MOST)) {
    const of = tally(found.filter(({ cells }) => cells[column] === name).map(({ n, cells }) => [cells[classes], n]));
    add(name, n, of.length === 1 ? of[0][0] : inWords(of));
  }
  const rest = all.slice(MOST);
  if (rest.length > 0) add(rest.length + " more", total(rest), "");
  return body;
};

// What a section says of itself while its tables are narrowed.
const notes = [];
const addNotes = clear => {
  for (const id of ["packets", "cpus", "classes"]) {
    const section = document.getElementById(id);
    if (!section || !section.querySelector("[data-why],[data-at]")) continue;
    const note = document.createElement("p"), text = document.createElement("span"), button = document.createElement("button");
    note.className = "picked";
    note.hidden = true;
    button.textContent = "Show all";
    button.addEventListener("click", clear);
    note.append(text, button);
    section.firstElementChild.after(note);
    notes.push({ note, text });
  }
};

// A map: rows of cells, of which a rectangle between two corners is selected.
const begin = (map, number) => {
  const times = map.dataset.times.split(" "), classes = map.dataset.classes.split(" ");
  const bins = times.length - 1, narrows = "narrows" in map.dataset;
  const lanes = [...map.children].map(lane => {
    const picture = lane.querySelector("svg"), mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    mark.setAttribute("class", "mark");
    mark.setAttribute("height", "100%");
    return { lane, picture, mark, name: lane.firstElementChild.textContent, drops: entries(picture.dataset.drops) };
  });
  const how = document.createElement("p"), said = document.createElement("p");
  how.className = "note how";
  how.id = "how-" + number;
  how.textContent = "Drag over the map to select, or click a cell or a CPU. With the keyboard: arrow keys, with Shift to extend, Home and End for the whole time, Escape to show all." +
    (narrows ? " The tables then show what is selected." : "");
  said.className = "picked";
  said.setAttribute("role", "status");
  map.before(how);
  map.after(said);
  map.tabIndex = 0;
  map.setAttribute("role", "application");
  map.setAttribute("aria-label", "Map of drops by CPU and time");
  map.setAttribute("aria-describedby", how.id);

  let from = null, to = null, drags = false;
  const bounds = () => from && { top: Math.min(from.row, to.row), bottom: Math.max(from.row, to.row),
    left: Math.min(from.bin, to.bin), right: Math.max(from.bin, to.bin) };
  const within = box => ([row, bin]) => row >= box.top && row <= box.bottom && bin >= box.left && bin <= box.right;
  const drops = box => lanes.flatMap(({ drops }, row) => drops.filter(([bin]) => within(box)([row, bin]))
    .map(([, why, n]) => ({ row, why, n })));
  const words = (box, held) => {
    const counts = tally(held.map(({ why, n }) => [classes[why], n]));
    const name = box.top === box.bottom ? lanes[box.top].name : lanes[box.top].name + " to " + lanes[box.bottom].name;
    return name + ", " + times[box.left] + " to " + times[box.right + 1] + ": " + plural(total(counts)) +
      (counts.length > 0 ? " (" + inWords(counts) + ")" : "");
  };
  const show = () => {
    const box = bounds(), held = box && drops(box);
    lanes.forEach(({ picture, mark }, row) => {
      if (!box || row < box.top || row > box.bottom) return mark.remove();
      mark.setAttribute("x", box.left);
      mark.setAttribute("width", box.right - box.left + 1);
      picture.append(mark);
    });
    said.textContent = box ? "Selected: " + words(box, held) : "";
    // Tables above would move the map away from under the pointer.
    if (!narrows || drags) return;
    const top = map.getBoundingClientRect().top;
    for (const { note, text } of notes) {
      note.hidden = !box;
      text.textContent = said.textContent;
    }
    narrowCounts(held);
    narrowPackets(box && within(box));
    scrollBy(0, map.getBoundingClientRect().top - top);
  };
  const select = (a, b) => {
    const same = from && a && from.row === a.row && from.bin === a.bin && to.row === b.row && to.bin === b.bin;
    [from, to] = [a, b];
    if (!same) show();
  };
  const clear = () => { select(null, null); map.focus(); };
  if (narrows) addNotes(clear);

  const clamp = (n, most) => Math.max(0, Math.min(n, most));
  const under = event => {
    const below = lanes.findIndex(({ lane }) => event.clientY < lane.getBoundingClientRect().bottom);
    const row = below < 0 ? lanes.length - 1 : below;
    const box = lanes[row].picture.getBoundingClientRect();
    return { row, bin: clamp(Math.floor((event.clientX - box.left) / box.width * bins), bins - 1) };
  };
  map.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    const cell = under(event);
    if (event.target.closest("span")) return select({ row: cell.row, bin: 0 }, { row: cell.row, bin: bins - 1 });
    drags = true;
    map.setPointerCapture(event.pointerId);
    select(cell, cell);
  });
  map.addEventListener("pointermove", event => {
    const cell = under(event);
    if (drags) return select(from, cell);
    const box = { top: cell.row, bottom: cell.row, left: cell.bin, right: cell.bin };
    map.title = words(box, drops(box));
  });
  for (const end of ["pointerup", "pointercancel"]) map.addEventListener(end, () => {
    if (!drags) return;
    drags = false;
    show();
  });
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -bins], End: [0, bins] };
  map.addEventListener("keydown", event => {
    const step = steps[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || !step && event.key !== "Escape") return;
    event.preventDefault();
    if (!step) return clear();
    if (!from) {
      const row = lanes.findIndex(({ drops }) => drops.length > 0);
      const first = { row, bin: lanes[row].drops[0][0] };
      return select(first, first);
    }
    const cell = { row: clamp(to.row + step[0], lanes.length - 1), bin: clamp(to.bin + step[1], bins - 1) };
    select(event.shiftKey ? from : cell, cell);
  });
};
[...document.querySelectorAll(".map")].forEach(begin);
})();
