// All effects in order, a column for each agent; only the rows in sight are made.

const ROW = 22; // pixels, as the style says

class EffectList {
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
