// A transition table as a picture: states in columns by their distance from the first one, rows of the table as curves.

import { el } from "./dom.js";

const box = { width: 222, height: 26, gapX: 90, gapY: 14, margin: 16 };

/** edgesOf lists the moves between states that the rows permit. Rows that hold in every state, such as deletion, are left out: they say the same of each. */
export function edgesOf(kind) {
  const states = kind.states.map((s) => s.state);
  const known = new Set(states);
  const edges = new Map();
  const add = (from, to, trigger) => {
    const key = `${from}\n${to}`;
    if (!edges.has(key)) edges.set(key, { from, to, triggers: [] });
    edges.get(key).triggers.push(trigger);
  };
  for (const row of kind.rows) {
    if (row.from === "" || row.from === "*" || row.to === "") continue;
    if (known.has(row.from)) {
      add(row.from, row.to, row.trigger);
      continue;
    }
    for (const state of states) {
      if (!state.startsWith(`${row.from}/`)) continue;
      const nearer = kind.rows.some((r) => r.trigger === row.trigger && r.from.length > row.from.length && (state === r.from || state.startsWith(`${r.from}/`)));
      if (!nearer && state !== row.to) add(state, row.to, row.trigger);
    }
  }
  return [...edges.values()];
}

/** columnsOf puts each state into the column of its distance from the initial state; what cannot be reached stands in the last one. */
function columnsOf(kind, edges) {
  const column = new Map([[kind.initial, 0]]);
  for (const queue = [kind.initial]; queue.length > 0;) {
    const from = queue.shift();
    for (const e of edges) {
      if (e.from !== from || column.has(e.to)) continue;
      column.set(e.to, column.get(from) + 1);
      queue.push(e.to);
    }
  }
  const last = Math.max(...column.values()) + 1;
  const columns = [];
  for (const s of kind.states) {
    const c = column.get(s.state) ?? last;
    (columns[c] ??= []).push(s);
  }
  return columns.filter(Boolean);
}

/** short shortens a name that does not fit into its box; the whole name is in the title. */
const short = (name) => (name.length <= 28 ? name : `...${name.slice(-25)}`);

/** around puts a state between those that lead into it and those that it leads to. */
function around(kind, edges, state) {
  const after = new Set(edges.filter((e) => e.from === state).map((e) => e.to));
  const before = new Set(edges.filter((e) => e.to === state && !after.has(e.from)).map((e) => e.from));
  return [before, new Set([state]), after].map((set) => kind.states.filter((s) => set.has(s.state))).filter((list) => list.length > 0);
}

/** diagram draws a kind. state is the one to stress, empty for none; with near, only what lies next to it. */
export function diagram(kind, state, near) {
  const all = edgesOf(kind);
  const edges = near ? all.filter((e) => e.from === state || e.to === state) : all;
  const columns = near ? around(kind, edges, state) : columnsOf(kind, edges);
  const at = new Map();
  columns.forEach((list, c) => list.forEach((s, r) => at.set(s.state, {
    x: box.margin + c * (box.width + box.gapX), y: box.margin + r * (box.height + box.gapY), column: c,
  })));
  const width = 2 * box.margin + columns.length * box.width + (columns.length - 1) * box.gapX;
  const height = 2 * box.margin + Math.max(...columns.map((l) => l.length)) * (box.height + box.gapY);
  const label = `Transition diagram of ${kind.name}${state ? `, ${state} stressed` : ""}. The table of the kind says the same in words.`;
  const svg = el("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label, class: state ? "picked" : null });
  svg.append(el("defs", {}, el("marker", { id: "tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, el("path", { d: "M0 0L8 4L0 8z" }))));
  for (const e of edges) {
    const side = state && e.from === state ? "out" : state && e.to === state ? "in" : null;
    svg.append(el("path", { d: curve(at.get(e.from), at.get(e.to)), class: side, "marker-end": "url(#tip)" }, el("title", {}, `${e.from} to ${e.to}: ${e.triggers.join(", ")}`)));
  }
  for (const s of columns.flat()) {
    const p = at.get(s.state);
    svg.append(el("g", {},
      el("title", {}, s.doc ? `${s.state}: ${s.doc}` : s.state),
      el("rect", { x: p.x, y: p.y, width: box.width, height: box.height, rx: 4, class: s.state === state ? `${s.class} here` : s.class }),
      el("text", { x: p.x + 8, y: p.y + 17 }, short(s.state))));
  }
  const region = el("div", { class: "diagram scroll", role: "region", tabindex: "0", "aria-label": `Diagram of ${kind.name}` }, svg);
  const here = at.get(state);
  if (here) requestAnimationFrame(() => { region.scrollLeft = here.x - (region.clientWidth - box.width) / 2; });
  return region;
}

function curve(a, b) {
  const middle = box.height / 2;
  const y1 = a.y + middle, y2 = b.y + middle;
  if (b.column > a.column) { // forward: from the right side to the left one
    const x1 = a.x + box.width, x2 = b.x, bend = Math.max(40, (x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  if (b.column === a.column) { // beside each other: around the right side
    const x = a.x + box.width, bend = 30 + Math.abs(y2 - y1) / 8;
    return `M${x} ${y1}C${x + bend} ${y1} ${x + bend} ${y2} ${x} ${y2}`;
  }
  const x1 = a.x, x2 = b.x + box.width; // back
  return `M${x1} ${y1}C${x1 - 50} ${y1 + 20} ${x2 + 50} ${y2 + 20} ${x2} ${y2}`;
}
