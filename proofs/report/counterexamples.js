// The counterexamples: one of them is shown, and all of the page is drawn.

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
