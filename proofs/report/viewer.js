// One counterexample: its run, effect by effect, and what is told of the current one.

class Viewer {
  constructor(told) {
    this.run = new Run(told);
    this.at = Math.max(0, this.run.marks.length ? this.firstAt() : 0);
    this.lanes = new Lanes(this);
    this.now = el("div", { class: "now", role: "status", "aria-live": "polite" });
    this.files = new BoardFiles(this.run);
    this.list = new EffectList(this);
    this.buttons = {};
    this.element = el("div", { class: "viewer" }, this.bar(), this.now, this.lanes.element, this.legend(),
      el("div", { class: "split" }, el("div", {}, el("h3", {}, "Effects"), this.list.element),
        el("div", {}, el("h3", {}, "The board's files"), this.files.element)));
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
      button("out", "−", "smaller", () => this.lanes.zoom(0.5)),
      button("in", "+", "larger", () => this.lanes.zoom(2)),
      button("fit", "fit", "all of it", () => this.lanes.fit()));
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

  close() { this.lanes.close(); }

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
    this.lanes.follow();
    this.tell();
    this.lanes.draw();
    this.list.show(this.at);
    this.files.show(this.at);
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
    this.lanes.element.setAttribute("aria-label", `timeline of ${count(run.size, "effect")} of ${count(run.agents.length, "agent")}; now at ${at}: ${run.agents[agent]} ${call || run.label(at)}`);
  }
}
