// What the page knows: the run, the part of it in view, and what is filtered out. Times are nanoseconds since
// the window's beginning. Never: draws, or listens to a hand.
"use strict";

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);

const fieldsOf = (said) => said.map(([name, value]) => [data.names[name], value]);
const valueOf = (item, field) => item.fields.find(([name]) => name === field)?.[1];

const lanes = data.lanes.map(([name, kind, client], node) => ({ node, name, kind, client, shown: true }));
const nameOf = (node) => (node === null ? "operator" : (lanes[node]?.name ?? `node ${node}`));

const arrows = data.arrows.map(([from, to, kind, sent, sentEvent, end, endEvent, fate, said]) => ({
  what: "arrow", from, to, kind: data.names[kind], sent, sentEvent, end, endEvent,
  fate: data.fates[fate][0], dropped: data.fates[fate][1], fields: fieldsOf(said),
}));
const facts = data.facts.map(([at, event, node, kind, said]) => ({
  what: "fact", at, event, node, kind: data.names[kind], fields: fieldsOf(said),
}));
const faults = data.faults.map(([item, kind, text, begin, end, nodes]) => ({
  what: "fault", item, kind, text, begin, end: end ?? data.length, open: end === null, nodes, row: 0,
}));
const states = data.states.map(([node, down, why, begin, end]) => ({
  what: "state", node, down, why, begin, end: end ?? data.length, open: end === null,
}));
const reigns = data.reigns.map(([node, subject, partition, epoch, begin, end]) => ({
  what: "reign", node, subject, partition, epoch, begin, end,
}));
const panels = data.panels;

for (const item of [...arrows, ...facts]) item.partition = valueOf(item, "partition") ?? "";

// A lost message has no time of arrival: it is drawn as if it had flown as long as the others.
const flights = arrows.filter((arrow) => arrow.end !== null && arrow.end > arrow.sent).map((arrow) => arrow.end - arrow.sent);
flights.sort((a, b) => a - b);
const usualFlight = flights[flights.length >> 1] ?? 1_000_000;
for (const arrow of arrows) arrow.until = arrow.end ?? arrow.sent + usualFlight;

// Rows of faults that do not overlap.
const faultRows = (() => {
  const ends = [];
  for (const fault of faults) {
    const apart = data.length / 40;
    let row = ends.findIndex((end) => end <= fault.begin);
    if (row < 0) row = ends.length < 7 ? ends.length : 6;
    ends[row] = Math.max(fault.end, fault.begin + apart);
    fault.row = row;
  }
  return ends.length;
})();

const epochColour = (epoch) => `var(--e${Number(epoch) % 8})`;
const isRole = (fact) => fact.kind.endsWith(" elected");
const isLoss = (fact) => /truncat|reset|damage|halted|undelivered/.test(fact.kind);

const count = (items, key) => {
  const counts = new Map();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
};
const partitions = [...count([...arrows, ...facts], (item) => item.partition).keys()].sort();
const hidden = { node: new Set(), partition: new Set(), kind: new Set() };

const arrowShown = (arrow) =>
  !hidden.node.has(arrow.from) && !hidden.node.has(arrow.to) && !hidden.partition.has(arrow.partition) && !hidden.kind.has(arrow.kind);
const factShown = (fact) => !hidden.node.has(fact.node) && !hidden.partition.has(fact.partition) && !hidden.kind.has(fact.kind);

// The part in view. It begins with the end of the run, as much of it as an eye takes in.
const view = { a: 0, b: Math.max(data.length, 1) };
const NARROWEST = 20_000;
const margin = () => (view.b - view.a) * 0.03;

function look(a, b) {
  const whole = Math.max(data.length, 1) * 1.04;
  const width = Math.min(Math.max(b - a, Math.min(NARROWEST, whole)), whole);
  const middle = (a + b) / 2;
  const from = Math.min(Math.max(middle - width / 2, Math.min(0, -0.01 * whole)), whole - width);
  view.a = from;
  view.b = from + width;
}

function lookAtEnd() {
  const TAKEN_IN = 260;
  const times = [...arrows.filter(arrowShown).map((arrow) => arrow.sent), ...facts.filter(factShown).map((fact) => fact.at)];
  times.sort((a, b) => a - b);
  const from = times.length > TAKEN_IN ? times[times.length - TAKEN_IN] : 0;
  look(from, data.length + (data.length - from) * 0.06);
}

// `1.204531s`, with as many digits as `step` needs.
function time(at, step = 1) {
  const nanos = Math.round(data.origin + at);
  const digits = step >= 1e9 ? 0 : Math.min(9, Math.max(0, Math.ceil(9 - Math.log10(step))));
  const whole = Math.floor(nanos / 1e9);
  if (digits === 0) return `${whole}s`;
  const rest = String(nanos % 1e9).padStart(9, "0").slice(0, digits);
  return `${whole}.${rest}s`;
}
const span = (nanos) => (nanos >= 1e9 ? `${+(nanos / 1e9).toFixed(3)}s` : nanos >= 1e6 ? `${+(nanos / 1e6).toFixed(3)}ms` : `${+(nanos / 1e3).toFixed(1)}µs`);

// The value of a list of steps at a time.
function stepAt(steps, at) {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle][0] <= at) low = middle + 1; else high = middle;
  }
  return low > 0 ? steps[low - 1] : null;
}

// Everything that can be stepped through, in order.
function stops() {
  const list = facts.filter(factShown).map((item) => ({ at: item.at, event: item.event, item }));
  for (const item of arrows.filter(arrowShown)) list.push({ at: item.sent, event: item.sentEvent, item });
  for (const item of faults) list.push({ at: item.begin, event: 0, item });
  list.push({ at: data.end[0], event: Infinity, item: pin });
  return list.sort((a, b) => a.at - b.at || a.event - b.event);
}
const pin = { what: "pin", at: data.end[0], node: data.end[2] };
