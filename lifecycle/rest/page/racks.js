// The racks as elevations: each slot with the state of what is in it.

import { el, named, replace, setText } from "./dom.js";
import { timeIn, timeText } from "./format.js";

const classes = ["failed", "waiting", "working", "deleting", "resting", "unknown"];
const kindOrder = { machine: 0, switch: 1, power_shelf: 2 };

const slotOf = (o) => Number.parseInt(o.labels?.slot ?? "", 10);

/** higher sorts devices from the top of a rack down; those without a known slot stand below, by kind. */
function higher(a, b) {
  const x = slotOf(a), y = slotOf(b);
  if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return y - x;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return (kindOrder[a.kind] ?? 9) - (kindOrder[b.kind] ?? 9) || a.ref.localeCompare(b.ref);
}

/** troubles says whether a person should look at an object. */
const troubles = (o) => o.class === "failed" || o.class === "unknown" || o.outcome.over_sla || o.outcome.kind === "error" || o.holds?.length > 0 || o.alerts?.length > 0;

export const objectLink = (ref) => {
  const at = ref.indexOf("/");
  return `#/object/${ref.slice(0, at)}/${encodeURIComponent(ref.slice(at + 1))}`;
};

export function racksView(model) {
  const summary = el("ul", { class: "summary", "aria-label": "Objects by class of state" });
  const grid = el("div", { class: "racks" });
  const empty = el("p", {}, "Loading.");
  const wanted = el("input", { id: "wanted", type: "search", oninput: update });
  const troubled = el("input", { id: "troubled", type: "checkbox", onchange: update });
  const controls = el("div", { class: "controls", role: "search", "aria-label": "Racks" },
    el("label", { for: "wanted" }, "Rack "), wanted, el("label", { class: "check", for: "troubled" }, troubled, " only what needs attention"));
  const racks = new Map(); // id to the parts of its card
  const slots = new Map(); // ref to the parts of its slot

  function update() {
    const byRack = new Map();
    for (const o of model.objects.values()) {
      if (!byRack.has(o.rack)) byRack.set(o.rack, []);
      byRack.get(o.rack).push(o);
    }
    summarise();
    const text = wanted.value.trim().toLowerCase();
    const ids = [...byRack.keys()].filter((id) => id.toLowerCase().includes(text) && (!troubled.checked || byRack.get(id).some(troubles))).sort();
    setText(empty, !model.loaded ? "Loading." : byRack.size === 0 ? "There is nothing yet." : ids.length === 0 ? "No rack is like that." : "");
    empty.hidden = empty.textContent === "";
    for (const id of racks.keys()) if (!byRack.has(id)) racks.delete(id);
    for (const ref of slots.keys()) if (!model.objects.has(ref)) slots.delete(ref);
    const cards = ids.map((id) => card(id, byRack.get(id)));
    arrange(grid, cards);
    tick();
  }

  function summarise() {
    const counts = Object.fromEntries(classes.map((c) => [c, 0]));
    let over = 0;
    for (const o of model.objects.values()) {
      counts[o.class]++;
      if (o.outcome.over_sla) over++;
    }
    replace(summary, { counts, over }, () => [
      ...classes.filter((c) => counts[c] > 0).map((c) => el("li", { class: c }, `${counts[c]} ${c}`)),
      over > 0 ? el("li", { class: "failed" }, `${over} over SLA`) : null,
    ]);
  }

  function card(id, objects) {
    const self = objects.find((o) => o.kind === "rack");
    if (!racks.has(id)) {
      const part = { head: el("div", { class: "head" }), waits: el("p", { class: "waits" }), list: el("ol", { class: "slots", "aria-label": `Slots of ${id}` }) };
      part.node = el("section", { class: "rack", "aria-label": `Rack ${id}`, "data-rack": id }, part.head, part.waits, part.list);
      racks.set(id, part);
    }
    const part = racks.get(id);
    part.self = self;
    replace(part.head, { id, state: self?.state, class: self?.class, over: self?.outcome.over_sla }, () => [
      el("h2", {}, self ? el("a", { href: objectLink(self.ref) }, id) : id),
      self ? el("span", { class: `badge ${self.class}` }, self.state + (self.outcome.over_sla ? " (over SLA)" : "")) : null,
    ]);
    setText(part.waits, self?.outcome.reason && self.outcome.kind !== "transition" ? self.outcome.reason : "");
    part.waits.hidden = part.waits.textContent === "";
    const devices = objects.filter((o) => o.kind !== "rack").sort(higher);
    arrange(part.list, devices.map((o) => slot(o)));
    part.list.hidden = devices.length === 0;
    return part.node;
  }

  function slot(o) {
    if (!slots.has(o.ref)) {
      const p = { number: el("span", { class: "number" }), id: el("span", { class: "id" }), state: el("span", { class: "state" }), time: el("span", { class: "time" }), fill: el("span") };
      p.link = el("a", { class: "slot", href: objectLink(o.ref), "data-ref": o.ref }, p.number, p.id, p.time, p.state, el("span", { class: "bar", "aria-hidden": "true" }, p.fill));
      p.node = el("li", {}, p.link);
      slots.set(o.ref, p);
    }
    const p = slots.get(o.ref);
    const flags = [o.outcome.over_sla && "over SLA", o.holds?.length && "held", o.alerts?.length && "alert", o.deletion && "to be deleted", o.broken && "broken"].filter(Boolean);
    p.link.className = `slot ${o.class}${o.outcome.over_sla ? " over" : ""}`;
    setText(p.number, Number.isNaN(slotOf(o)) ? "" : String(slotOf(o)));
    setText(p.id, o.id);
    replace(p.state, [o.state, flags], () => [named(o.state), flags.length ? el("span", { class: "flags" }, ` - ${flags.join(", ")}`) : null]);
    p.link.title = o.outcome.reason ?? "";
    return p.node;
  }

  /** tick moves the clocks. */
  function tick() {
    const now = model.now();
    for (const [ref, p] of slots) {
      const o = model.objects.get(ref);
      if (!o) continue;
      const t = timeIn(o.clock, now);
      setText(p.time, timeText(t));
      p.fill.style.width = t.fraction === null ? "0" : `${Math.round(t.fraction * 100)}%`;
    }
  }

  const node = el("div", {}, el("h2", { class: "unseen" }, "Racks"), summary, controls, empty, grid);
  return { node, title: "Racks", update, tick };
}

/** arrange brings the children of an element into an order, and touches only what stands wrong: the focus stays where it is. */
function arrange(parent, nodes) {
  for (const child of [...parent.children]) if (!nodes.includes(child)) child.remove();
  nodes.forEach((n, i) => {
    if (parent.children[i] !== n) parent.insertBefore(n, parent.children[i] ?? null);
  });
}
