// What happened last, everywhere.

import { el, named, replace, table } from "./dom.js";
import { when } from "./format.js";
import { objectLink } from "./racks.js";

export function recentView(model) {
  const list = el("div", { class: "card" });
  const node = el("div", {}, el("h2", {}, "Recent transitions"), list);
  function update() {
    replace(list, model.recent.map((r) => r.position), () => table("The newest first", ["when", "object", "from", "to", "by", "note"],
      model.recent.map((r) => [when(r.timestamp), el("a", { href: objectLink(r.ref) }, r.ref), named(r.from || "(new)"), named(r.to || "(gone)"), r.initiator, r.note ?? ""])));
  }
  return { node, title: "Recent", update, tick: update };
}
