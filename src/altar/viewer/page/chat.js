// Chat: a run as what was said, in order: messages, thinking, tool calls and what they returned.

const MOST_CHAT_SPANS = 2000;

// The spans a chat is made of: the run, its requests and tools, not those of runs inside it.
function chatSpans(tree, root) {
  const found = [], stack = [root];
  while (stack.length && found.length < MOST_CHAT_SPANS) {
    const i = stack.pop();
    const kind = tree.kind(i);
    if (!tree.isMissing(i) && (i === root || kind === "generate" || kind === "model" || kind === "tool")) found.push(i);
    if (kind === "generate" && i !== root) continue;
    const below = [...tree.children(i)];
    while (below.length) stack.push(below.pop());
  }
  return found.sort((a, b) => tree.start(a) - tree.start(b) || a - b);
}

// Two tellings of one message may differ in why it ended.
const sameness = (message) => JSON.stringify(isObject(message) ? [message.role, message.parts ?? message.content] : message);

class Transcript {
  constructor(tree, docs) {
    this.tree = tree;
    this.docs = docs;
    this.turns = []; // { role, parts, span, model }
    this.calls = new Map(); // call id -> its part
    this.said = []; // what the conversation holds so far, as JSON
  }

  attributes(i) {
    const doc = this.docs[i];
    return doc && isObject(doc.attributes) ? doc.attributes : {};
  }

  list(i, name) {
    const value = this.attributes(i)[name];
    if (value === undefined) return [];
    const found = parsed(value);
    return Array.isArray(found) ? found : [{ role: name.includes("output") ? "assistant" : "message", parts: [{ type: "text", content: asText(value), cut: true }] }];
  }

  system(i) {
    const value = this.attributes(i)["gen_ai.system_instructions"];
    if (value === undefined || this.turns.some((turn) => turn.role === "system")) return;
    const found = parsed(value);
    const parts = Array.isArray(found) ? found : [{ type: "text", content: asText(value) }];
    this.turns.push({ role: "system", parts: parts.map((part) => this.part(part)), span: i });
  }

  // Messages of which the first may have been said already; they stand in the
  // conversation from `altar.messages.offset` on, without one from its begin.
  say(messages, i) {
    const given = this.attributes(i)["altar.messages.offset"], offset = Number.isInteger(given) ? given : 0;
    let known = true;
    messages.forEach((message, at) => {
      const text = sameness(message);
      if (known && this.said[offset + at] === text) return;
      known = known && offset + at >= this.said.length;
      if (!known && this.said.includes(text)) return;
      this.push(message, i);
    });
  }

  push(message, i) {
    this.said.push(sameness(message));
    if (!isObject(message)) message = { role: "message", parts: [message] };
    const parts = Array.isArray(message.parts) ? message.parts : [{ type: "text", content: asText(message.content ?? message) }];
    const shown = parts.map((part) => this.part(part)).filter(Boolean);
    if (shown.length) this.turns.push({ role: String(message.role ?? "message"), parts: shown, span: i });
  }

  part(part) {
    if (!isObject(part)) return { type: "other", text: asText(part) };
    if (part.type === "text" || part.type === "reasoning") return { type: part.type, text: asText(part.content ?? ""), cut: part.cut };
    if (part.type === "tool_call") {
      const call = { type: "call", id: part.id, name: String(part.name ?? ""), args: part.arguments, span: -1 };
      if (part.id !== undefined) this.calls.set(part.id, call);
      return call;
    }
    if (part.type === "tool_call_response") {
      const answer = part.response ?? part.result, call = this.calls.get(part.id);
      if (!call) return { type: "result", text: asText(answer) };
      if (call.answer === undefined) call.answer = answer;
      return null;
    }
    return { type: "other", text: pretty(part) };
  }

  tool(i) {
    const given = this.attributes(i), id = given["gen_ai.tool.call.id"];
    let call = this.calls.get(id);
    if (!call || call.span >= 0) {
      call = { type: "call", id, name: this.tree.label(i), args: given["gen_ai.tool.call.arguments"], span: i };
      const last = this.turns.at(-1);
      if (last && last.role === "tools") last.parts.push(call);
      else this.turns.push({ role: "tools", parts: [call], span: i });
      if (id !== undefined) this.calls.set(id, call);
    }
    call.span = i;
    if (given["gen_ai.tool.call.result"] !== undefined) call.answer = given["gen_ai.tool.call.result"];
    const error = this.docs[i]?.error;
    if (isObject(error)) call.error = error;
  }

  read(root, spans) {
    this.system(root);
    if (this.tree.kind(root) !== "model") this.say(this.list(root, "gen_ai.input.messages"), root);
    let requests = 0;
    for (const i of spans) {
      const kind = this.tree.kind(i);
      if (kind === "model") {
        this.system(i);
        this.say(this.list(i, "gen_ai.input.messages"), i);
        const answer = this.list(i, "gen_ai.output.messages");
        for (const message of answer) this.push(message, i);
        if (!answer.length) this.turns.push({ role: "assistant", parts: [{ type: "none" }], span: i });
        requests += answer.length;
      } else if (kind === "tool") this.tool(i);
      else if (i !== root) this.turns.push({ role: "run", parts: [{ type: "run", text: this.tree.name(i) }], span: i });
    }
    if (this.tree.kind(root) === "model") return this.turns;
    for (const message of this.list(root, "gen_ai.output.messages")) {
      if (!(requests && this.said.includes(sameness(message)))) this.push(message, root);
    }
    return this.turns;
  }
}

function chatOf(tree, root, docs, spans, open) {
  const turns = new Transcript(tree, docs).read(root, spans);
  if (!turns.length) return [el("p", { class: "empty" }, "No message was recorded in this run: content may be switched off.")];
  const shown = turns.map((turn) => turnOf(tree, turn, open));
  if (spans.length >= MOST_CHAT_SPANS) shown.push(el("p", { class: "dim" }, `Only the first ${count(MOST_CHAT_SPANS)} spans are shown here.`));
  return shown;
}

const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool", tools: "Tools", run: "Run inside" };

function turnOf(tree, turn, open) {
  const i = turn.span, model = tree.kind(i) === "model" && turn.role === "assistant";
  const known = ["system", "user", "assistant"].includes(turn.role) ? turn.role : "";
  return el("article", { class: `turn ${known}`, "aria-label": ROLES[turn.role] || turn.role },
    el("header", {}, el("h3", {}, ROLES[turn.role] || turn.role),
      model ? [el("span", {}, tree.subject(i)), el("span", {}, duration(tree.duration(i))),
        tree.tokens(i) >= 0 ? el("span", {}, `${count(tree.columns.input[i])} in, ${count(tree.columns.output[i])} out`) : null,
        tree.cost(i) == null ? null : el("span", {}, cost(tree.cost(i))),
        tree.isError(i) ? el("span", { class: "bad" }, `error ${tree.error(i)}`) : null] : null,
      el("span", { class: "gap" }),
      model || turn.role === "run" ? button("Span", () => open(i), { class: "quiet", "aria-label": `Show the span ${tree.name(i)}` }) : null),
    el("div", { class: "parts" }, turn.parts.map((part) => partOf(tree, part, open))));
}

function partOf(tree, part, open) {
  switch (part.type) {
    case "text": return el("div", { class: "said" }, part.text, part.cut ? el("span", { class: "warn" }, " (cut)") : null);
    case "reasoning": return el("details", { class: "think", open: part.text.length < 600 }, el("summary", {}, "Thinking"), el("div", { class: "said" }, part.text));
    case "call": return callOf(tree, part, open);
    case "run": return el("div", { class: "said" }, part.text);
    case "none": return el("div", { class: "dim" }, "What the model said was not recorded.");
    default: return el("pre", { tabindex: "0", "aria-label": part.type === "result" ? "Tool result" : "Part" }, part.text);
  }
}

function callOf(tree, call, open) {
  const i = call.span;
  return el("section", { class: `call${call.error ? " failed" : ""}`, "aria-label": `Tool call ${call.name}` },
    el("header", {}, kindMark("tool"), el("b", {}, call.name),
      i >= 0 ? el("span", { class: "dim" }, duration(tree.duration(i))) : el("span", { class: "dim" }, "not run in this trace"),
      call.error ? el("span", { class: "bad" }, `error ${call.error.type ?? ""}`) : null,
      el("span", { class: "gap" }),
      i >= 0 ? button("Span", () => open(i), { class: "quiet", "aria-label": `Show the span of ${call.name}` }) : null),
    el("div", { class: "tag" }, "Arguments"), el("pre", { tabindex: "0", "aria-label": `Arguments of ${call.name}` }, pretty(call.args ?? {})),
    call.error ? el("div", { class: "tag bad" }, String(call.error.message ?? "")) : null,
    call.answer === undefined ? null : [el("div", { class: "tag" }, "Result"), el("pre", { tabindex: "0", "aria-label": `Result of ${call.name}` }, pretty(call.answer))]);
}
