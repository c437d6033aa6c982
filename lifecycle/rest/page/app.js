// The page: which view is shown, the model that all views share, and the stream that keeps it up to date.

import { follow, get, getAll, Problem, token } from "./api.js";
import { setText } from "./dom.js";
import { kindsView } from "./kinds.js";
import { objectView } from "./object.js";
import { racksView } from "./racks.js";
import { recentView } from "./recent.js";

const $ = (id) => document.getElementById(id);

/** model is what is known of the site. Views read it; only this file writes it. */
const model = {
  objects: new Map(), // by ref
  kinds: new Map(), // by name
  recent: [], // transitions, newest first
  loaded: false,
  /** now is the controller's time, which need not be that of this machine. */
  now: () => clock.at + (performance.now() - clock.seen),
};
const clock = { at: Date.now(), seen: performance.now() };
const keepRecent = 200;

let view = null;
let stream = null;

function setNow(text) {
  if (!text) return;
  clock.at = Date.parse(text);
  clock.seen = performance.now();
}

// Views.

const routes = [
  [/^#\/object\/([^/]+)\/(.+)$/, (m) => objectView(model, `${m[1]}/${decodeURIComponent(m[2])}`)],
  [/^#\/kinds(?:\/(.+))?$/, (m) => kindsView(model, m[1] ? decodeURIComponent(m[1]) : "")],
  [/^#\/recent$/, () => recentView(model)],
  [/^/, () => racksView(model)],
];

function route(moveFocus) {
  view?.close?.();
  const hash = location.hash || "#/";
  for (const [pattern, make] of routes) {
    const match = hash.match(pattern);
    if (!match) continue;
    view = make(match);
    break;
  }
  $("main").replaceChildren(view.node);
  document.title = `${view.title} - rackstate`;
  for (const link of document.querySelectorAll("nav a")) {
    const target = link.getAttribute("href");
    const current = target === "#/" ? hash === "#/" || hash.startsWith("#/object") : hash.startsWith(target);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (moveFocus) $("main").focus();
  view.update();
}

addEventListener("hashchange", () => route(true));

// What is known.

/** load reads everything, or one rack. What is not there any more is forgotten. */
async function load(rack) {
  const { all, now } = await getAll(rack ? `objects?rack=${encodeURIComponent(rack)}` : "objects", "objects");
  setNow(now);
  const there = new Set(all.map((o) => o.ref));
  for (const [ref, o] of model.objects) if (!there.has(ref) && (!rack || o.rack === rack)) model.objects.delete(ref);
  for (const o of all) model.objects.set(o.ref, o);
  model.loaded = true;
  view.update();
}

const dirty = new Set();
let loading = null;

/** refresh reads racks again in which something happened, not more than three times a second. */
function refresh(rack) {
  dirty.add(rack);
  loading ??= setTimeout(async () => {
    const racks = [...dirty];
    dirty.clear();
    try {
      if (racks.length > 10) await load();
      else for (const r of racks) await load(r);
    } catch (error) {
      report(error);
    } finally {
      loading = null;
      if (dirty.size > 0) refresh([...dirty][0]);
    }
  }, 300);
}

function report(error) {
  if (error instanceof Problem && error.status === 401) askForToken(token.get() ? "The server does not take this token." : "");
  else if (error instanceof Problem && error.status === 403) askForToken("This token may not read.");
  else connection("off", error.message);
}

// The stream.

function connection(state, why) {
  $("connection").dataset.state = state;
  setText($("connection-text"), state === "live" ? "live" : `not connected${why ? `: ${why}` : ""}`);
}

const unsaid = new Map();
let saying = null;

/** say tells a screen reader what happened, gathered, so that a busy site does not drown everything else. */
function say(row) {
  unsaid.set(row.ref, row.to || "gone");
  saying ??= setTimeout(() => {
    const list = [...unsaid].slice(0, 3).map(([ref, to]) => `${ref} is ${to}`);
    if (unsaid.size > 3) list.push(`and ${unsaid.size - 3} more changed`);
    setText($("news"), list.join(", "));
    unsaid.clear();
    saying = null;
  }, 2000);
}

function start() {
  stream?.abort();
  stream = new AbortController();
  follow({
    state: connection,
    async ready(position, first) {
      try {
        if (first) {
          const page = await get(`history?limit=${keepRecent}&after=${Math.max(0, position - keepRecent)}`);
          model.recent = mergeRecent(page.transitions.reverse(), model.recent);
        }
        if (model.kinds.size === 0) for (const k of (await get("kinds")).kinds) model.kinds.set(k.name, k);
        await load();
      } catch (error) {
        report(error);
      }
    },
    transition(row) {
      model.recent = mergeRecent([row], model.recent);
      say(row);
      refresh(row.rack);
    },
  }, stream.signal).catch(report);
}

/** mergeRecent keeps the newest rows, each once. */
function mergeRecent(a, b) {
  const rows = new Map([...a, ...b].map((r) => [r.position, r]));
  return [...rows.values()].sort((x, y) => y.position - x.position).slice(0, keepRecent);
}

// Signing in.

function askForToken(why) {
  connection("off", "sign in");
  $("login").hidden = false;
  setText($("login-error"), why);
  $("token").focus();
}

$("account").addEventListener("click", () => {
  if (!token.get()) return askForToken("");
  token.set("");
  model.objects.clear();
  model.kinds.clear();
  model.recent = [];
  model.loaded = false;
  account();
  route(false);
  start();
});

$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  $("login").hidden = true;
  account();
  start();
  $("main").focus();
});

function account() {
  setText($("account"), token.get() ? "Sign out" : "Sign in");
}

// Waits and clocks move on without a transition.
setInterval(() => {
  if (document.visibilityState === "visible") view.tick?.();
}, 1000);
/** again reads everything now and then: every half minute, and less often where there is much. */
function again() {
  setTimeout(() => {
    if (document.visibilityState === "visible" && model.loaded) load().catch(report).then(again);
    else again();
  }, Math.max(30000, 20 * model.objects.size));
}
again();

account();
route(false);
start();
