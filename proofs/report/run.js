// A run of a counterexample, looked up by the number of an effect.

const BEFORE_ALL = -1; // the number of what was there before any effect

function atMost(sorted, value, of = (item) => item) { // how many of these are at most this
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(sorted[middle]) <= value) low = middle + 1; else high = middle;
  }
  return low;
}

class Run {
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
