// List: every trace of the file, errors first; filters, search, order; two can be picked to compare.

const PAGE = 200;
const ORDERS = {
  status: "errors", title: "name", time: "time", duration: "duration", spans: "spans", in: "tokens", out: "tokens", cost: "cost",
};
const filters = { q: "", error: "", running: "", slow: "", model: "", tool: "", kind: "", sort: "errors", order: "descending" };

class TraceList {
  constructor(app) {
    this.app = app;
    this.pages = new Map();
    this.total = 0;
    this.longest = 1;
    this.picked = app.picked;
    this.ask = later(220, () => this.reload(true));
    this.element = fill(el("section", { class: "left view", "aria-label": "Traces", css: { display: "contents" } }), this.bar());
    this.rows = new Rows({
      label: "Traces", name: "traces", head: this.head(),
      draw: (row, at) => this.draw(row, at),
      onOpen: (at) => this.open(at),
      onMove: (at) => this.at(at) && (app.lastTrace = this.at(at).id),
      onKey: (event, at) => event.key === "c" && at >= 0 && (this.pick(at), true),
    });
    this.rows.body.addEventListener("click", (event) => {
      const at = this.rows.at(event.target);
      if (event.target.closest(".pick")) this.pick(at);
      else if (at >= 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); this.open(at); }
    });
    this.none = el("p", { class: "empty", hidden: true });
    this.element.append(this.none, this.rows.element);
  }

  bar() {
    const change = (name) => (event) => {
      const box = event.target;
      filters[name] = box.type === "checkbox" ? (box.checked ? "1" : "") : box.value;
      this.ask();
    };
    this.search = el("input", {
      type: "search", placeholder: "Search all texts  ( / )", "aria-label": "Search traces",
      value: filters.q, on: { input: change("q"), keydown: (event) => this.leave(event) }, maxlength: "300",
    });
    this.choices = {};
    const choose = (name, label) => {
      this.choices[name] = el("select", { "aria-label": label, on: { change: change(name) } });
      return this.choices[name];
    };
    const check = (name, text) => el("label", { class: "check" },
      el("input", { type: "checkbox", checked: Boolean(filters[name]), on: { change: change(name) } }), text);
    const slow = el("select", { "aria-label": "Duration", on: { change: change("slow") } },
      [["", "Any duration"], ["tenth", "Slowest tenth"], ["1000", "Over 1 s"], ["5000", "Over 5 s"], ["30000", "Over 30 s"]]
        .map(([value, text]) => el("option", { value }, text)));
    slow.value = filters.slow;
    this.order = el("select", { "aria-label": "Order", class: "narrow", on: { change: (event) => this.sort(event.target.value) } },
      [["status", "Errors first"], ["time", "Newest"], ["duration", "Longest"], ["cost", "Dearest"], ["in", "Most tokens"], ["spans", "Most spans"], ["title", "By name"]]
        .map(([value, text]) => el("option", { value }, text)));
    this.sum = el("span", { class: "sum", role: "status" });
    this.compare = button("Compare", () => this.app.compare(), { disabled: true });
    this.showPicked();
    return el("div", { class: "tools", role: "search" }, this.search, check("error", "Errors"), check("running", "Running"),
      slow, choose("model", "Model"), choose("tool", "Tool"), choose("kind", "Kind"), this.order, el("span", { class: "gap" }), this.sum, this.compare);
  }

  leave(event) {
    if (event.key === "Escape" && this.search.value) {
      this.search.value = filters.q = "";
      this.ask();
    } else if (event.key === "Escape" || event.key === "ArrowDown" || event.key === "Enter") this.rows.element.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  head() {
    const titles = { status: "Status", title: "Trace", time: "Started", duration: "Duration", spans: "Spans", in: "Tokens in", out: "Out", cost: "Cost" };
    this.heads = {};
    const sortable = (name) => {
      const right = ["spans", "in", "out", "cost", "duration"].includes(name);
      this.heads[name] = headCell(`of-${name}${right ? " num" : ""}`, button(titles[name], () => this.sort(name)));
      return this.heads[name];
    };
    const head = el("div", { class: "row", role: "row", "aria-rowindex": "1" },
      headCell("", el("span", { class: "hidden" }, "Compare")), ...Object.keys(titles).map(sortable), headCell("of-what", "Models and tools"));
    this.showOrder();
    return head;
  }

  showOrder() {
    for (const [name, one] of Object.entries(this.heads)) {
      if (ORDERS[name] === filters.sort && name !== "out") one.setAttribute("aria-sort", filters.order);
      else one.removeAttribute("aria-sort");
    }
  }

  sort(name) {
    const by = ORDERS[name];
    const other = filters.order === "descending" ? "ascending" : "descending";
    filters.order = filters.sort === by ? other : by === "name" ? "ascending" : "descending";
    filters.sort = by;
    this.showOrder();
    this.reload(true);
  }

  // What can be chosen is what the file has.
  state(state) {
    for (const [name, all, values] of [["model", "Any model", state.models], ["tool", "Any tool", state.tools], ["kind", "Any kind", state.kinds]]) {
      const box = this.choices[name], have = values.join("\n");
      if (box.dataset.have === have) continue;
      box.dataset.have = have;
      fill(box, el("option", { value: "" }, all), values.map((value) => el("option", { value }, value.slice(0, 80))));
      box.value = values.includes(filters[name]) ? filters[name] : "";
    }
  }

  async reload(fromTop = false) {
    this.stop?.abort();
    this.stop = new AbortController();
    const page = fromTop ? 0 : Math.floor(Math.max(0, this.rows.first() || 0) / PAGE);
    try {
      const answer = await this.app.source.traces({ ...filters, offset: page * PAGE, limit: PAGE }, this.stop.signal);
      const kept = this.at(this.rows.active)?.id; // now: the keys may have moved while it was asked
      this.pages = new Map([[page, answer.rows]]);
      this.take(answer, fromTop, kept);
    } catch (error) {
      if (error.name !== "AbortError") this.app.fail(error);
    }
  }

  take(answer, fromTop, kept) {
    this.total = answer.total;
    this.longest = Math.max(1, answer.longest);
    if (fromTop) this.rows.element.scrollTop = 0;
    const first = answer.offset;
    const at = answer.rows.findIndex((row) => row.id === (kept || this.app.lastTrace));
    this.rows.set(answer.total, at >= 0 ? first + at : fromTop ? -1 : this.rows.active);
    this.sum.textContent = some(answer.total, "trace");
    this.none.hidden = answer.total > 0;
    this.none.textContent = this.app.state.reading ? "Reading the file\u2026"
      : this.app.state.traces ? "No trace passes these filters." : "No span has ended yet; what is written shows up here.";
    performance.mark("altar-list");
  }

  at(index) { return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE]; }

  async fetch(page) {
    if (this.pages.has(page)) return;
    this.pages.set(page, []);
    try {
      const answer = await this.app.source.traces({ ...filters, offset: page * PAGE, limit: PAGE });
      this.pages.set(page, answer.rows);
      this.rows.update(true);
    } catch (error) {
      this.pages.delete(page);
      this.app.fail(error);
    }
  }

  draw(row, at) {
    const one = this.at(at);
    if (!one) {
      fill(row, cell("", "\u2026"));
      this.fetch(Math.floor(at / PAGE));
      return;
    }
    const { date, time } = clock(one.start);
    const picked = this.picked.includes(one.id);
    fill(row,
      el("div", { class: "cell pickbox", role: "gridcell" },
        el("input", { class: "pick", type: "checkbox", tabindex: "-1", checked: picked, "aria-label": "Pick to compare" })),
      statusCell(one),
      el("div", { class: "cell title", role: "gridcell", title: one.title },
        el("a", { href: `#/trace/${one.id}`, tabindex: "-1" }, one.title),
        one.title === one.name ? null : el("span", { class: "name" }, one.name)),
      el("div", { class: "cell of-time", role: "gridcell", title: `${date} ${time}` }, el("span", { class: "dim date" }, `${date} `), time),
      el("div", { class: "cell of-duration lasting", role: "gridcell" },
        el("span", { class: "meter", "aria-hidden": "true" }, el("i", { css: { "--w": `${(100 * one.duration) / this.longest}%` } })),
        el("span", { class: "num" }, duration(one.duration))),
      cell("of-spans num", count(one.spans)),
      cell("of-in num", count(one.input)), cell("of-out num", count(one.output)), cell("of-cost num", cost(one.cost)),
      cell("of-what dim", [...one.models, ...one.tools].join(", ")));
  }

  pick(at) {
    const one = this.at(at);
    if (!one) return;
    const place = this.picked.indexOf(one.id);
    if (place >= 0) this.picked.splice(place, 1);
    else this.picked.push(one.id);
    if (this.picked.length > 2) this.picked.shift();
    this.rows.update(true);
    this.showPicked();
    announce(this.picked.length === 2 ? "Two traces picked; press C to compare them" : `${some(this.picked.length, "trace")} picked`);
  }

  showPicked() {
    this.compare.disabled = this.picked.length !== 2;
    this.compare.textContent = this.picked.length === 2 ? "Compare 2" : this.picked.length ? "Pick another to compare" : "Compare";
  }

  open(at) {
    const one = this.at(at);
    if (!one) return;
    this.app.lastTrace = one.id;
    this.app.go(`/trace/${one.id}`);
  }

  key(event) {
    if (event.key === "/") { this.search.focus(); this.search.select(); return true; }
    if (event.key === "C" && this.picked.length === 2) { this.app.compare(); return true; }
    return false;
  }

  focus() { this.rows.element.focus(); }
  refresh() { this.reload(); }
  close() { this.stop?.abort(); this.rows.close(); }
}

function status(one) {
  if (one.failed) return ["failed", "failed"];
  if (one.errors) return ["some", some(one.errors, "error")];
  if (one.running) return ["running", "running"];
  return ["ok", "ok"];
}

function statusCell(one) {
  const [name, text] = status(one);
  return el("div", { class: `cell status ${name}`, role: "gridcell" }, one.running && name !== "running" ? `${text}, running` : text);
}
