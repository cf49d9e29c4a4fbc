// The timeline: a lane for each agent, drawn on a canvas; only what is in sight is drawn.

const palette = new Map(); // colours of the scheme that is on; asking the browser each time is slow
const colour = (name) => {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return palette.get(name);
};
const agentColour = (agent) => colour(`--agent-${agent % 8}`);

class Lanes {
  constructor(viewer) {
    this.viewer = viewer;
    this.run = viewer.run;
    this.scale = this.run.size > 400 ? 12 : 0; // pixels an effect takes; 0: all of it fits
    this.left = 0; // the first effect that is drawn
    this.element = el("canvas", { class: "lanes", role: "img" });
    this.listen();
  }

  get at() { return this.viewer.at; }

  listen() {
    const seek = (event) => this.viewer.go(Math.floor(this.effectAt(event.offsetX)));
    this.element.addEventListener("pointerdown", (event) => { this.element.setPointerCapture(event.pointerId); seek(event); });
    this.element.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });
    this.element.addEventListener("wheel", (event) => {
      if (!event.deltaX && !event.ctrlKey) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(event.deltaY < 0 ? 1.25 : 0.8);
      else { this.left += event.deltaX / this.pixels(); this.draw(); }
    }, { passive: false });
    this.resizing = new ResizeObserver(() => { this.draw(); this.viewer.list.draw(); });
    this.resizing.observe(this.element);
  }

  close() { this.resizing.disconnect(); }

  zoom(by) {
    const middle = this.at + 0.5;
    this.scale = Math.min(90, Math.max(this.pixels() * by, this.fitting()));
    this.left = middle - this.room() / this.scale / 2;
    this.draw();
  }

  fit() {
    this.scale = 0;
    this.draw();
  }

  // Where things are on the canvas.

  gutter() { return Math.min(120, 20 + 7.5 * Math.max(...this.run.agents.map((name) => Math.min(name.length, 13)))); }
  room() { return Math.max(50, this.element.clientWidth - this.gutter() - 8); }
  fitting() { return this.room() / Math.max(1, this.run.size); }
  pixels() { return this.scale || Math.min(90, Math.max(this.fitting(), 0.001)); }
  x(number) { return this.gutter() + (number - this.left) * this.pixels(); }
  effectAt(x) { return this.left + (x - this.gutter()) / this.pixels(); }

  follow() { // keep what is current in sight
    const visible = this.room() / this.pixels();
    if (this.at < this.left + 1 || this.at > this.left + visible - 2) this.left = this.at - visible / 3;
  }

  // What is drawn.

  draw() {
    const { run, element: canvas } = this, lane = run.agents.length > 8 ? 40 : 62, top = 26;
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
