// A panel a partition, under the diagram and on its time: of every replica the log end (solid), the high
// watermark (dashed), the epoch it works in (colour) and whether it is in the ISR (the bar below).

const ROW = 46;
const readouts = [];

function drawPanels() {
  readouts.length = 0;
  for (const [place, panel] of panels.entries()) {
    const box = $(`panel-${place}`);
    box.parentElement.hidden = hidden.partition.has(panel.partition ?? "");
    if (!box.parentElement.hidden) box.replaceChildren(drawPanel(panel));
  }
}

function drawPanel(panel) {
  const replicas = panel.replicas.filter((replica) => !hidden.node.has(replica.node));
  const labelled = stage.narrow ? 16 : 0;
  const row = ROW + labelled;
  const height = 22 + replicas.length * row + 4;
  const svg = draw(null, "svg", { viewBox: `0 0 ${stage.width} ${height}`, height, "aria-hidden": "true" });
  drawAxis(svg, height);
  const range = rangeOf(replicas);
  for (const [place, replica] of replicas.entries()) drawReplica(svg, replica, 24 + labelled + place * row, range);
  drawPin(svg, false);
  draw(svg, "line", { class: "cursor", y1: 19, y2: height, x1: -9, x2: -9 });
  return svg;
}

// The least and the most that any replica shows in view.
function rangeOf(replicas) {
  const values = [];
  for (const replica of replicas) for (const steps of [replica.log_end, replica.high_watermark]) {
    const first = stepAt(steps, view.a);
    if (first) values.push(first[1]);
    for (const [at, value] of steps) if (at >= view.a && at <= view.b) values.push(value);
  }
  const low = values.length ? Math.min(...values) : 0;
  return { low, high: Math.max(low + 1, ...values) };
}

// The stretches of a list of steps that are in view: begin, end, the step.
function stretches(steps) {
  const list = [];
  for (let i = 0; i < steps.length; i += 1) {
    const begin = steps[i][0], end = steps[i + 1]?.[0] ?? data.length;
    if (end >= view.a && begin <= view.b && end >= begin) list.push([clampX(xOf(begin)), clampX(xOf(end)), steps[i]]);
  }
  return list;
}

function drawReplica(svg, replica, top, { low, high }) {
  const floor = top + 32;
  const y = (value) => floor - 2 - ((value - low) / (high - low)) * 27;
  if (stage.narrow) draw(svg, "text", { class: "name", x: stage.left + 2, y: top - 3 }, nameOf(replica.node));
  else draw(svg, "text", { class: "name", x: stage.left - 10, y: top + 14, "text-anchor": "end" }, nameOf(replica.node));
  const said = draw(svg, "text", stage.narrow ? { class: "said", x: stage.left + stage.plot, y: top - 3, "text-anchor": "end" } : { class: "said", x: stage.left - 10, y: top + 28, "text-anchor": "end" });
  readouts.push({ replica, said });
  drawEpochs(svg, replica, top, floor);
  draw(svg, "path", { class: "curve", d: stairs(replica.log_end, y) });
  draw(svg, "path", { class: "watermark", d: stairs(replica.high_watermark, y) });
  for (const [x1, x2, [, inside]] of stretches(replica.in_sync)) {
    draw(svg, "rect", { class: inside ? "in-sync" : "out", x: x1, y: floor + 2.5, width: Math.max(x2 - x1, 1), height: 3.5 });
  }
  draw(svg, "line", { class: "sep", x1: stage.left, x2: stage.width, y1: floor + 9.5, y2: floor + 9.5 });
}

function drawEpochs(svg, replica, top, floor) {
  for (const [x1, x2, [, epoch, leads]] of stretches(replica.epoch)) {
    const fill = `fill: ${epochColour(epoch)}`;
    draw(svg, "rect", { class: "area", x: x1, y: top, width: Math.max(x2 - x1, 1), height: floor - top, style: leads ? fill : `${fill}; opacity: 0.11` });
    if (leads) draw(svg, "rect", { x: x1, y: top, width: Math.max(x2 - x1, 1), height: 3, style: fill });
    if (x2 - x1 > 30) draw(svg, "text", { class: "said", x: Math.max(x1, stage.left) + 4, y: top + 13 }, x2 - x1 > 110 ? `epoch ${epoch}${leads ? ", leads" : ""}` : `e${epoch}`);
  }
}

function stairs(steps, y) {
  const parts = stretches(steps).map(([x1, x2, [, value]]) => `${n1(x1)} ${n1(y(value))}H${n1(x2)}`);
  return parts.length ? `M${parts.join("L")}` : "";
}

// What each replica says at a time, beside its name.
function readPanels(at) {
  for (const { replica, said } of readouts) {
    const end = stepAt(replica.log_end, at)?.[1], mark = stepAt(replica.high_watermark, at)?.[1];
    const words = [end === undefined ? "" : `end ${end}`, mark === undefined ? "" : `hw ${mark}`];
    said.textContent = words.filter(Boolean).join(", ");
  }
}
