// The kinds of objects: their transition tables as pictures and as text.

import { diagram } from "./diagram.js";
import { el, named, replace, table } from "./dom.js";
import { duration } from "./format.js";

const fromText = (from, states) => (from === "" ? "(new)" : from === "*" ? "any" : states.has(from) ? from : `${from}/*`);

export function kindsView(model, name) {
  const list = el("ul", { class: "summary", "aria-label": "Kinds" });
  const body = el("div");
  const node = el("div", {}, el("h2", {}, "Kinds"), list, body);

  function update() {
    const names = [...model.kinds.keys()];
    const kind = model.kinds.get(name) ?? model.kinds.get(names[0]);
    replace(list, [names, kind?.name], () => names.map((n) => el("li", {}, el("a", { href: `#/kinds/${encodeURIComponent(n)}`, "aria-current": n === kind.name ? "true" : null }, n))));
    if (!kind) return;
    const states = new Set(kind.states.map((s) => s.state));
    replace(body, kind.name, () => {
      const picture = el("div", { class: "card" });
      const select = el("select", { id: "pick", onchange: () => draw(select.value) }, el("option", { value: "" }, "none"), kind.states.map((s) => el("option", { value: s.state }, s.state)));
      const place = el("div");
      const draw = (state) => place.replaceChildren(diagram(kind, state));
      draw("");
      picture.append(el("h3", {}, `Transitions of ${kind.name}`), el("p", {}, el("label", { for: "pick" }, "Show what leads into and out of "), select), place);
      return [
        picture,
        el("div", { class: "card" }, table(`States of ${kind.name}`, ["state", "class", "SLA", "deadline", "meaning"], kind.states.map((s) => [
          named(s.state), el("span", { class: `badge ${s.class}` }, s.class), s.report_at_once ? "reported at once" : s.sla_seconds ? duration(s.sla_seconds) : "",
          s.deadline_seconds ? duration(s.deadline_seconds) : s.no_deadline ? `none: ${s.no_deadline}` : "", s.doc ?? "",
        ]))),
        el("div", { class: "card" }, table(`Transition table of ${kind.name}`, ["from", "trigger", "to", "guard", "note"], kind.rows.map((r) => [named(fromText(r.from, states)), named(r.trigger), named(r.to || "(gone)"), r.guard ?? "", r.note ?? ""]))),
        el("div", { class: "card" }, table(`Requests of ${kind.name}`, ["type", "what it does"], kind.requests.map((r) => [r.type, r.doc ?? ""]))),
      ];
    });
  }
  return { node, title: "Kinds", update };
}
