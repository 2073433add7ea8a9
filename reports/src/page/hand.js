// Hands on the page: zoom, pan, hover, keys, filters, copying, light and dark.

const lit = { item: null, held: false };
let drawing = false;

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawDiagram(lit.item);
    drawOverview();
    drawPanels();
    readPanels(data.end[0]);
    document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn ?? 0) + 1);
  });
}

function zoom(factor, about = (view.a + view.b) / 2) {
  look(about - (about - view.a) * factor, about + (view.b - about) * factor);
  redraw();
}
function pan(part) {
  const by = (view.b - view.a) * part;
  look(view.a + by, view.b + by);
  redraw();
}
function all() {
  look(0, data.length * 1.03);
  redraw();
}
function toEnd() {
  lookAtEnd();
  redraw();
}

// What is said of an item, as lines and fields.
function told(item) {
  if (item.what === "arrow") {
    const way = item.end === null ? `sent ${time(item.sent)}, event ${item.sentEvent}` : `sent ${time(item.sent)}, ${item.dropped ? "over" : "taken in"} ${time(item.end)} (${span(item.end - item.sent)}), event ${item.endEvent}`;
    return { title: `${item.kind}: ${nameOf(item.from)} → ${nameOf(item.to)}`, at: way, bad: item.dropped ? item.fate : "", soft: item.dropped ? "" : item.end === null ? item.fate : "", fields: item.fields };
  }
  if (item.what === "fact") return { title: `${nameOf(item.node)}: ${item.kind}`, at: `${time(item.at)}, event ${item.event}`, fields: item.fields };
  if (item.what === "fault") return { title: `F${item.item + 1}: ${item.text}`, at: `${time(item.begin)} to ${item.open ? "the end of the run" : time(item.end)} (${span(item.end - item.begin)})`, fields: item.nodes.length ? [["hit", item.nodes.map(nameOf).join(", ")]] : [] };
  if (item.what === "state") return { title: `${nameOf(item.node)} is ${item.down ? "down" : "paused"}: ${item.why}`, at: `${time(item.begin)} to ${item.open ? "the end of the run" : time(item.end)} (${span(item.end - item.begin)})`, fields: [] };
  if (item.what === "reign") return { title: `${nameOf(item.node)} believes to be ${item.subject}${item.partition === null ? "" : ` of ${item.partition}`}`, at: `${time(item.begin)} to ${time(item.end)} (${span(item.end - item.begin)})`, fields: [["epoch", String(item.epoch)]] };
  return { title: data.promise || data.verdict, at: `${time(item.at)}, event ${data.end[1]}`, bad: data.message, fields: [] };
}

function tell(item, x, y) {
  const tip = $("tip");
  const { title, at, bad, soft, fields } = told(item);
  const add = (parent, tag, words, className) => {
    const element = document.createElement(tag);
    element.textContent = words;
    if (className) element.className = className;
    parent.appendChild(element);
    return element;
  };
  tip.replaceChildren();
  add(tip, "b", title);
  add(tip, "div", at, "at");
  if (bad) add(tip, "div", bad, "bad");
  if (soft) add(tip, "div", soft, "at");
  const list = add(tip, "dl", "");
  for (const [name, value] of fields) {
    add(list, "dt", name);
    add(list, "dd", value);
  }
  tip.hidden = false;
  const { offsetWidth: w, offsetHeight: h } = tip;
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - w - 8))}px`;
  tip.style.top = `${y + 16 + h > innerHeight ? Math.max(8, y - h - 12) : y + 16}px`;
}

function light(item, x, y, held = false) {
  const changed = lit.item !== item;
  lit.item = item;
  lit.held = held && item !== null;
  if (item) tell(item, x, y);
  else $("tip").hidden = true;
  if (changed) redraw();
}

// What is under a point of the diagram: a fact before a message before what lasts.
function under(x, y) {
  let best = null, nearest = 9;
  for (const fact of facts) {
    if (!within(fact.at, fact.at) || !factShown(fact)) continue;
    const lane = stage.y.get(fact.node);
    const distance = lane === undefined ? Infinity : Math.hypot(xOf(fact.at) - x, lane - y);
    if (distance < nearest) [best, nearest] = [fact, distance];
  }
  const ring = stage.y.get(data.end[2]);
  if (ring !== undefined && data.verdict !== "pass" && Math.hypot(xOf(data.end[0]) - x, ring - y) < Math.min(nearest, 9)) return pin;
  if (best) return best;
  nearest = 7;
  for (const arrow of arrows) {
    if (!within(arrow.sent, arrow.until) || !arrowShown(arrow)) continue;
    const at = segment(arrow);
    if (!at) continue;
    const distance = toSegment(x, y, at);
    if (distance < nearest) [best, nearest] = [arrow, distance];
  }
  return best ?? lasting(x, y);
}

function lasting(x, y) {
  const t = tOf(x);
  const slack = (view.b - view.a) / stage.plot * 3;
  const now = (item) => item.begin - slack <= t && t <= item.end + slack;
  const fault = faults.find((item) => now(item) && Math.abs(y - (stage.faultTop + item.row * FAULT_ROW + 7)) < 8);
  if (fault) return fault;
  const reign = reigns.find((item) => now(item) && stripY(item) !== null && Math.abs(y - stripY(item) - 2.5) < 3.5);
  if (reign) return reign;
  return states.find((item) => now(item) && stage.y.has(item.node) && Math.abs(y - stage.y.get(item.node)) < 8) ?? null;
}

function toSegment(x, y, [x1, y1, x2, y2]) {
  const dx = x2 - x1, dy = y2 - y1;
  const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

function cursorAt(x) {
  for (const line of document.querySelectorAll(".stage .cursor")) {
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  }
  readPanels(x < 0 ? data.end[0] : tOf(x));
}

function place(event, box) {
  const rect = box.getBoundingClientRect();
  return [event.clientX - rect.left, event.clientY - rect.top];
}

// Fingers and the mouse: one drags, two pinch, none hovers.
function hands(box) {
  const down = new Map();
  let dragged = 0;
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down.set(event.pointerId, event.clientX);
    dragged = 0;
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    const [x, y] = place(event, box);
    const before = down.get(event.pointerId);
    if (before === undefined) {
      cursorAt(x);
      if (box.id === "diagram" && !lit.held) light(under(x, y), event.clientX, event.clientY);
      return;
    }
    if (down.size === 2) pinch(box, down, event);
    else if (before !== event.clientX) {
      dragged += Math.abs(event.clientX - before);
      if (dragged > 3) {
        box.classList.add("panning");
        if (!lit.held) light(null);
        pan(-(event.clientX - before) / stage.plot);
      }
    }
    down.set(event.pointerId, event.clientX);
  });
  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    box.classList.remove("panning");
    if (event.type !== "pointerup" || dragged > 3 || box.id !== "diagram") return;
    const [x, y] = place(event, box);
    const item = under(x, y);
    light(item, event.clientX, event.clientY, true);
  };
  box.addEventListener("pointerup", up);
  box.addEventListener("pointercancel", up);
  box.addEventListener("pointerleave", () => {
    cursorAt(-9);
    if (!lit.held) light(null);
  });
  box.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey || event.altKey) zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 180), tOf(place(event, box)[0]));
    else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) pan(sideways / stage.plot);
    else return;
    event.preventDefault();
  }, { passive: false });
  box.addEventListener("dblclick", (event) => zoom(0.4, tOf(place(event, box)[0])));
}

function pinch(box, down, event) {
  const left = box.getBoundingClientRect().left;
  const [id, other] = [...down].find(([pointer]) => pointer !== event.pointerId);
  const before = Math.abs(down.get(event.pointerId) - other), after = Math.abs(event.clientX - other);
  if (id !== undefined && before > 10 && after > 10) zoom(before / after, tOf((event.clientX + other) / 2 - left));
}

// The next thing that happened, or the one before.
function walk(by) {
  const list = stops();
  const here = lit.item ? list.findIndex((stop) => stop.item === lit.item) : -1;
  let next = here + by;
  if (here < 0) {
    const middle = (view.a + view.b) / 2;
    next = list.findIndex((stop) => stop.at >= middle);
    if (next < 0) next = list.length - 1;
  }
  const stop = list[Math.min(Math.max(next, 0), list.length - 1)];
  if (!stop) return;
  if (stop.at < view.a + margin() || stop.at > view.b - margin()) {
    const half = (view.b - view.a) / 2;
    look(stop.at - half, stop.at + half);
  }
  lit.item = stop.item;
  lit.held = true;
  redraw();
  const rect = $("diagram").getBoundingClientRect();
  const y = stage.y.get(stop.item.node ?? stop.item.to ?? data.end[2]) ?? stage.faultTop;
  tell(stop.item, rect.left + xOf(stop.at), rect.top + y);
  const { title, at, bad, fields } = told(stop.item);
  $("said").textContent = [title, at, bad, ...fields.map((field) => field.join(" "))].filter(Boolean).join(", ");
}

const KEYS = {
  ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
  0: all, Home: () => { look(0, view.b - view.a); redraw(); }, End: toEnd, f: toEnd, n: () => walk(1), p: () => walk(-1),
  Escape: () => light(null), "?": () => $("keys").showModal(),
};

function listen() {
  for (const box of document.querySelectorAll(".stage")) if (box.id !== "overview") hands(box);
  $("diagram").addEventListener("keydown", (event) => {
    const deed = KEYS[event.key];
    if (!deed || event.ctrlKey || event.metaKey || event.altKey) return;
    deed();
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement?.tagName)) $("keys").showModal();
    if (event.key === "Escape") light(null);
  });
  const deeds = { in: () => zoom(0.6), out: () => zoom(1 / 0.6), all, end: toEnd, next: () => walk(1), before: () => walk(-1), help: () => $("keys").showModal() };
  for (const [name, deed] of Object.entries(deeds)) $(`do-${name}`).addEventListener("click", deed);
  brush($("overview"));
  addEventListener("resize", redraw);
  addEventListener("scroll", () => { if (!$("tip").hidden && !lit.held) light(null); }, { passive: true });
}

// The overview: a press moves the view there.
function brush(box) {
  let held = false;
  const to = (event) => {
    const t = ((place(event, box)[0] - stage.left) / stage.plot) * Math.max(data.length, 1) * 1.04;
    const half = (view.b - view.a) / 2;
    look(t - half, t + half);
    redraw();
  };
  box.addEventListener("pointerdown", (event) => { held = true; box.setPointerCapture(event.pointerId); to(event); });
  box.addEventListener("pointermove", (event) => { if (held) to(event); });
  box.addEventListener("pointerup", () => { held = false; });
  box.addEventListener("pointercancel", () => { held = false; });
}

// Rows of chips; each hides what it names. A click with Alt, or a double click, leaves it alone in its row.
function chips(id, sort, entries) {
  const row = $(id);
  const inputs = [];
  const changed = () => {
    for (const [input, value] of inputs) input.checked ? hidden[sort].delete(value) : hidden[sort].add(value);
    if (lit.item && lit.item.what === "arrow" && !arrowShown(lit.item)) light(null);
    redraw();
  };
  for (const [value, words, number, off] of entries) {
    const label = row.appendChild(document.createElement("label"));
    label.className = "chip";
    const input = label.appendChild(document.createElement("input"));
    Object.assign(input, { type: "checkbox", checked: !off });
    const text = label.appendChild(document.createElement("span"));
    text.textContent = words;
    if (number !== undefined) text.appendChild(document.createElement("b")).textContent = number;
    input.addEventListener("change", changed);
    label.addEventListener("dblclick", (event) => {
      event.preventDefault();
      for (const [other] of inputs) other.checked = other === input;
      changed();
    });
    inputs.push([input, value]);
    if (off) hidden[sort].add(value);
  }
  const every = row.appendChild(document.createElement("button"));
  Object.assign(every, { type: "button", className: "link", textContent: "all" });
  every.addEventListener("click", () => { for (const [input] of inputs) input.checked = true; changed(); });
  const none = row.appendChild(document.createElement("button"));
  Object.assign(none, { type: "button", className: "link", textContent: "none" });
  none.addEventListener("click", () => { for (const [input] of inputs) input.checked = false; changed(); });
}

function filters() {
  chips("nodes", "node", lanes.map((lane) => [lane.node, lane.name]));
  if (partitions.length > 1) chips("partitions", "partition", partitions.map((name) => [name, name || "none"]));
  else $("partitions").hidden = true;
  const byNumber = (items) => [...count(items, (item) => item.kind)].sort((a, b) => b[1] - a[1]);
  chips("messages", "kind", byNumber(arrows).map(([kind, number]) => [kind, kind, number]));
  chips("facts", "kind", byNumber(facts).map(([kind, number]) => [kind, kind, number]));
}

function theme() {
  const root = document.documentElement;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const words = $(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(words.textContent);
        button.textContent = "Copied";
      } catch {
        // A page from a disk may not reach the clipboard: what is selected can be copied by hand.
        getSelection().selectAllChildren(words);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

theme();
filters();
listen();
lookAtEnd();
redraw();
