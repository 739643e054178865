// Compare: two traces laid over each other, and what differs in time, tokens, cost and results.

class CompareView {
  constructor(app, first, second) {
    Object.assign(this, { app, first, second, docs: [new Map(), new Map()] });
    this.element = el("section", { class: "view", css: { display: "contents" }, "aria-label": "Two traces compared" }, el("p", { class: "empty" }, "Reading\u2026"));
    this.ready = this.load();
  }

  async load() {
    try {
      const { source } = this.app;
      const [a, b] = await Promise.all([this.first, this.second].map((id) => source.trace(id, { digest: "1" })));
      this.trees = [new Tree(a), new Tree(b)];
      this.all = align(...this.trees);
      this.draw();
    } catch (error) {
      this.app.fail(error);
      fill(this.element, el("p", { class: "empty" }, "These traces cannot be compared."));
    }
  }

  draw() {
    const titles = [["", "Span"], ["num", "Time A"], ["num", "Time B"], ["num", "\u0394 time"], ["num wide-cell", "Tokens A"],
      ["num wide-cell", "Tokens B"], ["num wide-cell", "\u0394 tokens"], ["num wide-cell", "\u0394 cost"], ["wide-cell", "Result"]];
    this.rows = new Rows({
      label: "Spans of both traces", name: "versus", role: "treegrid",
      head: el("div", { class: "row", role: "row", "aria-rowindex": "1" }, titles.map(([name, text]) => headCell(name, text))),
      draw: (row, at) => this.drawRow(row, this.list[at]),
      onMove: (at) => this.select(this.list[at]),
    });
    this.only = el("input", { type: "checkbox", on: { change: () => this.show() } });
    this.sum = el("span", { class: "sum", role: "status" });
    this.below = el("div", { class: "diff", hidden: true, tabindex: "0", "aria-label": "Differences of the span" });
    fill(this.element,
      el("div", { class: "tools" }, el("h1", {}, "Two traces compared"), el("label", { class: "check" }, this.only, "Differences only"), this.sum, el("span", { class: "gap" }),
        button("Swap A and B", () => this.app.go(`/compare/${this.second}/${this.first}`))),
      el("div", { class: "pair" }, this.card("A", 0), this.card("B", 1)), this.rows.element, this.below);
    this.show();
  }

  card(letter, side) {
    const { info } = this.trees[side], other = this.trees[0].info;
    const { date, time } = clock(info.start), [name, text] = status(info);
    const change = (now, then, show) => (side && now !== null && then !== null && now !== then ? ` (${signed(now - then, show)})` : "");
    return el("div", {},
      el("h2", {}, `${letter}  `, el("a", { href: `#/trace/${info.id}` }, info.title || info.name)),
      el("div", { class: "facts" }, el("span", { class: `status ${name}` }, text),
        el("span", {}, el("b", {}, duration(info.duration)), change(info.duration, other.duration, duration)),
        el("span", {}, el("b", {}, count(info.input + info.output)), " tokens", change(info.input + info.output, other.input + other.output, (n) => signedCount(n).replace("+", ""))),
        el("span", {}, el("b", {}, cost(info.cost)), change(info.cost, other.cost, cost)),
        el("span", {}, el("b", {}, count(info.spans)), " spans"), el("span", { class: "wide" }, `${info.models.join(", ")}  ${date} ${time}`)));
  }

  show() {
    this.list = this.only.checked ? this.all.filter((row) => this.result(row) !== "same") : this.all;
    const differing = this.all.filter((row) => this.result(row) !== "same").length;
    this.sum.textContent = `${some(this.all.length, "span")}, ${count(differing)} with another result`;
    this.rows.set(this.list.length, -1);
    performance.mark("altar-compare");
  }

  result({ a, b }) {
    const [one, two] = this.trees;
    if (a < 0) return "only B";
    if (b < 0) return "only A";
    if (one.isMissing(a) || two.isMissing(b)) return one.isMissing(a) === two.isMissing(b) ? "same" : "differs";
    if (one.error(a) !== two.error(b)) return one.isError(a) && two.isError(b) ? "other error" : one.isError(a) ? "error in A" : "error in B";
    return one.columns.digest[a] === two.columns.digest[b] ? "same" : "differs";
  }

  drawRow(row, pair) {
    const { a, b, depth } = pair, [one, two] = this.trees;
    const tree = a >= 0 ? one : two, i = a >= 0 ? a : b, result = this.result(pair);
    const both = a >= 0 && b >= 0;
    const value = (of, at, read) => (at < 0 ? null : read(of, at));
    const time = (of, at) => of.duration(at), tokens = (of, at) => (of.tokens(at) < 0 ? null : of.tokens(at));
    const ta = value(one, a, time), tb = value(two, b, time), na = value(one, a, tokens), nb = value(two, b, tokens);
    const ca = value(one, a, (of, at) => of.cost(at)), cb = value(two, b, (of, at) => of.cost(at));
    const slower = both && tb > ta * 1.2 && tb - ta > 1e6;
    row.className = `row ${kindClass(tree.kind(i))}${both ? "" : " only"}${tree.isError(i) ? " is-error" : ""}`;
    row.setAttribute("aria-level", depth + 1);
    const other = both && one.name(a) !== two.name(b) ? ` / ${two.label(b)}` : "";
    fill(row,
      el("div", { class: "cell twig", role: "gridcell", css: { "--depth": Math.min(depth, 24) } }, kindMark(tree.kind(i)), el("span", { class: "label" }, tree.label(i) + other)),
      cell("num", duration(ta)), cell("num", duration(tb)), cell(`num ${slower ? "warn" : ""}`, both ? signed(tb - ta, duration) : NONE),
      cell("num dim wide-cell", count(na)), cell("num dim wide-cell", count(nb)), cell("num wide-cell", na === null || nb === null ? NONE : signedCount(nb - na)),
      cell("num wide-cell", ca === null || cb === null ? cost(ca ?? cb) : signed(cb - ca, cost)),
      cell(`wide-cell ${result === "same" ? "dim" : "warn"}`, result));
  }

  jump() {
    const from = this.rows.active, all = this.list.length;
    for (let n = 1; n <= all; n++) {
      const at = (from + n + all) % all;
      if (this.result(this.list[at]) !== "same") return this.rows.move(at);
    }
    announce("No difference");
  }

  async document(side, i) {
    const tree = this.trees[side];
    if (i < 0 || tree.isMissing(i)) return null;
    const kept = this.docs[side];
    if (!kept.has(i)) kept.set(i, (await this.app.source.spans(tree.info.id, [i]))[i]);
    return kept.get(i);
  }

  async select(pair) {
    this.chosen = pair;
    const docs = await Promise.all([this.document(0, pair.a), this.document(1, pair.b)]);
    if (pair !== this.chosen) return;
    const attributes = docs.map((doc) => (doc && isObject(doc.attributes) ? doc.attributes : {}));
    const shown = [];
    const names = { "gen_ai.tool.call.arguments": "Arguments", "gen_ai.tool.call.result": "Result", "gen_ai.output.messages": "Output messages" };
    const sides = (title, texts) => {
      if (texts[0] === "" && texts[1] === "") return;
      const found = lines(...texts);
      const part = (wanted) => el("pre", {}, found.filter(([how]) => how === "same" || how === wanted).map(([how, text]) => el("span", { class: how }, text || " ")));
      shown.push(el("h3", {}, `${title}${texts[0] === texts[1] ? " (same)" : ""}`), el("div", { class: "sides" }, part("cut"), part("add")));
    };
    sides("Error", docs.map((doc) => (doc && isObject(doc.error) ? `${doc.error.type}\n${doc.error.message}` : "")));
    for (const [name, title] of Object.entries(names)) {
      sides(title, attributes.map((one) => {
        if (one[name] === undefined) return "";
        const list = parsed(one[name]);
        return title === "Output messages" && Array.isArray(list) ? list.map(messageText).join("\n\n") : pretty(one[name]);
      }));
    }
    fill(this.below, shown.length ? shown : el("p", { class: "dim" }, "Neither side says what it was given or returned."));
    this.below.hidden = false;
    this.rows.measure();
  }

  key(event) {
    if (event.key === "e" && this.rows) { this.jump(); return true; }
    if (event.key !== "Escape") return false;
    this.app.go("/");
    return true;
  }

  refresh() {}
  focus() { this.rows?.element.focus(); }
  close() { this.rows?.close(); }
}
