"use strict";
// Draws the report from the JSON beside it. Every chart is an SVG with its own small scale.
const data = JSON.parse(document.getElementById("data").textContent);
const LEAST_RANGE = 0.4; // of a chart, in normalised units
const at = (id) => document.getElementById(id);
const show = (number, digits = 3) => (number === null ? "–" : String(Number(number.toPrecision(digits))));
const percent = (share) => `${show(100 * share)}%`;

function element(parent, name, attributes = {}, text = "") {
  const svg = ["svg", "path", "rect", "line", "text", "g"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  parent.append(made);
  return made;
}

function tip(target, text) {
  target.addEventListener("pointermove", (event) => {
    const box = at("tip");
    box.hidden = false;
    box.textContent = typeof text === "function" ? text(event) : text;
    box.style.left = `${Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8)}px`;
    box.style.top = `${event.clientY + 14}px`;
  });
  target.addEventListener("pointerleave", () => { at("tip").hidden = true; });
}

function canvas(parent, width, height) {
  return element(parent, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
}

function table(parent, header, rows) {
  const made = element(parent, "table");
  const head = element(element(made, "thead"), "tr");
  for (const title of header) element(head, "th", {}, title);
  const body = element(made, "tbody");
  for (const row of rows) {
    const line = element(body, "tr");
    for (const cell of row) element(line, "td", {}, cell);
  }
}

const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L");
// From dark violet to yellow by way of green, ever lighter; `part` from 0 to 1.
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function colour(part) {
  const place = Math.min(part * (STOPS.length - 1), STOPS.length - 1.001), first = Math.floor(place);
  const mixed = STOPS[first].map((low, i) => Math.round(low + (place - first) * (STOPS[first + 1][i] - low)));
  return `rgb(${mixed.join(" ")})`;
}

function drawHead() {
  const main = data.sets[0];
  const values = data.horizon * data.dimensions.length;
  at("name").textContent = data.name;
  at("codec").textContent = `${data.codec}; chunks of ${data.horizon} steps x ${data.dimensions.length} dimensions`;
  const cards = [
    [show(main.mean), "tokens a chunk"],
    [`${show(values / main.mean)}x`, `fewer than ${values} values`],
    [show(main.rmse), "RMSE, normalised"],
    [`${main.clipped} of ${main.chunks}`, "chunks clipped"],
    [show(data.recommendedLength), "recommended max_length"],
  ];
  for (const [figure, label] of cards) {
    const card = element(at("cards"), "div", { class: "card" });
    element(card, "b", {}, figure);
    element(card, "span", {}, label);
  }
  const notes = [`Figures are of ${main.chunks} chunks of ${main.of}: ${main.label}.`];
  if (data.isFitted) notes.push("The tokenizer has no normaliser: one (quantile) was fitted to these chunks.");
  if (main.refused) notes.push(`${main.refused} more chunks need tokens that the vocabulary lacks.`);
  at("notes").textContent = notes.join(" ");
}

function drawSample(sample) {
  for (const button of at("choose-sample").children)
    button.setAttribute("aria-pressed", button.textContent === sample.label);
  at("sample-figures").textContent =
    `${sample.ids.length} tokens; RMSE ${show(sample.error)} in normalised units.`;
  at("sample").replaceChildren();
  data.dimensions.forEach((name, dimension) => {
    const truth = sample.truth[dimension], decoded = sample.decoded[dimension];
    const figure = element(at("sample"), "figure");
    element(figure, "figcaption", {}, name);
    const svg = canvas(figure, 260, 110);
    const least = Math.min(...truth, ...decoded), most = Math.max(...truth, ...decoded);
    // Not so close that an error far below what the robot does looks large.
    const room = Math.max(0, LEAST_RANGE * data.gain[dimension] - (most - least)) / 2;
    const low = least - room, high = most + room;
    const x = (step) => 4 + (252 * step) / Math.max(1, truth.length - 1);
    const y = (value) => (high > low ? 96 - (84 * (value - low)) / (high - low) : 54);
    element(svg, "text", { x: 4, y: 9 }, show(high));
    element(svg, "text", { x: 4, y: 108 }, show(low));
    element(svg, "path", { class: "truth", d: path(truth.map((value, step) => [x(step), y(value)])) });
    element(svg, "path", { class: "here", d: path(decoded.map((value, step) => [x(step), y(value)])) });
    tip(svg, (event) => {
      const box = svg.getBoundingClientRect();
      const part = ((event.clientX - box.left) / box.width) * 260;
      const step = Math.max(0, Math.min(truth.length - 1, Math.round(((part - 4) / 252) * (truth.length - 1))));
      return `step ${step}: ${show(truth[step], 4)}, back as ${show(decoded[step], 4)}`;
    });
  });
  at("tokens").replaceChildren();
  const widths = sample.values ?? sample.ids.map(() => 1);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const svg = canvas(at("tokens"), 1000, 36);
  let begin = 0;
  sample.ids.forEach((id, place) => {
    const width = (1000 * widths[place]) / total;
    const block = element(svg, "rect", { x: begin, y: 8, width: Math.max(0.5, width - 0.8), height: 22,
      fill: `hsl(${(id * 47) % 360} 45% 60%)` });
    const holds = sample.values ? `, ${widths[place]} coefficient(s)` : "";
    tip(block, `token ${place + 1} of ${sample.ids.length}: id ${id}${holds}`);
    begin += width;
  });
}

const MOST_COLUMNS = 200; // of a heat map; of more, neighbours share a cell

// Rows by columns; `cells[row][column]` from 0 to 1 gives the colour, `say` the text.
function heatMap(parent, rows, cells, say, below) {
  const group = Math.ceil(cells[0].length / MOST_COLUMNS), columns = Math.ceil(cells[0].length / group);
  const height = Math.max(12, Math.min(26, 420 / rows.length));
  const svg = canvas(parent, 1000, rows.length * height + 24);
  rows.forEach((name, row) => {
    element(svg, "text", { x: 0, y: (row + 0.7) * height }, name.length > 18 ? `${name.slice(0, 17)}…` : name);
    for (let column = 0; column < columns; column++) {
      const part = cells[row].slice(column * group, (column + 1) * group).reduce((a, b) => Math.max(a, b));
      const cell = element(svg, "rect", { x: 120 + (880 * column) / columns, y: row * height,
        width: 880 / columns - 0.4, height: height - 1, fill: colour(part) });
      tip(cell, say(row, column * group));
    }
  });
  element(svg, "text", { x: 120, y: rows.length * height + 16 }, below[0]);
  element(svg, "text", { x: 1000, y: rows.length * height + 16, "text-anchor": "end" }, below[1]);
}

function drawErrors() {
  const relative = (value, dimension) => (data.gain[dimension] > 0 ? value / data.gain[dimension] : 0);
  const largest = data.errorByStep.flatMap((row) => row.map(relative)).reduce((a, b) => Math.max(a, b), 1e-12);
  heatMap(at("errors"), data.dimensions,
    data.dimensions.map((_, d) => data.errorByStep.map((row) => relative(row[d], d) / largest)),
    (d, step) => `${data.dimensions[d]}, step ${step}: ${show(data.errorByStep[step][d])}`,
    ["first step", "last step"]);
  table(at("error-table"), ["dimension", "RMSE", "largest error", "one normalised unit is"],
    data.dimensions.map((name, d) =>
      [name, show(data.errorByDimension[d]), show(data.largestByDimension[d]), show(data.gain[d])]));
}

function drawLengths() {
  const sets = data.sets.filter((set) => set.chunks);
  const end = Math.max(...sets.map((set) => set.max)) + 1;
  const group = Math.ceil(end / 80), bins = Math.ceil(end / group);
  const svg = canvas(at("lengths"), 1000, 230);
  const x = (length) => 10 + (980 * length) / (bins * group);
  sets.slice(0, 2).forEach((set, order) => {
    const counts = Array.from({ length: bins }, (_, bin) =>
      set.lengths.slice(bin * group, (bin + 1) * group).reduce((sum, count) => sum + count, 0));
    const most = Math.max(...counts);
    counts.forEach((count, bin) => {
      const height = (170 * count) / most;
      const bar = element(svg, "rect", { class: order ? "bar second" : "bar", x: x(bin * group), y: 200 - height,
        width: 980 / bins - 1, height });
      const range = group > 1 ? `${bin * group} to ${(bin + 1) * group - 1}` : `${bin}`;
      tip(bar, `${range} tokens: ${count} chunks (${set.label})`);
    });
  });
  element(svg, "line", { class: "axis", x1: 10, x2: 990, y1: 200, y2: 200 });
  for (const [label, value] of [["p50", sets[0].p50], ["p99", sets[0].p99], ["max", sets[0].max]]) {
    element(svg, "line", { class: "other dashed", x1: x(value + 0.5), x2: x(value + 0.5), y1: 22, y2: 200 });
    element(svg, "text", { x: x(value + 0.5), y: label === "p99" ? 18 : 8, "text-anchor": "middle" },
      `${label} ${show(value)}`);
  }
  element(svg, "text", { x: 10, y: 218 }, "0");
  element(svg, "text", { x: 990, y: 218, "text-anchor": "end" }, `${bins * group} tokens`);
  const which = sets.slice(0, 2).map((set, order) => `${order ? "orange" : "blue"}: ${set.label}`).join(", ");
  at("length-advice").textContent = `${which}. Recommended max_length: ${data.recommendedLength}: a tenth more ` +
    "than the longest chunk seen, unless all take the same. An answer that is cut off does not decode.";
}

function drawSpectrum() {
  const values = data.spectrum.flat().filter((value) => value > 0).map(Math.log10);
  if (!values.length) {
    at("spectrum").textContent = "All of it is zero: nothing moves.";
    return;
  }
  const high = values.reduce((a, b) => Math.max(a, b));
  const low = Math.max(values.reduce((a, b) => Math.min(a, b)), high - 5);
  const part = (value) => (value > 0 ? Math.max(0, (Math.log10(value) - low) / (high - low || 1)) : 0);
  heatMap(at("spectrum"), data.dimensions,
    data.dimensions.map((_, d) => data.spectrum.map((row) => part(row[d]))),
    (d, k) => `${data.dimensions[d]}, frequency ${k}: ${show(data.spectrum[k][d])}`,
    ["mean of the chunk", "highest frequency"]);
  const svg = canvas(at("spectrum"), 1000, 40);
  for (let step = 0; step < 100; step++) {
    const value = 10 ** (low + ((high - low) * step) / 99);
    const below = data.threshold !== null && value < data.threshold;
    const swatch = element(svg, "rect", { x: 120 + step * 4, y: 6, width: 4, height: 14, fill: colour(step / 99) });
    if (below) element(svg, "rect", { x: 120 + step * 4, y: 21, width: 4, height: 3, fill: "currentColor" });
    tip(swatch, show(value));
  }
  element(svg, "text", { x: 110, y: 17, "text-anchor": "end" }, show(10 ** low));
  element(svg, "text", { x: 528, y: 17 }, show(10 ** high));
  if (data.threshold !== null)
    element(svg, "text", { x: 120, y: 36 }, `half a rounding step: ${show(data.threshold)}`);
}

function drawUsage() {
  const total = data.usage.reduce((sum, count) => sum + count, 0);
  const used = data.usage.filter((count) => count > 0);
  const bits = -used.reduce((sum, count) => sum + (count / total) * Math.log2(count / total), 0);
  at("usage-figures").textContent = `${used.length} of ${data.usage.length} tokens were written, ` +
    `${data.usage.length - used.length} never (dead on this data). Entropy ${show(bits)} bits a token, of ` +
    `${show(Math.log2(data.usage.length))} that the vocabulary could carry.`;
  const svg = canvas(at("usage"), 1000, 200);
  const top = Math.log10(used[0]) || 1, last = Math.log10(data.usage.length) || 1;
  const point = (count, place) => [20 + (960 * Math.log10(place + 1)) / last, 170 - (150 * Math.log10(count)) / top];
  element(svg, "line", { class: "axis", x1: 20, x2: 980, y1: 170, y2: 170 });
  element(svg, "path", { class: "here", d: path(used.map(point)) });
  element(svg, "text", { x: 20, y: 14 }, `${used[0]} times`);
  element(svg, "text", { x: 20, y: 188 }, "most frequent token");
  element(svg, "text", { x: 980, y: 188, "text-anchor": "end" }, `${data.usage.length}th`);
  tip(svg, (event) => {
    const box = svg.getBoundingClientRect();
    const rank = 10 ** ((((event.clientX - box.left) / box.width) * 1000 - 20) / 960 * last);
    const place = Math.max(0, Math.min(data.usage.length - 1, Math.round(rank) - 1));
    return `token of rank ${place + 1}: ${data.usage[place]} times`;
  });
}

function drawWrong() {
  if (data.wrong === null) {
    at("wrong").textContent = "There is no other token to try.";
    return;
  }
  const { place, noticed, typical, bad } = data.wrong;
  const svg = canvas(at("wrong"), 1000, 220), most = Math.max(1e-12, ...bad);
  const x = (part) => 40 + 900 * part;
  element(svg, "line", { class: "axis", x1: 40, x2: 940, y1: 190, y2: 190 });
  const lines = [["here", typical, most, "median"], ["other", bad, most, "worst tenth"], ["truth dashed", noticed, 1, "refused"]];
  for (const [kind, values, top, label] of lines) {
    const y = (value) => 190 - (165 * value) / top;
    element(svg, "path", { class: kind, d: path(values.map((value, i) => [x(place[i]), y(value)])) });
    element(svg, "text", { x: x(place.at(-1)) + 8, y: y(values.at(-1)) + 4 }, label);
  }
  element(svg, "text", { x: 4, y: 22 }, show(most));
  element(svg, "text", { x: 40, y: 208 }, "first tokens");
  element(svg, "text", { x: 940, y: 208, "text-anchor": "end" }, "last tokens");
  tip(svg, (event) => {
    const box = svg.getBoundingClientRect();
    const part = (((event.clientX - box.left) / box.width) * 1000 - 40) / 900;
    const i = Math.max(0, Math.min(place.length - 1, Math.floor(part * place.length)));
    return `error ${show(typical[i])}, worst tenth ${show(bad[i])}, refused ${percent(noticed[i])}`;
  });
}

function drawTables() {
  table(at("set-table"), ["chunks", "tried", "tokens", "p99", "longest", "RMSE", "worst chunk", "clipped", "refused"],
    data.sets.map((set) => (set.chunks
      ? [set.label, set.chunks, show(set.mean), show(set.p99), set.max, show(set.rmse), show(set.worst), set.clipped,
        set.refused]
      : [set.label, 0, "–", "–", "–", "–", "–", "–", set.refused])));
  table(at("compare-table"), ["tokenizer", "tokens", "longest", "RMSE", "largest error", "clipped", "refused"],
    data.compared.map((one) => [one.name, show(one.tokens), one.longest, show(one.rmse), show(one.largest),
      one.clipped, one.refused]));
  at("record").textContent = data.record === null ? "No record of a training." : JSON.stringify(data.record, null, 2);
}

for (const sample of data.samples) {
  const button = element(at("choose-sample"), "button", {}, sample.label);
  button.addEventListener("click", () => drawSample(sample));
}
drawHead();
drawSample(data.samples[0]);
drawErrors();
drawLengths();
drawSpectrum();
drawUsage();
drawWrong();
drawTables();
document.body.dataset.drawn = "all";
