// One trace: its facts, and its spans as a waterfall, a chat or tables.

class TraceView {
  constructor(app, id, tab, span) {
    Object.assign(this, { app, id, tab: tab || "waterfall", selected: -1, found: new Set(), wanted: span });
    this.docs = new Map();
    this.element = el("section", { class: "view", css: { display: "contents" }, "aria-label": "Trace" }, el("p", { class: "empty" }, "Reading\u2026"));
    this.detail = el("aside", { class: "detail", "aria-label": "Details of the span", tabindex: "-1", on: { keydown: (event) => this.leaveDetail(event) } });
    this.showDetail = later(40, () => this.fillDetail());
    this.ready = this.load();
  }

  async load() {
    try {
      this.tree = new Tree(await this.app.source.trace(this.id));
      this.draw();
    } catch (error) {
      if (this.app.state.reading) return; // it may stand further down in the file
      this.app.fail(error);
      fill(this.element, el("p", { class: "empty" }, "This trace cannot be shown."));
    }
  }

  draw() {
    this.bar = el("div", { class: "tools" });
    this.crumb = el("div", { class: "crumb" });
    this.left = el("div", { class: "left" });
    this.split = el("div", { class: "split" }, this.left);
    fill(this.element, this.crumb, this.bar, this.split);
    this.fall = new Waterfall(this);
    this.drawFacts();
    this.drawBar();
    this.show(this.tab);
    const wanted = Number(this.wanted);
    if (this.wanted !== undefined && wanted < this.tree.count) { this.fall.reveal(wanted); this.openDetail(false); }
    performance.mark("altar-trace");
  }

  drawFacts() {
    const { info } = this.tree, [name, text] = status(info);
    const { date, time } = clock(info.start);
    const fact = (value, what) => el("span", {}, el("b", {}, value), what ? ` ${what}` : "");
    fill(this.crumb, el("h1", { title: info.title }, info.title || info.name),
      el("div", { class: "facts" }, info.title && info.title !== info.name ? el("span", { class: "name" }, info.name) : null, el("span", { class: `status ${name}` }, text), fact(duration(info.duration)), fact(count(info.spans), info.spans === 1 ? "span" : "spans"),
        info.input || info.output ? fact(count(info.input), "in") : null, info.input || info.output ? fact(count(info.output), "out") : null,
        info.cost === null ? null : fact(cost(info.cost)), el("span", {}, `${date} ${time}`), el("span", { class: "mono wide" }, info.id)));
  }

  drawBar() {
    const { source } = this.app;
    this.search = el("input", { type: "search", placeholder: "Find in this trace  ( / )", "aria-label": "Find in this trace", maxlength: "300",
      on: { input: later(250, () => this.find()), keydown: (event) => this.leaveSearch(event) } });
    this.sum = el("span", { class: "sum", role: "status" });
    const tab = (name, text) => button(text, () => this.show(name), { role: "tab", id: `tab-${name}` });
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Ways to see the trace", on: { keydown: (event) => this.tabKey(event) } },
      tab("waterfall", "Waterfall"), tab("chat", "Chat"), tab("tables", "Tables"));
    const picked = this.app.picked.includes(this.id);
    fill(this.bar, this.tabs, this.search, this.sum, el("span", { class: "gap" }),
      button("Errors", () => { this.show("waterfall"); this.fall.jump(1, (i) => this.tree.isError(i)); }, { title: "Next error (e)", disabled: !this.tree.info.errors }),
      button("Fit", () => this.fall.axis.all(), { title: "All of the time (0)", class: "wide" }),
      source.saved ? null : button(picked ? "Picked" : "Pick to compare", (event) => {
        if (!this.app.picked.includes(this.id)) this.app.picked.push(this.id);
        if (this.app.picked.length > 2) this.app.picked.shift();
        if (this.app.picked.length === 2) this.app.compare();
        else { event.target.textContent = "Picked"; announce("Picked; pick another trace to compare it with"); }
      }),
      source.saved ? null : el("a", { href: source.saving(this.id), download: "" }, "Save as file"));
  }

  tabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], all = [...this.tabs.children];
    if (!step) return;
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.click();
    next.focus();
    event.preventDefault();
  }

  async show(tab) {
    this.tab = tab;
    for (const one of this.tabs.children) {
      const here = one.id === `tab-${tab}`;
      one.setAttribute("aria-selected", here);
      one.tabIndex = here ? 0 : -1;
    }
    this.left.setAttribute("role", "tabpanel");
    this.left.setAttribute("aria-labelledby", `tab-${tab}`);
    this.app.remember(`/trace/${this.id}${tab === "waterfall" ? "" : `/${tab}`}`);
    if (tab === "waterfall") {
      fill(this.left, this.fall.element);
      this.fall.show();
      return;
    }
    this.closeDetail();
    if (tab === "chat") await this.showChat();
    else fill(this.left, el("div", { class: "page", tabindex: "0", "aria-label": "Tables of this trace" }, tablesOf(await this.app.source.tables(this.id))));
  }

  // The run whose chat is shown: that of the selected span, or the first one.
  chatRoot() {
    const { tree } = this;
    for (let i = this.selected; i >= 0; i = tree.up[i]) if (tree.kind(i) === "generate" && !tree.isMissing(i)) return i;
    const ends = (kind) => tree.order.find((i) => tree.kind(i) === kind && !tree.isMissing(i));
    const top = tree.order[0];
    return tree.isMissing(top) ? top : ends("generate") ?? ends("model") ?? top;
  }

  async showChat() {
    const root = this.chatRoot(), { tree } = this;
    const spans = chatSpans(tree, root);
    const docs = await this.fetch(spans);
    if (this.tab !== "chat") return;
    const runs = tree.order.filter((i) => tree.kind(i) === "generate" && !tree.isMissing(i)).slice(0, 200);
    const choose = runs.length < 2 ? null : el("div", {}, el("select", { "aria-label": "Run", on: { change: (event) => { this.selected = Number(event.target.value); this.showChat(); } } },
      runs.map((i) => el("option", { value: String(i), selected: i === root }, `${"\u00a0".repeat(2 * tree.depth[i])}${tree.name(i)}`.slice(0, 90)))));
    fill(this.left, el("div", { class: "chat", role: "log", "aria-live": "off", "aria-label": "Chat", tabindex: "0" }, choose, chatOf(tree, root, docs, spans, (i) => {
      this.show("waterfall");
      this.fall.reveal(i);
      this.openDetail(false);
      this.fall.focus();
    })));
  }

  async fetch(spans) {
    const missing = spans.filter((i) => i < this.tree.count && !this.docs.has(i));
    if (missing.length) {
      const found = await this.app.source.spans(this.id, missing);
      for (const i of missing) this.docs.set(i, found[i] && Object.keys(found[i]).length ? found[i] : null);
    }
    return Object.fromEntries(spans.map((i) => [i, this.docs.get(i)]));
  }

  select(i) {
    this.selected = i;
    if (this.split.classList.contains("open")) this.showDetail();
  }

  openDetail(focus) {
    if (this.selected < 0) return;
    this.split.classList.add("open");
    this.fall.element.classList.add("slim");
    if (!this.detail.isConnected) this.split.append(this.detail);
    this.fillDetail().then(() => focus && this.detail.focus());
  }

  async fillDetail() {
    const i = this.selected;
    const doc = this.tree.isMissing(i) ? undefined : (await this.fetch([i]))[i];
    if (i !== this.selected) return;
    fill(this.detail, ...detailOf(this.tree, i, doc, {
      close: () => { this.closeDetail(); this.fall.focus(); },
      chat: () => this.show("chat"),
    }).flat());
    this.detail.scrollTop = 0;
  }

  closeDetail() {
    this.split.classList.remove("open");
    this.fall.element.classList.remove("slim");
    this.detail.remove();
  }

  leaveDetail(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.closeDetail();
    this.fall.focus();
  }

  leaveSearch(event) {
    if (event.key === "Enter") {
      this.find().then(() => { this.fall.jump(1, (i) => this.found.has(i)); this.fall.focus(); });
    } else if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.find();
    } else if (event.key === "Escape") this.fall.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async find() {
    const text = this.search.value.trim();
    if (this.tab !== "waterfall" && text) this.show("waterfall");
    try {
      const answer = text ? await this.app.source.search(this.id, text) : { found: [] };
      if (text !== this.search.value.trim()) return;
      this.found = new Set(answer.found);
      this.sum.textContent = text ? `${some(answer.found.length, "match", "matches")}${answer.more ? " or more" : ""}` : "";
      this.fall.rows.update(true);
    } catch (error) {
      this.app.fail(error);
    }
  }

  async refresh() {
    this.ready = this.ready.then(() => (this.tree ? this.grow() : this.load()));
    return this.ready;
  }

  async grow() {
    try {
      const pieces = await this.app.source.trace(this.id, { from: this.tree.count });
      if (!pieces.length || !pieces.at(-1).key.length) return;
      const key = this.selected >= 0 ? this.tree.keyOf(this.selected) : -1;
      this.tree.add(pieces);
      if (key >= 0) this.selected = this.tree.order.find((i) => this.tree.keyOf(i) === key) ?? -1;
      this.drawFacts();
      this.fall.grown();
      if (this.tab === "chat") await this.showChat();
      announceNews(`${some(this.tree.count, "span")} now`);
    } catch (error) {
      this.app.fail(error);
    }
  }

  key(event) {
    if (!this.tree) return false;
    if (event.key === "/") { this.search.focus(); this.search.select(); return true; }
    const tab = { 1: "waterfall", 2: "chat", 3: "tables" }[event.key];
    if (tab) { this.show(tab).then(() => this.focus()); return true; }
    if (event.key === "Escape") {
      if (this.split.classList.contains("open")) { this.closeDetail(); this.fall.focus(); }
      else if (this.tab !== "waterfall") { this.show("waterfall"); this.fall.focus(); }
      else this.app.go("/");
      return true;
    }
    // keys of the tree hold beside it, too: after a click on a button, or in the details
    if (this.tab === "waterfall" && event.key.length === 1 && event.key !== " ") return this.fall.key(event, this.fall.rows.active);
    return false;
  }

  focus() {
    if (this.tab === "waterfall") this.fall?.focus();
    else this.left.firstElementChild?.focus();
  }

  close() { this.fall?.close(); }
}
