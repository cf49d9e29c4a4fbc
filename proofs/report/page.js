"use strict";
// The page: what the proofs concluded. All that is shown becomes text, never markup.

const report = JSON.parse(document.getElementById("data").textContent);

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const CLASSES = { "harness fault": "fault", "not applicable": "na" };
const chip = (verdict, text) =>
  el("span", { class: `chip ${CLASSES[verdict] || verdict}` }, text || verdict);

function grouped(items, key) {
  const groups = new Map();
  for (const item of items) {
    const at = key(item);
    if (!groups.has(at)) groups.set(at, []);
    groups.get(at).push(item);
  }
  return groups;
}

function table(caption, columns, rows) {
  const body = el("tbody");
  const fill = (ordered) => body.replaceChildren(...ordered.map((row) =>
    el("tr", {}, columns.map((column, number) => {
      const value = column.show ? column.show(row) : row[column.key];
      const shown = typeof value === "number" ? value.toLocaleString("en") : value ?? "";
      const kind = column.number ? "number" : column.words ? "words" : null;
      return number === 0 ? el("th", { scope: "row" }, shown) : el("td", { class: kind }, shown);
    }))));
  const sorted = { column: null, down: false };
  const heads = columns.map((column) => {
    if (!column.sort) return el("th", { scope: "col", class: column.number ? "number" : null }, column.name);
    const head = el("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": "none" });
    head.append(el("button", {
      type: "button",
      onclick: () => {
        sorted.down = sorted.column === column ? !sorted.down : false;
        sorted.column = column;
        for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
        const by = [...rows].sort((a, b) => {
          const [x, y] = [column.sort(a) ?? Infinity, column.sort(b) ?? Infinity];
          return x < y ? -1 : x > y ? 1 : 0;
        });
        fill(sorted.down ? by.reverse() : by);
      },
    }, column.name, el("span", { "aria-hidden": "true" }, " ↕")));
    return head;
  });
  fill(rows);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body));
}

// The head: how it ended.

function overall() {
  const counts = grouped(report.proofs, (one) => one.verdict);
  const number = (verdict) => (counts.get(verdict) || []).length;
  const failed = report.tests.failed.length;
  if (number("violated")) return ["violated", `${count(number("violated"), "proof")} violated`];
  if (number("harness fault")) return ["fault", "a fault of the harness: it says nothing of the board"];
  if (number("unknown")) return ["unknown", `${count(number("unknown"), "proof")} could not judge`];
  if (failed) return ["fault", `${count(failed, "test")} failed`];
  if (report.night && report.night.verdict !== "holds") return [CLASSES[report.night.verdict] || report.night.verdict, `the night: ${report.night.verdict}`];
  if (!report.is_whole) return ["unknown", "the session did not come to its end"];
  if (!number("holds")) return ["na", "nothing was judged"];
  return ["holds", "all that was judged holds, each within its bound"];
}

function drawHead() {
  const [verdict, words] = overall();
  const counts = grouped(report.proofs, (one) => one.verdict);
  const tile = (name, label) => {
    const number = (counts.get(name) || []).length;
    if (!number && name !== "holds" && name !== "violated") return null;
    return el("div", { class: `tile ${number ? CLASSES[name] || name : ""}` },
      el("b", {}, number.toLocaleString("en")), label);
  };
  const executions = report.proofs.reduce((sum, one) => sum + (one.executions || 0), 0);
  const tests = report.tests.passed + report.tests.failed.length;
  document.getElementById("head").append(...[
    el("p", {}, chip(verdict, words)),
    report.is_whole ? null : el("p", {}, "The session ended before all was run: this is a part."),
    el("div", { class: "tiles" },
      tile("violated", "violated"), tile("harness fault", "faults of ours"), tile("unknown", "unknown"),
      tile("holds", "hold"), tile("not applicable", "not applicable"),
      el("div", { class: "tile" }, el("b", {}, executions.toLocaleString("en")), "executions"),
      tests ? el("div", { class: `tile ${report.tests.failed.length ? "fault" : ""}` },
        el("b", {}, report.tests.failed.length ? `${report.tests.failed.length} / ${tests}` : tests.toLocaleString("en")),
        report.tests.failed.length ? "other tests failed" : "other tests passed") : null)].filter((part) => part !== null));
}

// The night: what is new since the last one, and what each way of looking brought.

const STANDINGS = { new: "violated", still: "violated", known: "violated", gone: "holds", "not judged": "unknown" };
const SINCE = { new: "new since last night", still: "still there", known: "known", gone: "gone", "not judged": "not judged tonight" };
const AT_FAULT = { board: "the board", dependency: "a dependency", harness: "the harness" };

// Where there is no repository there is no commit to be named.
const named = (before, commit) => commit === "unknown" ? "" : before + commit;

function drawNight() {
  const { night } = report, { coverage, canary } = night;
  const numbers = Object.keys(SINCE).map((standing) => [standing, night.findings.filter((one) => one.standing === standing)]);
  return [
    el("p", {}, numbers.filter(([standing, some]) => some.length || standing === "new").flatMap(([standing, some]) =>
      [chip(some.length ? STANDINGS[standing] : "holds", `${some.length} ${SINCE[standing]}`), " "])),
    night.findings.length ? table("What was found; what seems to be one bug stands together", [
      { name: "", show: (one) => chip(STANDINGS[one.standing], one.standing) },
      { name: "what", words: true, show: (one) => (one.bug === one.name ? "" : "as it seems the same bug: ") + (one.why ? `${one.words} (${one.why})` : one.words) },
      { name: "at fault", show: (one) => AT_FAULT[one.at_fault] },
      { name: "times", number: true, show: (one) => one.count, sort: (one) => one.count },
      { name: "first seen", show: (one) => one.first_night ? `${one.first_night}${named(", ", one.first_commit)}` : "", sort: (one) => one.first_night },
      { name: "file", show: (one) => el("span", { class: "mono" }, one.path || one.name) },
    ], night.findings) : el("p", {}, "Nothing was found, and nothing is known."),
    el("p", {}, el("span", { class: "mono" }, night.board), `${named(" at commit ", night.commit)}, ${night.seconds.toFixed(0)} s for a budget of `
      + `${night.budget_seconds.toLocaleString("en")} s, processes: ${night.processes}, seed ${night.seed}. ${coverage.orders.toLocaleString("en")} distinct orders of conflicting effects tonight; `
      + `by all nights so far ${coverage.pairs_in_both_orders.toLocaleString("en")} of ${coverage.pairs.toLocaleString("en")} pairs of them in both orders.`),
    night.memory ? el("p", { class: "soft" }, `Peak memory ${(night.memory.bytes / 1e6).toFixed(0)} MB, of all its processes together, ${night.memory.processes} then.`) : null,
    canary ? el("p", {}, chip(canary.convicted ? "holds" : "unknown", canary.convicted ? "the canary was convicted" : "the canary was not convicted"),
      " ", el("span", { class: "mono" }, canary.board), `, of ${canary.invariant}${canary.convicted ? ` in ${canary.seconds.toFixed(1)} s` : ": the night cannot be trusted to find anything"}`) : null,
    drawPortfolio("What each way of looking brought", night.portfolio),
    night.replayed.length ? drawPortfolio("What was replayed first, counted apart", night.replayed) : null,
    Object.keys(night.not_applicable).length ? el("p", { class: "soft" }, "Not applicable: "
      + Object.entries(night.not_applicable).map(([name, why]) => `${name} (${why})`).join(", ")) : null,
  ].filter((part) => part !== null);
}

function drawPortfolio(caption, lines) {
  const numbers = [["turns", "turns"], ["executions", "executions"], ["new orders", "new_orders"], ["new pairs", "new_pairs"], ["violations", "violations"]];
  return table(caption, [
    { name: "member", show: (one) => one.member, sort: (one) => one.member },
    { name: "gate", key: "gate", sort: (one) => one.gate },
    ...numbers.map(([name, key]) => ({ name, number: true, key, sort: (one) => one[key] })),
    { name: "seconds", number: true, show: (one) => one.seconds.toFixed(1), sort: (one) => one.seconds },
  ], lines);
}

// What the proofs concluded.

function told(one) {
  return one.verdict === "holds" ? `holds (${one.extent})` : one.verdict;
}

const VERDICT_COLUMNS = [
  { name: "board", key: "board", sort: (one) => one.board },
  { name: "verdict", show: (one) => chip(one.verdict, told(one)), sort: (one) => told(one) },
  { name: "gate", key: "gate", sort: (one) => one.gate },
  { name: "invariants", show: (one) => one.invariants.join(" ") },
  { name: "within this bound", words: true, show: (one) => words(one.words) },
  { name: "executions", key: "executions", number: true, sort: (one) => one.executions },
  { name: "seconds", number: true, show: (one) => one.seconds.toFixed(1), sort: (one) => one.seconds },
];

function words(text) {
  const lines = text.split("\n");
  if (lines.length < 2) return text;
  return el("details", {}, el("summary", {}, lines[0]), el("pre", {}, lines.slice(1).join("\n")));
}

function drawVerdicts() {
  if (!report.proofs.length) return el("p", {}, "No proof concluded anything.");
  const chosen = { verdict: "", text: "" };
  const body = el("div");
  const fill = () => {
    const found = report.proofs.filter((one) => (!chosen.verdict || one.verdict === chosen.verdict)
      && `${one.proof} ${one.board} ${one.gate} ${one.invariants.join(" ")} ${one.words}`.toLowerCase().includes(chosen.text));
    const groups = [...grouped(found, (one) => one.proof)];
    body.replaceChildren(...groups.map(([name, ones]) => drawProof(name, ones, groups.length < 8 && ones.length < 8)));
    if (!groups.length) body.append(el("p", { class: "soft" }, "None is like that."));
  };
  const verdicts = [...grouped(report.proofs, (one) => one.verdict).keys()];
  const buttons = verdicts.map((verdict) => el("button", {
    type: "button", "aria-pressed": "false",
    onclick: (event) => {
      chosen.verdict = chosen.verdict === verdict ? "" : verdict;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.target && chosen.verdict !== ""));
      fill();
    },
  }, verdict));
  fill();
  return [el("div", { class: "bar" }, buttons, el("input", {
    type: "search", placeholder: "proof, board, words", "aria-label": "only those with",
    oninput: (event) => { chosen.text = event.target.value.toLowerCase(); fill(); },
  })), body];
}

function drawProof(name, ones, isOpen) {
  const counts = [...grouped(ones, told)].map(([text, some]) =>
    chip(some[0].verdict, some.length > 1 ? `${text} × ${some.length}` : text));
  const body = el("div");
  const group = el("details", {
    class: "group", open: isOpen || ones.some((one) => one.verdict !== "holds" && one.verdict !== "not applicable"),
    ontoggle: () => { if (group.open && !body.firstChild) body.append(table(name, VERDICT_COLUMNS, ones)); },
  }, el("summary", {}, el("span", { class: "mono" }, name), " ", counts.flatMap((one) => [one, " "]),
    ones.length === 1 ? el("div", { class: "soft within" }, ones[0].words.split("\n")[0]) : null), body);
  return group;
}

// Matrices: what came of each of many trials.

const MATRICES = {
  kills: "Kills: each agent was killed once before each effect, and the others went on",
  errors: "Errors: each happened at each effect of each operation, and this is what the caller was told",
  "power loss": "Power loss: the board was opened on what each model of a disk may leave",
};
const MATRICES_OF_A_NIGHT = {
  ...MATRICES,
  kills: "Kills: agents were killed at effects of these operations, whatever else went on, and the others went on",
  errors: "Errors: each happened at effects like these, whatever else went on, and this is what the caller was told",
};
const ENDS = { holds: "holds", ok: "ok", refused: "na", unknown: "unknown", violated: "violated" };

function drawMatrices() {
  const cells = report.proofs.flatMap((one) => (one.cells || []).map((cell) => ({ ...cell, verdict: one.verdict, proof: one.proof })));
  const found = [...grouped(cells, (cell) => cell.matrix)].map(([name, some]) => drawMatrix(name, some));
  const missing = Object.keys(MATRICES).filter((name) => !cells.some((cell) => cell.matrix === name));
  if (missing.length) found.push(el("p", { class: "soft" }, `Not in this session: ${missing.join(", ")}.`));
  return found;
}

function drawMatrix(name, cells) {
  const rows = [...new Set(cells.map((cell) => cell.row))], columns = [...new Set(cells.map((cell) => cell.column))];
  const at = grouped(cells, (cell) => JSON.stringify([cell.row, cell.column]));
  const said = el("div", { role: "status" });
  const broken = report.night ? [] : [...new Set(cells.filter((cell) => cell.verdict !== "holds").map((cell) => cell.proof))];
  const button = (row, column) => {
    const here = at.get(JSON.stringify([row, column]));
    if (!here) return el("td", { class: "soft" }, "–");
    const ends = [...grouped(here, (cell) => cell.end)].map(([end, some]) => [end, some.reduce((sum, cell) => sum + cell.count, 0)]);
    return el("td", {}, el("button", {
      type: "button", class: "cell", "aria-label": `${row}, ${column}: ${ends.map(([end, number]) => `${number} ${end}`).join(", ")}`,
      onclick: () => said.replaceChildren(el("div", { class: "said" }, el("b", {}, `${row} · ${column}`), el("ul", {},
        here.map((cell) => el("li", {}, `${cell.count.toLocaleString("en")} × `, chip(ENDS[cell.end] || "na", cell.end), " ", cell.words))))),
    }, ends.flatMap(([end, number]) => [chip(ENDS[end] || "na", `${number.toLocaleString("en")} ${end}`), " "])));
  };
  return el("div", {}, el("h3", {}, (report.night ? MATRICES_OF_A_NIGHT : MATRICES)[name] || name),
    broken.length ? el("p", {}, chip("unknown", "not whole"), ` ${broken.join(", ")} did not come to its end.`) : null,
    el("div", { class: "scroll matrix", tabindex: "0", role: "region", "aria-label": name }, el("table", {},
      el("thead", {}, el("tr", {}, el("td", {}), columns.map((column) => el("th", { scope: "col" }, column)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row", class: "mono" }, row), columns.map((column) => button(row, column))))))),
    said);
}

// How much was tried.

function drawCoverage() {
  const tried = report.proofs.filter((one) => one.bound && one.bound.executions_contended !== undefined);
  if (!tried.length) return el("p", { class: "soft" }, "No proof of this session drew or exhausted interleavings.");
  const sum = (key) => tried.reduce((total, one) => total + (one.bound[key] || 0), 0);
  const share = (one) => one.bound.executions ? one.bound.executions_contended / one.bound.executions : 0;
  const gauge = (one) => {
    const bar = el("i");
    bar.style.width = `${Math.round(100 * share(one))}%`;
    return [el("span", { class: "gauge", "aria-hidden": "true" }, bar), `${Math.round(100 * share(one))} %`];
  };
  return [
    el("p", {}, `${count(sum("executions"), "execution")} of ${count(sum("operations"), "operation")}; in `
      + `${sum("executions_contended").toLocaleString("en")} two agents met. Orders are those of conflicting effects, counted by each proof for itself.`),
    table("What was tried, by proof", [
      { name: "proof", show: (one) => el("span", { class: "mono" }, one.proof) },
      { name: "gate", key: "gate" },
      { name: "executions", number: true, show: (one) => one.bound.executions, sort: (one) => one.bound.executions },
      { name: "two agents met", show: gauge, sort: share },
      { name: "distinct orders", number: true, show: (one) => one.bound.distinct_orders, sort: (one) => one.bound.distinct_orders },
      { name: "preemptions, at most", number: true, show: (one) => one.bound.preemptions_max },
      { name: "operations", number: true, show: (one) => one.bound.operations },
      { name: "seconds", number: true, show: (one) => one.seconds.toFixed(1), sort: (one) => one.seconds },
    ], tried)];
}

// The boards with a planted bug.

function drawScoreboard() {
  const boards = report.proofs.filter((one) => one.extent === "convicted");
  if (!boards.length) return el("p", { class: "soft" }, "No broken board was put to the proof in this session.");
  const convicted = boards.filter((one) => one.verdict === "holds").length;
  return [
    el("p", {}, chip(convicted === boards.length ? "holds" : "violated", `${convicted} of ${boards.length} convicted`),
      " Each of these boards has one bug, and must be convicted of it. The seconds of some hold those of making it small."),
    table("Broken boards", [
      { name: "board", key: "board", sort: (one) => one.board },
      { name: "of", show: (one) => one.invariants.join(" "), sort: (one) => one.invariants.join(" ") },
      { name: "convicted", show: (one) => chip(one.verdict, one.verdict !== "holds" ? "not convicted" : one.proof.endsWith("minimised") ? "convicted, minimised" : "convicted"), sort: (one) => one.verdict },
      { name: "in", key: "gate", sort: (one) => one.gate },
      { name: "executions needed", number: true, show: (one) => one.bound.executions, sort: (one) => one.bound.executions },
      { name: "preemptions", number: true, show: preemptionsOf, sort: preemptionsOf },
      { name: "seconds", number: true, show: (one) => one.seconds.toFixed(2), sort: (one) => one.seconds },
      { name: "", show: opener },
    ], boards)];
}

const keptOf = (one) => report.counterexamples.findIndex((kept) => (kept.board || "").split(":")[0].split(".").pop() === one.board);

function preemptionsOf(one) {
  const kept = report.counterexamples[keptOf(one)];
  return one.bound.preemptions ?? (kept ? kept.preemptions : undefined);
}

function opener(one) {
  const number = keptOf(one);
  if (number < 0 || !report.counterexamples[number].timeline) return "";
  return el("button", { type: "button", "aria-label": `step through that of ${one.board}`, onclick: () => showCounterexample(number) }, "step through");
}

// What nobody can tell.

function drawNotJudged() {
  const found = [];
  for (const verdict of ["harness fault", "unknown"]) {
    for (const one of report.proofs.filter((some) => some.verdict === verdict)) {
      found.push(el("div", {}, el("p", {}, chip(verdict), " ", el("span", { class: "mono" }, one.proof), `, ${one.board} in ${one.gate}`), el("pre", {}, one.words)));
    }
  }
  const reasons = report.proofs.flatMap((one) => [
    ...Object.entries(one.not_applicable).map(([name, why]) => ({ name, why, board: one.board })),
    ...(one.verdict === "not applicable" && !Object.keys(one.not_applicable).length ? [{ name: one.proof, why: one.words, board: one.board }] : []),
  ]);
  if (reasons.length) {
    found.push(table("Not applicable: nothing could have broken these, so they are no pass", [
      { name: "why", show: (one) => one.why },
      { name: "what", show: (one) => one.names },
      { name: "boards", words: true, show: (one) => one.boards },
    ], [...grouped(reasons, (one) => one.why)].map(([why, some]) => ({
      why, names: [...new Set(some.map((one) => one.name))].sort().join(" "), boards: [...new Set(some.map((one) => one.board))].sort().join(", "),
    }))));
  }
  if (report.tests.failed.length) {
    found.push(el("h3", {}, "Tests that failed"), el("ul", {}, report.tests.failed.map((name) => el("li", { class: "mono" }, name))));
  }
  const skipped = [...grouped(report.tests.skipped, (one) => one.why)];
  if (skipped.length) {
    found.push(table("Tests that were not run", [
      { name: "why", show: (one) => one[0] },
      { name: "tests", words: true, show: (one) => one[1].length < 4 ? el("span", { class: "mono" }, one[1].map((some) => some.test).join(" "))
        : el("details", {}, el("summary", {}, count(one[1].length, "test")), el("pre", {}, one[1].map((some) => some.test).join("\n"))) },
    ], skipped));
  }
  return found.length ? found : el("p", {}, "Nothing: all that was asked was judged.");
}

function drawSurroundings() {
  const rows = Object.entries(report.environment).map(([name, value]) => ({ name, value }));
  if (report.seed !== null) rows.push({ name: "seed", value: `${report.seed}; the same again: ${report.night ? "--seed" : "--proofs-seed"} ${report.seed}` });
  return table("What this stands on", [{ name: "", key: "name" }, { name: "", key: "value" }], rows);
}

// All of it.

function drawPage() {
  drawHead();
  const sections = [
    ...(report.night ? [["night", "Tonight", drawNight]] : []),
    ["counterexamples", "Counterexamples", drawCounterexamples],
    ["verdicts", "Verdicts", drawVerdicts],
    ["matrices", "Matrices", drawMatrices],
    ["coverage", "Coverage", drawCoverage],
    ["scoreboard", "Broken boards", drawScoreboard],
    ["not-judged", "Not judged", drawNotJudged],
    ["surroundings", "Surroundings", drawSurroundings],
  ];
  const main = document.getElementById("main");
  main.before(el("nav", { class: "page", "aria-label": "sections" }, el("ul", {}, sections.map(([id, name]) =>
    el("li", {}, el("a", { href: `#${id}` }, name))))));
  for (const [id, name, draw] of sections) {
    const section = el("section", { id, "aria-labelledby": `${id}-name` }, el("h2", { id: `${id}-name` }, name));
    main.append(section);
    section.append(...[draw()].flat());
  }
}
