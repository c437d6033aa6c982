// Times and durations as people read them.

/** duration prints seconds with the two greatest units: 3 d 4 h, 5 min 12 s. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const parts = [];
  let rest = s;
  for (const [name, size] of units) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** when prints a time of the API in the same form for everybody: UTC. */
export function when(text) {
  return text ? text.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") : "";
}

/** timeIn says how long an object is in its state, and against which limit. fraction is 0 to 1, null without a limit. */
export function timeIn(clock, now) {
  const elapsed = clock.stopped_seconds ?? Math.max(0, (now - Date.parse(clock.started_at)) / 1000);
  const limit = clock.sla_seconds || clock.step_sla_seconds || 0;
  return { elapsed, limit, stopped: clock.stopped_seconds !== undefined, fraction: limit ? Math.min(1, elapsed / limit) : null };
}

/** timeText prints what timeIn found. */
export function timeText(t) {
  return duration(t.elapsed) + (t.limit ? ` of ${duration(t.limit)}` : "") + (t.stopped ? " (stopped)" : "");
}
