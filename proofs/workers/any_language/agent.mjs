// Counts the words of one task after another until there is none.
// Give it SWARM_STORAGE and SWARM_AGENT, and the types that it can handle as arguments.
import { spawnSync } from "node:child_process";

const types = process.argv.slice(2).flatMap((type) => ["--type", type]);

function swarm(...args) {
  const done = spawnSync("swarm", ["--json", ...args], { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (done.error) throw done.error;
  if (![0, 1, 3].includes(done.status)) {
    const last = done.stderr.trimEnd().split("\n").at(-1); // warnings come before the error
    throw new Error(JSON.parse(last).error);
  }
  return done;
}

for (;;) {
  const claimed = swarm("claim", ...types);
  if (claimed.status !== 0) break; // nothing to claim
  const task = JSON.parse(claimed.stdout);

  const words = task.description.split(/\s+/).filter(Boolean).length;
  const result = JSON.stringify({ words, by: process.env.SWARM_AGENT });
  const done = swarm("complete", task.task_id, "--token", `${task.token}`, "--result", result);
  if (done.status === 3) console.error(`${task.task_id} is another agent's by now`);
}
