// One counterexample: its run, effect by effect, with the board's files before and after each.

const BEFORE_ALL = -1;
const ROW = 22;
const palette = new Map(); // of the scheme that is on; asking the browser each time is slow
const colour = (name) => {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return palette.get(name);
};
const agentColour = (agent) => colour(`--agent-${agent % 8}`);

function atMost(sorted, value, of = (item) => item) { // how many of these are at most this
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(sorted[middle]) <= value) low = middle + 1; else high = middle;
  }
  return low;
}

class Run {
  // What is known of a run, looked up by the number of an effect.
  constructor(told) {
    this.told = told;
    this.agents = told.agents;
    this.size = told.steps.agent.length;
    this.errors = new Map(told.errors);
    this.faults = new Map(told.faults);
    this.waits = new Set(told.waits);
    this.preempted = new Set(told.preempted);
    this.clock = new Map(told.clock);
    this.changes = grouped(told.files, (change) => change[0]);
    this.versions = grouped(told.files, (change) => change[1]);
    this.paths = [...this.versions.keys()].sort();
    this.locks = [...new Set(told.locks.map((lock) => lock[1]))];
    this.matter = told.matter === null ? null : new Set(told.matter);
    this.own = told.agents.map(() => []);
    told.steps.agent.forEach((agent, number) => this.own[agent].push(number));
    this.asked = told.agents.map(() => []);
    for (const operation of told.operations) this.asked[operation[0]].push(operation);
    this.begins = grouped(told.operations, (operation) => `${operation[0]} ${operation[1]}`);
    this.ends = grouped(told.operations, (operation) => this.lastOf(operation));
    const clocks = told.clock.map((one) => one[0]).filter((number) => number >= 0);
    this.marks = [...new Set([...told.preempted, ...this.faults.keys(), ...this.changes.keys(), ...this.ends.keys(),
      ...clocks, ...told.crashes.map((crash) => crash[0]), ...(told.matter || [])])].filter((number) => number >= 0 && number < this.size).sort((a, b) => a - b);
  }

  lastOf([agent, from, until]) { // the last effect of its agent before the answer
    const own = this.own[agent], number = own[atMost(own, until - 1) - 1];
    return number === undefined || number < from ? from : number;
  }

  label(number) { return this.told.labels[this.told.steps.label[number]]; }
  agent(number) { return this.told.steps.agent[number]; }

  ending(number) {
    const found = [];
    if (this.waits.has(number)) found.push("must wait");
    if (this.errors.has(number)) found.push(this.errors.get(number));
    if (this.faults.has(number)) found.push(`fault ${this.faults.get(number)}`);
    return found.length ? ` (${found.join(", ")})` : "";
  }

  call(number) {
    const label = this.label(number);
    if (!label.startsWith("call ")) return null;
    const begun = this.begins.get(`${this.agent(number)} ${number}`);
    return begun ? begun[0][3] : `${label.slice(5)}(…`;
  }

  text(path, number) { // what a file holds after this effect; null where there is none
    const versions = this.versions.get(path) || [], at = atMost(versions, number, (version) => version[0]);
    return at && versions[at - 1][2] !== null ? this.told.texts[versions[at - 1][2]] : null;
  }

  operationAt(agent, number) {
    const own = this.asked[agent], last = own[atMost(own, number, (one) => one[1]) - 1];
    return last && this.lastOf(last) >= number ? last : undefined;
  }

  next(agent, number) {
    const own = this.own[agent];
    return own[atMost(own, number)];
  }

  timeAt(number) {
    const at = atMost(this.told.clock, number, (one) => one[0]);
    return at ? this.told.clock[at - 1][1] : 0;
  }
}

function seconds(value) {
  if (Math.abs(value) < 1) return `${(value * 1000).toFixed(value % 0.001 ? 3 : 0)} ms`;
  return `${Number(value.toFixed(3)).toLocaleString("en")} s`;
}

class Viewer {
  constructor(told) {
    this.run = new Run(told);
    this.at = Math.max(0, this.run.marks.length ? this.firstAt() : 0);
    this.scale = this.run.size > 400 ? 12 : 0; // pixels an effect takes; 0: all of it fits
    this.left = 0; // the first effect that is drawn
    this.canvas = el("canvas", { class: "lanes", role: "img" });
    this.now = el("div", { class: "now", role: "status", "aria-live": "polite" });
    this.files = el("div", { "aria-label": "files of the board", role: "region" });
    this.opened = new Map();
    this.list = new EffectList(this);
    this.buttons = {};
    this.element = el("div", { class: "viewer" }, this.bar(), this.now, this.canvas, this.legend(),
      el("div", { class: "split" }, el("div", {}, el("h3", {}, "Effects"), this.list.element),
        el("div", {}, el("h3", {}, "The board's files"), this.files)));
    this.listen();
  }

  firstAt() { return this.run.told.preempted.length ? this.run.told.preempted[0] : 0; }

  bar() {
    const button = (name, text, label, act) => (this.buttons[name] = el("button", { type: "button", "aria-label": label, title: label, onclick: act }, text));
    this.slider = el("input", { type: "range", min: "0", max: String(Math.max(0, this.run.size - 1)), "aria-label": "effect",
      oninput: () => this.go(Number(this.slider.value)) });
    return el("div", { class: "bar" },
      button("first", "|←", "first effect (Home)", () => this.go(0)),
      button("mark-back", "«", "back to what matters (Shift ←)", () => this.go(this.mark(-1))),
      button("back", "← back", "one effect back (←)", () => this.go(this.at - 1)),
      button("on", "on →", "one effect on (→)", () => this.go(this.at + 1)),
      button("mark-on", "»", "on to what matters (Shift →)", () => this.go(this.mark(1))),
      button("last", "→|", "last effect (End)", () => this.go(this.run.size - 1)),
      this.slider,
      button("out", "−", "smaller", () => this.zoom(0.5)),
      button("in", "+", "larger", () => this.zoom(2)),
      button("fit", "fit", "all of it", () => { this.scale = 0; this.draw(); }));
  }

  legend() {
    const run = this.run, shown = [el("span", {}, "bar: an operation; tick: an effect, tall where it changes a file")];
    if (run.told.preempted.length) shown.push(el("span", { class: "stop" }, "▼ stopped, and could have gone on"));
    if (run.told.locks.length) shown.push(el("span", { class: "lock" }, "▬ holds a lock"));
    if (run.faults.size) shown.push(el("span", { class: "strike" }, "◆ fault"));
    if (run.told.crashes.length) shown.push(el("span", { class: "crash" }, "┃ all ends; what is left of the files follows"));
    if (run.told.clock.length > 1) shown.push(el("span", { class: "time" }, "┆ time moves"));
    return el("div", { class: "legend" }, shown, el("span", {}, el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " step, with ", el("kbd", {}, "Shift"), " to what matters"));
  }

  listen() {
    const seek = (event) => this.go(Math.floor(this.effectAt(event.offsetX)));
    this.canvas.addEventListener("pointerdown", (event) => { this.canvas.setPointerCapture(event.pointerId); seek(event); });
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });
    this.canvas.addEventListener("wheel", (event) => {
      if (!event.deltaX && !event.ctrlKey) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(event.deltaY < 0 ? 1.25 : 0.8);
      else { this.left += event.deltaX / this.pixels(); this.draw(); }
    }, { passive: false });
    this.resizing = new ResizeObserver(() => { this.draw(); this.list.draw(); });
    this.resizing.observe(this.canvas);
  }

  close() { this.resizing.disconnect(); }

  mark(way) {
    const marks = this.run.marks;
    if (way > 0) return marks[atMost(marks, this.at)] ?? this.run.size - 1;
    return marks[atMost(marks, this.at - 1) - 1] ?? 0;
  }

  key(event) {
    const ways = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in ways) this.go(event.shiftKey ? this.mark(ways[event.key]) : this.at + ways[event.key]);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.run.size - 1);
    else return;
    event.preventDefault();
  }

  go(number) {
    this.at = Math.min(Math.max(0, number), Math.max(0, this.run.size - 1));
    this.slider.value = String(this.at);
    for (const [name, isOff] of [["first", !this.at], ["back", !this.at], ["mark-back", !this.at],
      ["on", this.at >= this.run.size - 1], ["last", this.at >= this.run.size - 1], ["mark-on", this.at >= this.run.size - 1]]) {
      this.buttons[name].setAttribute("aria-disabled", String(isOff));
    }
    this.follow();
    this.tell();
    this.draw();
    this.list.show(this.at);
    this.drawFiles();
  }

  zoom(by) {
    const middle = this.at + 0.5;
    this.scale = Math.min(90, Math.max(this.pixels() * by, this.fitting()));
    this.left = middle - this.room() / this.scale / 2;
    this.draw();
  }

  // Where things are on the canvas.

  gutter() { return Math.min(120, 20 + 7.5 * Math.max(...this.run.agents.map((name) => Math.min(name.length, 13)))); }
  room() { return Math.max(50, this.canvas.clientWidth - this.gutter() - 8); }
  fitting() { return this.room() / Math.max(1, this.run.size); }
  pixels() { return this.scale || Math.min(90, Math.max(this.fitting(), 0.001)); }
  x(number) { return this.gutter() + (number - this.left) * this.pixels(); }
  effectAt(x) { return this.left + (x - this.gutter()) / this.pixels(); }

  follow() { // keep what is current in sight
    const visible = this.room() / this.pixels();
    if (this.at < this.left + 1 || this.at > this.left + visible - 2) this.left = this.at - visible / 3;
  }

  // What is told of the current effect.

  tell() {
    const { run, at } = this;
    if (!run.size) { this.now.replaceChildren("This run has no effects."); return; }
    const agent = run.agent(at), call = run.call(at), operation = run.operationAt(agent, at);
    const name = el("b", {}, run.agents[agent]);
    name.style.color = agentColour(agent);
    const parts = [el("span", { class: "soft" }, `effect ${at} of 0 to ${run.size - 1}: `), name, " ", el("code", {}, call || run.label(at)), run.ending(at)];
    const more = [];
    if (operation && call === null) more.push(`within ${operation[3]}`);
    for (const ended of run.ends.get(at) || []) more.push(`${ended[3]} → ${ended[4]}`);
    if (run.preempted.has(at)) {
      const next = run.next(agent, at);
      more.push(`stopped here, before ${next === undefined ? "its end" : run.label(next)}: ${run.agents[run.agent(at + 1)]} goes on`);
    }
    if (run.clock.has(at)) more.push(`time moved to ${seconds(run.clock.get(at))} after the beginning`);
    const holders = run.told.locks.filter((lock) => lock[2] <= at && at < lock[3]).map((lock) => `${run.agents[lock[0]]} holds ${lock[1]}${lock[4] ? ` (${lock[4]})` : ""}`);
    this.now.replaceChildren(...parts, el("div", { class: "answer" }, [...more, ...holders].join(" · ")));
    this.canvas.setAttribute("aria-label", `timeline of ${count(run.size, "effect")} of ${count(run.agents.length, "agent")}; now at ${at}: ${run.agents[agent]} ${call || run.label(at)}`);
  }

  // The timeline.

  draw() {
    const { run, canvas } = this, lane = run.agents.length > 8 ? 40 : 62, top = 26;
    const [width, height] = [canvas.clientWidth, top + lane * run.agents.length + 8];
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const visible = this.room() / this.pixels();
    this.left = Math.max(0, Math.min(this.left, run.size - visible));
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `12px ${colour("--sans")}`;
    context.textBaseline = "middle";
    this.pen = { context, width, height, lane, top, from: Math.max(0, Math.floor(this.left)), until: Math.min(run.size, Math.ceil(this.left + visible)) };
    context.save();
    context.beginPath();
    context.rect(this.gutter(), 0, width - this.gutter(), height);
    context.clip();
    this.drawHere(); this.drawAxis(); this.drawOperations(); this.drawLocks(); this.drawTicks(); this.drawSwitches(); this.drawMoments();
    context.restore();
    run.agents.forEach((name, agent) => {
      context.fillStyle = agentColour(agent);
      context.font = `600 13px ${colour("--mono")}`;
      context.fillText(name.length > 13 ? `${name.slice(0, 12)}…` : name, 8, this.y(agent) + 12, this.gutter() - 12);
      context.fillStyle = colour("--line");
      context.fillRect(0, this.y(agent) - 5, width, 1);
    });
  }

  y(agent) { return this.pen.top + agent * this.pen.lane + 4; }

  drawHere() {
    const { context, height } = this.pen;
    context.fillStyle = colour("--here");
    context.fillRect(this.x(this.at), 0, Math.max(2, this.pixels()), height);
  }

  drawAxis() {
    const { context, from, until } = this.pen;
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5].find((one) => one * this.pixels() >= 46) || 2e5;
    context.fillStyle = colour("--soft");
    for (let number = Math.floor(from / step) * step; number <= until; number += step) {
      context.fillText(number.toLocaleString("en"), this.x(number) + 2, 12);
    }
  }

  drawOperations() {
    const { context, from, until } = this.pen, drawn = this.run.agents.map(() => -1e9);
    for (const one of this.run.told.operations) {
      const [agent, begun, , call, response, outcome] = one, last = this.run.lastOf(one);
      if (last < from || begun > until) continue;
      const [left, right, y] = [this.x(begun), this.x(last + 1), this.y(agent)];
      if (right < drawn[agent] + 0.8) continue;
      drawn[agent] = right;
      context.globalAlpha = 0.2;
      context.fillStyle = outcome === "unknown" ? colour("--warn") : agentColour(agent);
      context.beginPath();
      context.roundRect(left + 0.5, y, Math.max(1, right - left - 1), 22, 4);
      context.fill();
      context.globalAlpha = 1;
      const shownLeft = Math.max(left, this.gutter()) + 6, space = right - shownLeft - 6;
      if (space > 30) {
        context.fillStyle = colour("--ink");
        context.fillText(fitted(context, `${call} → ${response}`, space), shownLeft, y + 11.5);
      }
    }
  }

  drawTicks() {
    const { context, from, until } = this.pen, drawn = this.run.agents.map(() => -1e9);
    const wide = Math.max(1, Math.min(5, this.pixels() * 0.5));
    for (let number = from; number < until; number++) {
      const agent = this.run.agent(number), x = this.x(number) + this.pixels() / 2 - wide / 2;
      const isMark = this.run.changes.has(number) || this.run.faults.has(number) || this.run.errors.has(number);
      if (x < drawn[agent] + 0.8 && !isMark) continue;
      drawn[agent] = x;
      const changes = this.run.changes.has(number), y = this.y(agent) + 27;
      context.fillStyle = this.run.waits.has(number) ? colour("--warn") : this.run.errors.has(number) ? colour("--bad") : agentColour(agent);
      context.globalAlpha = changes || this.run.matter === null || this.run.matter.has(number) ? 1 : 0.4;
      context.fillRect(x, changes ? y - 3 : y, wide, changes ? 17 : 9);
      context.globalAlpha = 1;
    }
  }

  drawSwitches() {
    const { context, from, until } = this.pen, isDense = this.pixels() < 1.5;
    for (let number = Math.max(1, from); !isDense && number < until; number++) {
      const [before, after] = [this.run.agent(number - 1), this.run.agent(number)];
      if (before === after) continue;
      const isStop = this.run.preempted.has(number - 1), x = this.x(number);
      context.strokeStyle = isStop ? colour("--warn") : colour("--line");
      context.lineWidth = isStop ? 1.5 : 1;
      context.beginPath();
      context.moveTo(x, this.y(before) + 32);
      context.lineTo(x, this.y(after) + 32);
      context.stroke();
    }
    const stops = this.run.told.preempted, drawn = this.run.agents.map(() => -1e9);
    for (let at = atMost(stops, from - 2); at < stops.length && stops[at] < until; at++) {
      const agent = this.run.agent(stops[at]), x = this.x(stops[at] + 1), y = this.y(agent);
      if (x < drawn[agent] + 3) continue;
      drawn[agent] = x;
      this.shape(colour("--warn"), [x - 5, y - 3], [x + 5, y - 3], [x, y + 7]);
    }
    for (const [number] of this.run.told.faults) {
      const [x, y] = [this.x(number) + this.pixels() / 2, this.y(this.run.agent(number)) + 31];
      this.shape(colour("--fault"), [x, y - 8], [x + 6, y], [x, y + 8], [x - 6, y]);
    }
  }

  shape(fill, [x, y], ...others) {
    const { context } = this.pen;
    context.fillStyle = fill;
    context.beginPath();
    context.moveTo(x, y);
    for (const other of others) context.lineTo(...other);
    context.fill();
  }

  drawLocks() {
    const { context, from, until } = this.pen;
    const names = this.run.locks, drawn = new Map();
    for (const [agent, name, since, end, how] of this.run.told.locks) {
      if (end < from || since > until) continue;
      const [left, right, y] = [this.x(since), this.x(end + 1), this.y(agent) + 46], lane = `${agent} ${name}`;
      if (right < (drawn.get(lane) ?? -1e9) + 0.8) continue;
      drawn.set(lane, right);
      context.fillStyle = colour("--lock");
      context.globalAlpha = how ? 0.5 : 0.85;
      context.fillRect(left, y + 3 * (names.indexOf(name) % 3), Math.max(1, right - left), 4);
      context.globalAlpha = 1;
    }
  }

  drawMoments() {
    const { context, height } = this.pen;
    context.save();
    context.setLineDash([4, 4]);
    for (const [number, to] of this.run.told.clock) {
      if (number === BEFORE_ALL) continue;
      const by = to - this.run.timeAt(number - 1), x = this.x(number);
      context.strokeStyle = context.fillStyle = colour("--clock");
      context.beginPath(); context.moveTo(x, 20); context.lineTo(x, height); context.stroke();
      context.fillText(`${by < 0 ? "−" : "+"}${seconds(Math.abs(by))}`, x + 3, height - 8);
    }
    context.setLineDash([]);
    for (const [number] of this.run.told.crashes) {
      context.fillStyle = colour("--bad");
      context.fillRect(this.x(number) - 1.5, 0, 3, height);
    }
    context.restore();
  }

  // The files.

  drawFiles() {
    const { run, at } = this;
    if (!run.paths.length) {
      this.files.replaceChildren(el("p", { class: "soft" }, "What its files held was not written down."));
      return;
    }
    const changed = new Set((run.changes.get(at) || []).map((change) => change[1]));
    const cards = [];
    if (!changed.size) cards.push(el("p", { class: "soft" }, "This effect changes no file. The board holds:"));
    for (const path of run.paths.filter((one) => changed.has(one))) cards.push(pairOf(path, run.text(path, at - 1), run.text(path, at)));
    for (const path of run.paths.filter((one) => !changed.has(one))) {
      const text = run.text(path, at);
      if (text !== null) cards.push(this.card(path, text));
    }
    this.files.replaceChildren(...cards);
  }

  card(path, text) {
    if (text === "") return el("div", { class: "file" }, el("div", { class: "name" }, `${path} (empty)`));
    const isNamed = this.run.label(this.at).split(" ").some((word) => matches(word, path));
    const isOpen = this.opened.get(path) ?? (isNamed || (text.length < 700 && !text.startsWith("(binary")));
    const details = el("details", { class: "file", open: isOpen }, el("summary", { onclick: () => this.opened.set(path, !details.open) }, path),
      el("pre", {}, readable(text)));
    return details;
  }
}

function matches(pattern, path) { // a star stands for what chance made of a name
  const parts = pattern.split("*");
  if (parts.length === 1) return pattern === path;
  const inner = path.slice(parts[0].length, path.length - parts[parts.length - 1].length || undefined);
  return path.startsWith(parts[0]) && path.endsWith(parts[parts.length - 1]) && parts.slice(1, -1).every((part) => inner.includes(part));
}

function fitted(context, text, space) {
  if (context.measureText(text).width <= space) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= space) low = middle; else high = middle - 1;
  }
  return low > 2 ? `${text.slice(0, low)}…` : "";
}

// JSON on lines of its own, by its own text: a number that is parsed may not be the same any more.
function readable(text) {
  try { JSON.parse(text); } catch { return text; }
  if (text.includes("\n") || text.length > 20000) return text;
  let [out, depth, isString] = ["", 0, false];
  for (let at = 0; at < text.length; at++) {
    const one = text[at];
    if (isString) {
      out += one;
      if (one === "\\") out += text[++at];
      else if (one === '"') isString = false;
    } else if ("{[".includes(one) && !"}]".includes(text[at + 1])) out += `${one}\n${" ".repeat(++depth)}`;
    else if ("}]".includes(one) && !"{[".includes(text[at - 1])) out += `\n${" ".repeat(--depth)}${one}`;
    else if (one === ",") { out += `,\n${" ".repeat(depth)}`; while (text[at + 1] === " ") at++; }
    else { out += one; if (one === '"') isString = true; }
  }
  return out;
}

function pairOf(path, before, after) {
  const [old, next] = [lines(before), lines(after)], [kept, keptNext] = same(old, next);
  const side = (name, all, isKept, kind, text) => el("div", {}, el("div", { class: "what" }, name),
    text === null ? el("pre", { class: "soft" }, "not there") : text === "" ? el("pre", { class: "soft" }, "empty")
      : el("pre", {}, all.map((line, number) => el("span", { class: isKept.has(number) ? "line" : `line ${kind}` }, line))));
  const what = before === null ? " appears" : after === null ? " is gone" : " changes";
  return el("div", { class: "file changed" }, el("div", { class: "name" }, path + what),
    el("div", { class: "pair" }, side("before", old, kept, "minus", before), side("after", next, keptNext, "plus", after)));
}

const lines = (text) => (text === null || text === "" ? [] : readable(text).split("\n"));

function same(old, next) { // which lines of each are in the longest common part (Hunt and McIlroy)
  if (old.length * next.length > 250000) return [new Set(), new Set()];
  const longest = Array.from({ length: old.length + 1 }, () => new Uint16Array(next.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      longest[i][j] = old[i] === next[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const found = [new Set(), new Set()];
  for (let i = 0, j = 0; i < old.length && j < next.length;) {
    if (old[i] === next[j]) { found[0].add(i++); found[1].add(j++); }
    else if (longest[i + 1][j] >= longest[i][j + 1]) i++; else j++;
  }
  return found;
}

class EffectList {
  // All effects, a column for each agent; only the rows in sight are made.
  constructor(viewer) {
    this.viewer = viewer;
    this.rows = [];
    this.rowOf = new Map();
    const { run } = viewer;
    for (let number = 0; number < run.size; number++) {
      this.rowOf.set(number, this.rows.length);
      this.rows.push([number, "effect"]);
      for (const ended of run.ends.get(number) || []) this.rows.push([number, "answer", ended]);
      if (run.preempted.has(number)) this.rows.push([number, "stopped"]);
    }
    this.head = el("div", { class: "lanes-head", "aria-hidden": "true" });
    this.body = el("div", { class: "rows" });
    this.body.style.height = `${this.rows.length * ROW}px`;
    this.element = el("div", { class: "list", tabindex: "0", role: "listbox", "aria-label": "effects, in order",
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.head, this.body);
  }

  key(event) {
    const ways = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 };
    if (!(event.key in ways)) return;
    this.viewer.go(this.viewer.at + ways[event.key]);
    event.preventDefault();
  }

  show(number) {
    const row = this.rowOf.get(number) || 0, box = this.element;
    const [top, bottom] = [row * ROW, row * ROW + 3 * ROW];
    if (top < box.scrollTop + ROW || bottom > box.scrollTop + box.clientHeight - ROW) box.scrollTop = top - box.clientHeight / 3;
    this.draw();
  }

  draw() {
    const { run } = this.viewer, box = this.element, isNarrow = box.clientWidth < 190 * run.agents.length && box.clientWidth < 900;
    const grid = isNarrow ? "3.2rem 1fr" : `3.2rem repeat(${run.agents.length}, minmax(11rem, 1fr))`;
    const names = isNarrow ? [] : run.agents.map((name, agent) => { const made = el("span", {}, name); made.style.color = agentColour(agent); return made; });
    this.head.style.gridTemplateColumns = grid;
    this.head.replaceChildren(el("span"), ...names);
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5), last = Math.min(this.rows.length, first + Math.ceil(box.clientHeight / ROW) + 12);
    this.body.replaceChildren(...this.rows.slice(first, last).map((row, offset) => this.row(row, first + offset, grid, isNarrow)));
    const here = this.body.querySelector(".here");
    if (here) box.setAttribute("aria-activedescendant", here.id); else box.removeAttribute("aria-activedescendant");
  }

  row([number, kind, ended], place, grid, isNarrow) {
    const { run, at } = this.viewer, agent = run.agent(number), name = run.agents[agent];
    const next = kind === "stopped" ? run.next(agent, number) : null;
    const text = kind === "answer" ? `→ ${ended[4]}` : kind === "stopped" ? `~~ stopped before ${next === undefined ? "its end" : run.label(next)}`
      : run.call(number) || `  ${run.label(number)}${run.ending(number)}`;
    const cell = el("span", { class: kind === "stopped" ? "stopped" : run.faults.has(number) && kind === "effect" ? "struck" : null, title: text }, isNarrow ? `${name} ${text}` : text);
    if (!isNarrow) cell.style.gridColumn = String(agent + 2);
    if (kind === "answer" || (kind === "effect" && run.call(number))) cell.style.color = agentColour(agent);
    const isHere = number === at && kind === "effect";
    const isDim = kind === "effect" && !run.call(number) && run.matter !== null && !run.matter.has(number) && !run.changes.has(number) && !isHere;
    const made = el("div", { class: `row${isHere ? " here" : ""}${isDim ? " dim" : ""}`, role: "option", id: `row-${place}`, "aria-selected": String(isHere),
      "aria-label": `${name}: ${text}`, onclick: () => this.viewer.go(number) },
      el("span", { class: "n" }, kind === "effect" ? String(number) : ""), cell);
    made.style.gridTemplateColumns = grid;
    made.style.top = `${place * ROW}px`;
    return made;
  }
}

// The counterexamples.

let viewer = null;
const stage = el("div");

function drawCounterexamples() {
  const all = report.counterexamples, broken = all.filter((one) => one.verdict === "violated");
  if (!all.length) return el("p", { class: "soft" }, "None: no promise was seen broken within the bounds below.");
  const option = (one) => el("option", { value: String(all.indexOf(one)) }, `${one.invariant || "?"}  ${boardName(one)}${one.timeline ? "" : "  (not played)"}`);
  const group = (name, some) => (some.length ? el("optgroup", { label: name }, some.map(option)) : null);
  const choice = el("select", { id: "choice", onchange: () => showCounterexample(Number(choice.value)) },
    group("violated", broken), group("kept, and convicted as they must be or mended", all.filter((one) => !broken.includes(one))));
  return [
    el("p", {}, broken.length ? `${count(broken.length, "counterexample")} of what is violated` : "No promise was seen broken in this session.",
      all.length > broken.length ? `${broken.length ? "; " : " "}${count(all.length - broken.length, "kept one")} replayed.` : "."),
    el("div", { class: "bar" }, el("label", { for: "choice" }, "show"), choice), stage];
}

const boardName = (one) => {
  const [place, name] = (one.board || one.file).split(":");
  return name === "Board" ? place.replace(/\.py$/, "").split(/[./]/).pop() : name || place;
};

function showCounterexample(number, isFirst) {
  const one = report.counterexamples[number];
  document.getElementById("choice").value = String(number);
  if (viewer) viewer.close();
  viewer = one.timeline ? new Viewer(one.timeline) : null;
  const facts = [];
  if (one.preemptions !== undefined) facts.push(count(one.preemptions, "preemption"));
  facts.push(one.faults && one.faults.length ? one.faults.join("; ") : "no faults");
  if (one.gates) facts.push(`confirmed in ${one.gates.join(" and in ")}`);
  if (one.gate) facts.push(`shown in ${one.gate}${one.played_on !== one.board ? `, on ${one.played_on}` : ""}`);
  const isKept = one.verdict !== "violated";
  stage.replaceChildren(
    el("div", { class: `violation${isKept ? " kept" : ""}` },
      el("p", {}, chip(isKept ? "holds" : "violated", one.invariant || "?"), " ", el("b", {}, boardName(one)), `: ${one.promise || ""}`),
      el("p", {}, one.violation || "")),
    el("div", { class: "facts soft" }, facts.map((fact) => el("span", {}, fact))),
    el("p", {}, "Replay: ", el("code", {}, one.replay), " ", copier(one.replay)),
    ...(one.diverged ? [el("p", {}, chip("unknown", "another way"), ` ${one.diverged}`)] : []),
    ...(one.unplayed ? [el("p", {}, chip("unknown", "not played"), ` ${one.unplayed}`)] : []),
    ...(one.timeline ? [...one.timeline.found, ...one.timeline.cut].map((line) => el("p", { class: "soft" }, line)) : []),
    ...(viewer ? [viewer.element] : []),
    ...(one.picture ? [el("details", {}, el("summary", {}, "as text"), el("div", { class: "scroll" }, el("pre", { class: "picture" }, one.picture)))] : []),
    ...(!viewer && one.outcomes ? [el("pre", {}, one.outcomes.join("\n"))] : []));
  if (viewer) viewer.go(viewer.at);
  if (!isFirst) document.getElementById("counterexamples").scrollIntoView();
}

function copier(text) {
  const made = el("button", { type: "button", onclick: () => navigator.clipboard?.writeText(text).then(() => { made.textContent = "copied"; }) }, "copy");
  return made;
}

document.addEventListener("keydown", (event) => {
  if (!viewer || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, summary, .scroll")) return;
  viewer.key(event);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { palette.clear(); if (viewer) viewer.go(viewer.at); });

drawPage();
if (report.counterexamples.length) {
  const first = report.counterexamples.findIndex((one) => one.timeline);
  showCounterexample(Math.max(0, first), true);
}
