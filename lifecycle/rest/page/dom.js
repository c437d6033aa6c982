// Small helpers to build elements. Text is only ever set as text, so nothing that the API returns can become markup.

const svgNames = new Set(["svg", "g", "rect", "text", "path", "title", "defs", "marker"]);

/** el makes an element: el("a", {href: "#/"}, "text", child, ...). Attributes that are null or false are left out. */
export function el(name, attributes = {}, ...children) {
  const node = svgNames.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** setText changes a text only if it differs, so that screen readers and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const madeOf = new WeakMap();

/** replace puts new children into an element, unless what they are made of is what it was made of before. */
export function replace(node, key, make) {
  const text = JSON.stringify(key);
  if (madeOf.get(node) === text) return;
  madeOf.set(node, text);
  node.replaceChildren(...[make()].flat().filter(Boolean));
}

/** named makes a node of a name such as HostInit/WaitingForDiscovery that may be broken where its words end. The text stays the same. */
export function named(text) {
  const node = el("span");
  for (const part of text.split(/(?<=\/)|(?<=[a-z])(?=[A-Z])/)) node.append(part, el("wbr"));
  return node;
}

/** table makes a table of texts or nodes that becomes a list on narrow screens, each value with the head of its column. */
export function table(caption, heads, rows) {
  const cell = (c, i) => el("td", { "data-label": heads[i], class: heads[i] === "when" ? "when" : null }, c);
  return el("div", { class: "scroll" }, el("table", { class: "stack" }, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map(cell))))));
}
