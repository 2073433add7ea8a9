// The space-time diagram and the overview above it. Every mark of one sort is one path: a browser moves
// thousands of lines with ease, but not thousands of elements. Never: changes what is in view.

const SVG = "http://www.w3.org/2000/svg";
function draw(parent, tag, attributes = {}, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent?.appendChild(element);
  return element;
}

// Where things are, for drawing and for finding what is under a hand.
const stage = { width: 0, left: 0, plot: 0, height: 0, y: new Map(), strips: new Map(), faultTop: 24, narrow: false };
const xOf = (t) => stage.left + ((t - view.a) / (view.b - view.a)) * stage.plot;
const tOf = (x) => view.a + ((x - stage.left) / stage.plot) * (view.b - view.a);
const FAULT_ROW = 18;

function measure() {
  stage.width = Math.max(280, $("diagram").clientWidth);
  stage.narrow = stage.width < 620;
  stage.left = stage.narrow ? 6 : 116;
  stage.plot = stage.width - stage.left - (stage.narrow ? 8 : 16);
  stage.y.clear();
  stage.strips.clear();
  let top = stage.faultTop + faultRows * FAULT_ROW + (faultRows ? 10 : 4);
  let kind = null;
  for (const lane of lanes) {
    if (hidden.node.has(lane.node)) continue;
    if (kind !== null && kind !== lane.kind) top += 8;
    kind = lane.kind;
    const led = [...new Set(reigns.filter((reign) => reign.node === lane.node && !hidden.partition.has(reign.partition ?? "")).map(stripOf))].slice(0, 6);
    stage.strips.set(lane.node, led);
    stage.y.set(lane.node, top + (stage.narrow ? 24 : 17));
    top += (stage.narrow ? 38 : 32) + led.length * 6;
  }
  stage.height = top + 8;
}
const stripOf = (reign) => `${reign.subject} ${reign.partition ?? ""}`;

function ticks() {
  const wanted = stage.narrow ? 4 : 9;
  const raw = (view.b - view.a) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  const first = Math.ceil((data.origin + Math.max(view.a, 0)) / step) * step - data.origin;
  const list = [];
  for (let t = first; t <= view.b; t += step) list.push(t);
  return { step, list };
}

function drawAxis(svg, height) {
  const { step, list } = ticks();
  for (const t of list) {
    const x = xOf(t);
    draw(svg, "line", { class: "grid", x1: x, x2: x, y1: 19, y2: height });
    if (x < stage.width - 24) draw(svg, "text", { x, y: 13, "text-anchor": x < stage.left + 20 ? "start" : "middle" }, time(t, step));
  }
}

function definitions(svg) {
  const defs = draw(svg, "defs");
  const hatch = draw(defs, "pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  draw(hatch, "rect", { width: 6, height: 6, style: "fill: var(--wash)" });
  draw(hatch, "line", { x1: 0, x2: 0, y1: 0, y2: 6, style: "stroke: var(--faint); stroke-width: 1.4" });
  const clip = draw(defs, "clipPath", { id: "plot" });
  draw(clip, "rect", { x: stage.left - 3, y: 0, width: stage.plot + 12, height: 4000 });
}

const within = (begin, end) => end >= view.a && begin <= view.b;
const clampX = (x) => Math.min(Math.max(x, stage.left - 4), stage.left + stage.plot + 10);

function drawFaults(svg) {
  for (const fault of faults) {
    if (!within(fault.begin, fault.end)) continue;
    const x1 = clampX(xOf(fault.begin)), x2 = Math.max(clampX(xOf(fault.end)), x1 + 3);
    for (const node of fault.nodes) {
      const y = stage.y.get(node);
      if (y !== undefined && fault.nodes.length < lanes.length) draw(svg, "rect", { class: "fault-on", x: x1, y: y - 12, width: x2 - x1, height: 24 });
    }
    const y = stage.faultTop + fault.row * FAULT_ROW;
    draw(svg, "rect", { class: "fault", x: x1, y, width: x2 - x1, height: FAULT_ROW - 4, rx: 2 });
    const room = faultRoom(fault, x1);
    const label = `F${fault.item + 1} ${fault.text}`;
    if (room > 16) draw(svg, "text", { class: "fault-text", x: Math.max(x1, stage.left) + 4, y: y + 10.5 }, label.slice(0, Math.max(2, Math.floor(room / 5.6))));
  }
}

// How far a fault's words may go: to the next fault in its row.
function faultRoom(fault, x1) {
  const next = faults.filter((other) => other.row === fault.row && other.begin > fault.begin).map((other) => xOf(other.begin));
  return Math.min(stage.left + stage.plot, ...next) - Math.max(x1, stage.left) - 8;
}

function drawLanes(svg) {
  let last = null;
  for (const lane of lanes) {
    const y = stage.y.get(lane.node);
    if (y === undefined) continue;
    if (last !== null && last.kind !== lane.kind) draw(svg, "line", { class: "sep", x1: 0, x2: stage.width, y1: y - (stage.narrow ? 28 : 21), y2: y - (stage.narrow ? 28 : 21) });
    last = lane;
    draw(svg, "line", { class: "lane", x1: stage.left, x2: Math.min(xOf(data.length), stage.left + stage.plot + 10), y1: y, y2: y });
  }
  for (const state of states) {
    const y = stage.y.get(state.node);
    if (y === undefined || !within(state.begin, state.end)) continue;
    const x1 = clampX(xOf(state.begin)), x2 = Math.max(clampX(xOf(state.end)), x1 + 2);
    draw(svg, "rect", { class: state.down ? "down" : "paused", x: x1, y: y - 7, width: x2 - x1, height: 14 });
    draw(svg, "line", { class: "state-edge", x1, x2: x1, y1: y - 8, y2: y + 8 });
    if (x2 - x1 > 70) draw(svg, "text", { class: "said halo", x: Math.max(x1, stage.left) + 5, y: y + 4 }, state.why);
  }
  for (const reign of reigns) {
    const y = stripY(reign);
    if (y === null || !within(reign.begin, reign.end)) continue;
    const x1 = clampX(xOf(reign.begin)), x2 = Math.max(clampX(xOf(reign.end)), x1 + 2);
    draw(svg, "rect", { class: "reign", x: x1, y, width: x2 - x1, height: 5, rx: 1, style: `fill: ${epochColour(reign.epoch)}` });
  }
}

// Beside the lanes, or over them where there is no room; then after all that would hide them.
function drawNames(svg) {
  for (const lane of lanes) {
    const y = stage.y.get(lane.node);
    if (y === undefined) continue;
    const at = stage.narrow ? { x: stage.left + 2, y: y - 9 } : { x: stage.left - 10, y: y + 4, "text-anchor": "end" };
    draw(svg, "text", { class: "name halo", ...at }, lane.name);
  }
  if (faultRows > 0 && !stage.narrow) draw(svg, "text", { x: stage.left - 10, y: stage.faultTop + 11, "text-anchor": "end" }, "faults");
}

function stripY(reign) {
  const row = stage.strips.get(reign.node)?.indexOf(stripOf(reign)) ?? -1;
  return row < 0 ? null : stage.y.get(reign.node) + 9 + row * 6;
}

// From where to where a message is drawn; null if it is not. One that never arrived ends on its way.
function segment(arrow) {
  const y2 = stage.y.get(arrow.to), y1 = arrow.from === null ? stage.faultTop : stage.y.get(arrow.from);
  if (y1 === undefined || y2 === undefined) return null;
  const x1 = xOf(arrow.sent), x2 = xOf(arrow.until);
  if (arrow.end !== null) return [x1, y1, x2, y2];
  return [x1, y1, x1 + (x2 - x1) * 0.55, y1 + (y2 - y1) * 0.55];
}

const n1 = (n) => n.toFixed(1);

function drawArrows(svg) {
  const visible = arrows.filter((arrow) => within(arrow.sent, arrow.until) && arrowShown(arrow));
  const group = draw(svg, "g", { "clip-path": "url(#plot)", class: visible.length > 700 ? "many" : "" });
  let lines = "", heads = "", dropped = "", crosses = "";
  for (const arrow of visible) {
    const at = segment(arrow);
    if (!at) continue;
    const [x1, y1, x2, y2] = at;
    if (arrow.from === arrow.to) {
      lines += `M${n1(x1)} ${y1}q${n1((x2 - x1) / 2)} -14 ${n1(x2 - x1)} 0`;
      continue;
    }
    const line = `M${n1(x1)} ${n1(y1)}L${n1(x2)} ${n1(y2)}`;
    if (arrow.dropped) {
      dropped += line;
      crosses += `M${n1(x2 - 3.5)} ${n1(y2 - 3.5)}l7 7m0 -7l-7 7`;
    } else {
      lines += line;
      if (visible.length < 700 && arrow.end !== null) heads += head(x1, y1, x2, y2, 6);
    }
  }
  draw(group, "path", { class: "arrow", d: lines });
  draw(group, "path", { class: "heads", d: heads });
  draw(group, "path", { class: "dropped", d: dropped });
  draw(group, "path", { class: "crosses", d: crosses });
  if (visible.length <= 40) drawKinds(group, visible);
}

function head(x1, y1, x2, y2, size) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const [bx, by] = [x2 - ux * size, y2 - uy * size];
  const half = size * 0.38;
  return `M${n1(x2)} ${n1(y2)}L${n1(bx - uy * half)} ${n1(by + ux * half)}L${n1(bx + uy * half)} ${n1(by - ux * half)}Z`;
}

// What messages are called, where no other word is.
function drawKinds(group, visible) {
  const taken = [];
  for (const arrow of visible) {
    const at = segment(arrow);
    if (!at || arrow.from === arrow.to) continue;
    const x = (at[0] + at[2]) / 2 + 5, y = (at[1] + at[3]) / 2, wide = arrow.kind.length * 5.6;
    if (x + wide > stage.width || taken.some((other) => Math.abs(other.y - y) < 13 && x < other.x + other.wide && other.x < x + wide)) continue;
    taken.push({ x, y, wide });
    draw(group, "text", { class: "said halo", x, y }, arrow.kind);
  }
}

function drawFacts(svg) {
  const group = draw(svg, "g", { "clip-path": "url(#plot)" });
  const visible = facts.filter((fact) => within(fact.at, fact.at) && factShown(fact) && stage.y.has(fact.node));
  const size = visible.length > 500 ? 2 : 3;
  let dots = "", losses = "";
  const roles = new Map();
  for (const fact of visible) {
    const x = xOf(fact.at), y = stage.y.get(fact.node);
    if (isRole(fact)) {
      const epoch = Number(valueOf(fact, "epoch") ?? 0) % 8;
      roles.set(epoch, (roles.get(epoch) ?? "") + `M${n1(x)} ${y - 7}l6 7l-6 7l-6 -7Z`);
    } else if (isLoss(fact)) losses += `M${n1(x - 4)} ${y - 4}h8v8h-8Z`;
    else dots += `M${n1(x - size)} ${y}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0`;
  }
  draw(group, "path", { class: "fact", d: dots });
  for (const [epoch, d] of roles) draw(group, "path", { class: "role", d, style: `fill: ${epochColour(epoch)}` });
  draw(group, "path", { class: "loss", d: losses });
  drawWords(group, visible);
  if (stage.narrow) drawNames(svg);
}

// What facts are called, where there is room: first who leads, then what was lost, then the rest.
function drawWords(group, visible) {
  const rank = (fact) => (isRole(fact) ? 0 : isLoss(fact) ? 1 : 2);
  const taken = new Map();
  if (stage.narrow) for (const lane of lanes) taken.set(lane.node, [[0, stage.left + lane.name.length * 7.2 + 6]]);
  for (const fact of [...visible].sort((a, b) => rank(a) - rank(b) || a.at - b.at)) {
    if (rank(fact) === 2 && visible.length > 160) break;
    const epoch = isRole(fact) ? valueOf(fact, "epoch") : undefined;
    const words = epoch === undefined ? fact.kind : `${fact.kind}, epoch ${epoch}`;
    const x1 = xOf(fact.at) - 2, x2 = x1 + words.length * 5.4 + 10;
    const spans = taken.get(fact.node) ?? [];
    if (x2 > stage.width || spans.some(([a, b]) => x1 < b && x2 > a)) continue;
    taken.set(fact.node, [...spans, [x1, x2]]);
    draw(group, "text", { class: "said halo", x: x1 + 4, y: stage.y.get(fact.node) - 9 }, words);
  }
}

function drawPin(svg, flag) {
  const x = xOf(data.end[0]);
  if (data.calm !== null && within(data.calm, data.calm)) {
    draw(svg, "line", { class: "calm", x1: xOf(data.calm), x2: xOf(data.calm), y1: 19, y2: 4000 });
    if (flag) draw(svg, "text", { x: xOf(data.calm) + 4, y: stage.height - 4 }, "the calm begins");
  }
  if (x < stage.left - 4 || x > stage.width || data.verdict === "pass") return;
  draw(svg, "line", { class: "pin", x1: x, x2: x, y1: flag ? 4 : 0, y2: 4000 });
  if (!flag) return;
  const y = stage.y.get(data.end[2]);
  if (y !== undefined) draw(svg, "circle", { class: "pin-ring", cx: x, cy: y, r: 8 });
  const words = data.promise || data.verdict;
  const width = Math.min(words.length * 7.4 + 16, stage.plot);
  const left = Math.min(x, stage.width - width - 2);
  draw(svg, "rect", { class: "pin-flag", x: left, y: 1, width, height: 17, rx: 3 });
  draw(svg, "text", { class: "pin-text", x: left + 7, y: 13.5 }, words);
}

function drawLit(svg, item) {
  if (item?.what === "arrow") {
    const at = segment(item);
    if (!at) return;
    const group = draw(svg, "g", { "clip-path": "url(#plot)" });
    draw(group, "line", { class: "lit", x1: at[0], y1: at[1], x2: at[2], y2: at[3] });
    if (item.end !== null) draw(group, "path", { class: "lit-head", d: head(...at, 9) });
  } else if (item?.what === "fact" && stage.y.has(item.node)) {
    draw(svg, "circle", { class: "lit", cx: xOf(item.at), cy: stage.y.get(item.node), r: 8 });
  } else if (item?.what === "fault") {
    const x1 = clampX(xOf(item.begin)), x2 = clampX(xOf(item.end));
    draw(svg, "rect", { class: "lit", x: x1, y: stage.faultTop + item.row * FAULT_ROW, width: Math.max(x2 - x1, 3), height: FAULT_ROW - 4 });
  }
}

function drawDiagram(lit) {
  measure();
  const svg = draw(null, "svg", { viewBox: `0 0 ${stage.width} ${stage.height}`, height: stage.height, "aria-hidden": "true" });
  definitions(svg);
  drawAxis(svg, stage.height);
  drawFaults(svg);
  drawLanes(svg);
  if (!stage.narrow) drawNames(svg);
  drawArrows(svg);
  drawFacts(svg);
  drawPin(svg, true);
  drawLit(svg, lit);
  draw(svg, "line", { class: "cursor", y1: 19, y2: stage.height, x1: -9, x2: -9 });
  $("diagram").replaceChildren(svg);
}

// The whole window, how much happened when, and which part of it is in view.
function drawOverview() {
  const height = 44;
  const svg = draw(null, "svg", { viewBox: `0 0 ${stage.width} ${height}`, height, "aria-hidden": "true" });
  const whole = Math.max(data.length, 1) * 1.04;
  const x = (t) => stage.left + (t / whole) * stage.plot;
  const bins = new Array(Math.max(20, Math.floor(stage.plot / 4))).fill(0);
  for (const arrow of arrows) if (arrowShown(arrow)) bins[Math.min(bins.length - 1, Math.floor((arrow.sent / whole) * bins.length))] += 1;
  const most = Math.max(1, ...bins);
  const wide = stage.plot / bins.length;
  draw(svg, "path", { class: "density", d: bins.map((n, i) => `M${n1(stage.left + i * wide)} 36h${n1(wide - 1)}v${n1((-26 * n) / most)}h${n1(1 - wide)}Z`).join("") });
  for (const fault of faults) draw(svg, "rect", { class: "fault", x: x(fault.begin), y: 37.5, width: Math.max(2, x(fault.end) - x(fault.begin)), height: 3.5 });
  if (data.verdict !== "pass") draw(svg, "line", { class: "pin", x1: x(data.end[0]), x2: x(data.end[0]), y1: 2, y2: 42 });
  if (!stage.narrow) draw(svg, "text", { x: stage.left - 10, y: 26, "text-anchor": "end" }, "the whole run");
  const x1 = Math.max(x(view.a), stage.left), x2 = Math.max(Math.min(x(view.b), stage.left + stage.plot), x1 + 3);
  draw(svg, "rect", { class: "brush", x: x1, y: 2, width: x2 - x1, height: 40 });
  for (const edge of [x1, x2]) draw(svg, "line", { class: "brush-edge", x1: edge, x2: edge, y1: 2, y2: 42 });
  $("overview").replaceChildren(svg);
}
