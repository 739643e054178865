// Details of one span: what it was given, what it returned, what went wrong, all it carries.

const SHOWN_APART = new Set([
  "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.input.messages",
  "gen_ai.output.messages", "gen_ai.system_instructions",
]);

const block = (title, text, props) => [
  el("h3", {}, el("span", {}, title), copyButton(title.toLowerCase(), () => text)),
  el("pre", { tabindex: "0", "aria-label": title, ...props }, text),
];

const pairs = (entries, name = "") => el("dl", { class: `pairs ${name}` },
  entries.map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]));

function detailOf(tree, i, doc, act) {
  const error = doc && isObject(doc.error) ? doc.error : null;
  const attributes = doc && isObject(doc.attributes) ? doc.attributes : {};
  const facts = [
    ["Kind", tree.isMissing(i) ? "not in the file" : tree.kind(i)],
    ["Duration", tree.isMissing(i) ? "not ended" : duration(tree.duration(i))],
    ["Begins at", duration(tree.start(i))],
  ];
  if (tree.subject(i)) facts.push([tree.kind(i) === "tool" ? "Tool" : "Model", tree.subject(i)]);
  if (tree.tokens(i) >= 0) facts.push(["Tokens", `${count(tree.columns.input[i])} in, ${count(tree.columns.output[i])} out`]);
  if (tree.cost(i) !== null && tree.cost(i) !== undefined) facts.push(["Cost", cost(tree.cost(i))]);
  if (tree.remote.has(i)) facts.push(["Parent", "in another process"]);
  const rest = Object.entries(attributes).filter(([name]) => !SHOWN_APART.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const raw = doc ? JSON.stringify(doc, null, 2) : "";
  return [
    el("header", {}, kindMark(tree.isMissing(i) ? "custom" : tree.kind(i)), el("h2", {}, tree.name(i) || "(no name)"),
      button("Close", act.close, { class: "quiet", title: "Close (Esc)" })),
    pairs(facts),
    tree.isMissing(i) ? el("p", { class: "dim" }, tree.info.running
      ? "This span has not ended: the file holds only what happened inside it."
      : "This span is not in the file: it was dropped, or its program ended before it did.") : null,
    error ? el("div", { class: "failure", role: "group", "aria-label": "Error" }, el("b", {}, String(error.type ?? "error")), el("div", {}, String(error.message ?? ""))) : null,
    tree.kind(i) === "generate" ? el("p", {}, button("Show as a chat", act.chat)) : null,
    "gen_ai.tool.call.arguments" in attributes ? block("Arguments", pretty(attributes["gen_ai.tool.call.arguments"])) : null,
    "gen_ai.tool.call.result" in attributes ? block("Result", pretty(attributes["gen_ai.tool.call.result"])) : null,
    messagesBlock("System instructions", attributes["gen_ai.system_instructions"]),
    messagesBlock("Input messages", attributes["gen_ai.input.messages"]),
    messagesBlock("Output messages", attributes["gen_ai.output.messages"]),
    eventsOf(tree, doc),
    rest.length ? [el("h3", {}, el("span", {}, "Attributes")), pairs(rest.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]), "mono")] : null,
    doc ? el("details", { class: "raw" }, el("summary", {}, "Raw JSON"), block("Raw span", raw)) : null,
    doc === null ? el("p", { class: "warn" }, "The file does not hold this span any more.") : null,
  ];
}

function messagesBlock(title, value) {
  if (value === undefined) return null;
  const list = parsed(value), text = Array.isArray(list) ? list.map(messageText).join("\n\n") : pretty(value);
  return block(title, text);
}

function messageText(message) {
  if (!isObject(message)) return asText(message);
  if (!Array.isArray(message.parts)) return typeof message.content === "string" ? message.content : pretty(message);
  return `${message.role ?? ""}\n${message.parts.map(partText).join("\n")}`;
}

function partText(part) {
  if (!isObject(part)) return asText(part);
  if (part.type === "tool_call") return `calls ${part.name} ${asText(part.arguments)}`;
  if (part.type === "tool_call_response") return `result ${asText(part.response ?? part.result)}`;
  return typeof part.content === "string" ? part.content : pretty(part);
}

function eventsOf(tree, doc) {
  const events = doc && Array.isArray(doc.events) ? doc.events.filter(isObject) : [];
  if (!events.length) return null;
  return [el("h3", {}, el("span", {}, "Events")), pairs(events.map((event) => {
    const facts = isObject(event.attributes) ? Object.entries(event.attributes).map(([name, value]) => `${name} ${asText(value)}`).join(", ") : "";
    return [`${event.name} ${offset(tree, event.time)}`, facts || NONE];
  }))];
}

// Times exceed what a number holds exactly; the microseconds they lose are not shown.
function offset(tree, time) {
  return Number.isFinite(time) ? `at ${duration(Math.max(0, time - Number(tree.base)))}` : "";
}
