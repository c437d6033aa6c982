// The API as this page uses it: reads with the token of the tab, and a stream of events that finds its place again.

const tokenKey = "rackstate.token";

export const token = {
  get: () => sessionStorage.getItem(tokenKey) ?? "",
  set: (t) => (t ? sessionStorage.setItem(tokenKey, t) : sessionStorage.removeItem(tokenKey)),
};

/** Problem is an error that the server explained. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `status ${status}`);
    this.status = status;
  }
}

function headers(more = {}) {
  return token.get() ? { ...more, Authorization: `Bearer ${token.get()}` } : more;
}

async function fail(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // no problem detail: the status has to do
  }
  throw new Problem(response.status, body);
}

/** get reads a path below v1/. */
export async function get(path) {
  const response = await fetch(`v1/${path}`, { headers: headers(), cache: "no-store" });
  if (!response.ok) await fail(response);
  return response.json();
}

/** getAll reads all pages of a list. member names the list in a page. */
export async function getAll(path, member) {
  const all = [];
  let now = null;
  for (let cursor = ""; ;) {
    const page = await get(`${path}${path.includes("?") ? "&" : "?"}limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page[member]);
    now = page.now ?? now;
    if (!page.next) return { all, now };
    cursor = page.next;
  }
}

export const objectPath = (ref) => {
  const at = ref.indexOf("/");
  return `objects/${ref.slice(0, at)}/${encodeURIComponent(ref.slice(at + 1))}`;
};

/**
 * follow streams transitions until the signal is aborted. EventSource cannot send a token, so the stream is read by hand. After a failure it goes on behind the last id that it
 * saw: nothing is missed, nothing comes twice.
 *
 * on.ready(position, first), on.transition(row), on.state("live" | "off", why)
 */
export async function follow(on, signal) {
  let last = "";
  let wait = 500;
  for (let first = true; !signal.aborted;) {
    try {
      const response = await fetch("v1/events", { headers: headers(last ? { "Last-Event-ID": last } : {}), signal, cache: "no-store" });
      if (!response.ok) await fail(response);
      for await (const event of events(response.body)) {
        if (event.id) last = event.id;
        wait = 500;
        if (event.name === "ready") {
          on.state("live");
          on.ready(JSON.parse(event.data).position, first);
          first = false;
        } else if (event.name === "transition") {
          on.transition(JSON.parse(event.data));
        }
      }
      on.state("off", "the server ended the stream");
    } catch (error) {
      if (signal.aborted) return;
      on.state("off", error.message);
      if (error instanceof Problem && (error.status === 401 || error.status === 403)) throw error;
      if (error instanceof Problem && error.status === 422) last = ""; // another history: begin anew
    }
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(wait * 2, 15000);
  }
}

/** events takes a body apart into server-sent events. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        yield parse(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  } finally {
    reader.releaseLock();
  }
}

function parse(block) {
  const event = { name: "", id: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "event") event.name = value;
    if (field === "id") event.id = value;
    if (field === "data") event.data += value;
  }
  return event;
}
