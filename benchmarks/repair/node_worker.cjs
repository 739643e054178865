// The npm peer: texts come in as JSON lines, figures go out; timed here, in CPU seconds.
//
//     node node_worker.cjs FOLDER        (the folder holds node_modules/jsonrepair)
//
// {"texts": [...], "budget": s, "stop": s} -> one line per text {"seconds", "mark"}, twice over,
// as worker.py's growth does (with "judge", the mended text too the first time);
// {"read": text} -> {"text": mended} or {"error": message}.

"use strict";

const path = require("path");
const readline = require("readline");
const { jsonrepair } = require(path.resolve(process.argv[2], "node_modules", "jsonrepair"));

const BLOCK = 0.02;
const MOST_ROUNDS = 12;

function clock() {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1e6;
}

function once(text) {
  const start = clock();
  let mark = "";
  let mended;
  try {
    mended = jsonrepair(text);
  } catch (error) {
    mark = error instanceof RangeError ? "REC" : "E";
  }
  return { seconds: clock() - start, mark, mended };
}

function time(text, count) {
  const start = clock();
  for (let number = 0; number < count; number += 1) {
    try {
      jsonrepair(text);
    } catch {
      // refused; that took its time too
    }
  }
  return (clock() - start) / count;
}

function say(answer) {
  process.stdout.write(JSON.stringify(answer) + "\n");
}

function measure({ texts, budget, stop, judge }) {
  const best = [];
  const marks = [];
  for (const text of texts) {
    const { seconds, mark, mended } = once(text);
    best.push(seconds);
    marks.push(mark);
    say(judge ? { seconds, mark, mended } : { seconds, mark });
    if (seconds > stop) break;
  }
  const counts = best.map((s) => Math.max(1, Math.min(1e5, Math.floor(BLOCK / Math.max(s, 1e-6)))));
  let spent = 0;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (spent + best.reduce((sum, s) => sum + s, 0) >= budget) break;
    best.forEach((_, index) => {
      const seconds = time(texts[index], counts[index]);
      spent += seconds * counts[index];
      best[index] = Math.min(best[index], seconds);
    });
  }
  best.forEach((seconds, index) => say({ seconds, mark: marks[index], final: true }));
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const job = JSON.parse(line);
  if ("read" in job) {
    try {
      say({ text: jsonrepair(job.read) });
    } catch (error) {
      say({ error: String(error.message) });
    }
  } else {
    measure(job);
  }
  say({ done: true });
});
