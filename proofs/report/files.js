// The board's files after an effect; those that it changes stand there before and after.

class BoardFiles {
  constructor(run) {
    this.run = run;
    this.opened = new Map(); // what the reader opened and closed, by path
    this.element = el("div", { "aria-label": "files of the board", role: "region" });
  }

  show(at) {
    const { run } = this;
    if (!run.paths.length) {
      this.element.replaceChildren(el("p", { class: "soft" }, "What its files held was not written down."));
      return;
    }
    const changed = new Set((run.changes.get(at) || []).map((change) => change[1]));
    const cards = [];
    if (!changed.size) cards.push(el("p", { class: "soft" }, "This effect changes no file. The board holds:"));
    for (const path of run.paths.filter((one) => changed.has(one))) cards.push(pairOf(path, run.text(path, at - 1), run.text(path, at)));
    for (const path of run.paths.filter((one) => !changed.has(one))) {
      const text = run.text(path, at);
      if (text !== null) cards.push(this.card(path, text, at));
    }
    this.element.replaceChildren(...cards);
  }

  card(path, text, at) {
    if (text === "") return el("div", { class: "file" }, el("div", { class: "name" }, `${path} (empty)`));
    const isNamed = this.run.label(at).split(" ").some((word) => matches(word, path));
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
