// Numbers and times as a reader wants them: three figures, a unit, aligned by the style sheet.

const NONE = "\u2013";
const grouped = new Intl.NumberFormat("en");

const count = (n) => (n === null || n === undefined || n < 0 ? NONE : grouped.format(n));

// Nanoseconds.
function duration(ns) {
  if (ns === null || ns === undefined) return NONE;
  if (ns === 0) return "0";
  if (ns < 0) return `\u2212${duration(-ns)}`;
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 999500) return `${figures(ns / 1e3)} \u00b5s`;
  if (ns < 999.5e6) return `${figures(ns / 1e6)} ms`;
  if (ns < 59.95e9) return `${figures(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  const two = (n) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  return `${grouped.format(Math.floor(seconds / 3600))} h ${two(Math.floor(seconds / 60) % 60)} m`;
}

const figures = (n) => (n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : n.toFixed(0));

// US dollars.
function cost(usd) {
  if (usd === null || usd === undefined) return NONE;
  const size = Math.abs(usd), sign = usd < 0 ? "\u2212" : "";
  if (size === 0) return "$0";
  if (size < 0.0001) return `${sign}$${size.toFixed(6)}`;
  return `${sign}$${size < 1 ? size.toFixed(4) : size.toFixed(2)}`;
}

const signed = (n, show) => (n === null || n === undefined || Number.isNaN(n) ? NONE : n > 0 ? `+${show(n)}` : n === 0 ? "0" : show(n));

const signedCount = (n) => signed(n, (m) => (m < 0 ? `\u2212${grouped.format(-m)}` : grouped.format(m)));

// Nanoseconds since the epoch, as text (they exceed what a number holds), in the reader's time zone.
function clock(text) {
  const at = new Date(Number(BigInt(text) / 1000000n));
  if (Number.isNaN(at.getTime())) return { date: "", time: text };
  const two = (n) => String(n).padStart(2, "0");
  return {
    date: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}

const KINDS = ["generate", "round", "model", "tool", "runtime", "custom"];
const kindClass = (kind) => `k-${KINDS.includes(kind) ? kind : "custom"}`;
const kindMark = (kind) => el("span", { class: `kind ${kindClass(kind)}`, title: kind, "aria-hidden": "true" },
  { generate: "G", round: "R", model: "M", tool: "T", runtime: "W", custom: "C" }[kind] || "?");

// JSON within a text is shown as JSON; what is none stays as it is.
function pretty(value) {
  let found = value;
  if (typeof value === "string") {
    try { found = JSON.parse(value); } catch { return value; }
    if (found === null || typeof found !== "object") return value;
  }
  return found === undefined ? "" : JSON.stringify(found, null, 2);
}

const parsed = (value) => {
  if (typeof value !== "string") return value;
  try { return JSON.parse(value); } catch { return undefined; }
};

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const asText = (value) => (typeof value === "string" ? value : pretty(value));
const some = (n, one, many) => `${count(n)} ${n === 1 ? one : many || `${one}s`}`;
