// One object: where it stands, what it waits for, what may be done, what happened, and its place in the table.

import { get, objectPath } from "./api.js";
import { diagram } from "./diagram.js";
import { el, named, replace, setText, table } from "./dom.js";
import { duration, when } from "./format.js";

const seconds = (n, limit) => duration(n) + (limit ? ` of ${duration(limit)}${n > limit ? ", exceeded" : `, ${duration(limit - n)} left`}` : "");

export function objectView(model, ref) {
  const title = el("h2", {}, ref);
  const error = el("p", { class: "error", role: "alert" });
  const facts = el("dl", { class: "facts" });
  const requests = el("div", { class: "card", hidden: true });
  const history = el("div", { class: "card" });
  const picture = el("div", { class: "card" });
  const node = el("article", {}, title, error, el("div", { class: "card" }, facts), requests, history, picture);
  let closed = false;
  let seen = "";
  let busy = false;
  let again = false;

  async function load() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const [x, rows] = await Promise.all([get(`${objectPath(ref)}/explain`), get(`${objectPath(ref)}/history?order=newest&limit=50`)]);
      if (closed) return;
      setText(error, "");
      show(x, rows.transitions);
    } catch (e) {
      if (!closed) setText(error, e.status === 404 ? `${ref} is not there.` : e.message);
    } finally {
      busy = false;
      if (again && !closed) {
        again = false;
        load();
      }
    }
  }

  function show(x, rows) {
    const shown = { ...x, now: null, elapsed_seconds: Math.floor(x.elapsed_seconds), step_elapsed_seconds: null, text: null, next_look: x.next_look?.slice(0, 19) };
    replace(facts, shown, () => factsOf(x));
    requests.hidden = x.requests.length === 0;
    replace(requests, x.requests, () => [
      el("h3", {}, "Open requests"),
      table("What it was asked to do and has not done yet", ["type", "state", "by", "since", "id"], x.requests.map((r) => [r.type, r.state + (r.cancelled_by ? `, to be cancelled for ${r.cancelled_by}` : ""), r.initiator, when(r.at), r.id])),
    ]);
    replace(history, rows, () => [
      el("h3", {}, "History"),
      table("The newest first", ["when", "from", "to", "trigger", "by", "note"], rows.map((r) => [when(r.timestamp), named(r.from || "(new)"), named(r.to || "(gone)"), named(r.trigger), r.initiator, r.note ?? ""])),
    ]);
    const kind = model.kinds.get(ref.slice(0, ref.indexOf("/")));
    if (kind) replace(picture, [kind.name, x.state], () => [el("h3", {}, "Where it may come from and go to"), el("p", {}, el("a", { href: `#/kinds/${encodeURIComponent(kind.name)}` }, `All transitions of ${kind.name}`)), diagram(kind, x.state, true)]);
  }

  function factsOf(x) {
    const entry = (name, ...value) => [el("dt", {}, name), el("dd", {}, ...value)];
    return [
      entry("State", el("span", { class: `badge ${x.class}` }, x.state), ` since ${when(x.since)}`),
      x.doc ? entry("Meaning", x.doc) : null,
      x.broken ? entry("Broken", el("span", { class: "error" }, x.broken)) : null,
      entry("Outcome", outcome(x.outcome)),
      entry("Time in state", seconds(x.elapsed_seconds, x.sla_seconds), x.outcome.over_sla ? el("strong", {}, " - over SLA") : null),
      x.step_sla_seconds ? entry("Time in step", seconds(x.step_elapsed_seconds, x.step_sla_seconds)) : null,
      x.deadline_seconds ? entry("Deadline", `${duration(x.deadline_seconds)}, then it fails`) : x.no_deadline ? entry("Deadline", `none: ${x.no_deadline}`) : null,
      x.holds.length ? entry("Holds", el("ul", {}, x.holds.map((h) => el("li", {}, `${h.type} by ${h.owner}: ${h.reason}${h.expires ? `, until ${when(h.expires)}` : ""}`)))) : null,
      x.alerts.length ? entry("Alerts", el("ul", {}, x.alerts.map((a) => el("li", {}, `${a.id} from ${a.source}: ${a.message ?? ""} ${(a.classifications ?? []).join(", ")}`)))) : null,
      x.override ? entry("Override", `${x.override.source} overrides ${x.override.overridden.length} others since ${when(x.override.since)}`) : null,
      x.next_look ? entry("Next look", when(x.next_look)) : null,
      entry("Accepts", x.accepts.join(", ") || "nothing now"),
      entry("Table permits", x.triggers.join(", ")),
    ].flat().filter(Boolean);
  }

  const outcome = (o) => (o.kind ? (o.kind === "wait" ? o.reason : [o.kind, o.reason].filter(Boolean).join(": ")) : "not looked at yet");

  function update() {
    const o = model.objects.get(ref);
    const now = o ? `${o.version}` : "";
    if (now === seen && seen !== "") return;
    seen = now;
    if (model.loaded) load();
  }

  const timer = setInterval(() => model.loaded && document.visibilityState === "visible" && load(), 5000);
  return {
    node, title: ref, update,
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
