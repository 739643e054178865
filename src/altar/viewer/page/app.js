// App: which view is shown, keys that hold everywhere, and looking for what is new.

const app = {
  source: openSource(),
  state: { version: "", reading: true, traces: 0, losses: {}, models: [], tools: [], kinds: [] },
  picked: [],
  view: null,
  lastTrace: "",

  go(path) { location.hash = path; },
  // The address says what is shown, without a new step in the history.
  remember(path) { if (location.hash !== `#${path}` && location.hash.startsWith("#/trace/")) history.replaceState(null, "", `#${path}`); },
  compare() { if (this.picked.length === 2) this.go(`/compare/${this.picked[0]}/${this.picked[1]}`); },

  fail(error) {
    if (error.name === "AbortError") return;
    this.failure = error instanceof TypeError ? "The viewer has ended, or cannot be reached." : error.message;
    this.notices();
  },

  route() {
    const [view, ...words] = location.hash.replace(/^#\/?/, "").split("/").map((word) => { try { return decodeURIComponent(word); } catch { return word; } });
    const only = this.source.saved;
    this.view?.close();
    this.failure = "";
    if (view === "trace" && words[0]) this.view = new TraceView(this, words[0], words[1], words[2]);
    else if (only) this.view = new TraceView(this, this.source.only);
    else if (view === "compare" && words[1]) this.view = new CompareView(this, words[0], words[1]);
    else if (view === "tables") this.view = new TablesView(this);
    else this.view = new TraceList(this);
    fill($("main"), this.view.element);
    if (this.view instanceof TraceList) { this.view.state(this.state); this.view.reload(); }
    this.navigate(view);
    this.notices();
    Promise.resolve(this.view.ready).then(() => { if ([document.body, $("skip")].includes(document.activeElement)) this.view.focus(); });
  },

  navigate(view) {
    if (this.source.saved) return;
    const here = this.view instanceof TraceList ? "" : view;
    fill($("nav"), [["", "Traces"], ["tables", "Tables"]].map(([name, text]) =>
      el("a", { href: `#/${name}`, "aria-current": here === name ? "page" : null }, text)));
    document.title = `${{ tables: "Tables", trace: "Trace", compare: "Compare" }[here] || "Traces"} \u00b7 ${this.state.file || "altar"}`;
  },

  notices() {
    const { losses, problem } = this.state, told = [];
    const lost = [[losses.dropped, "dropped: the program was faster than its file"], [losses.sink_lost, "lost: they could not be written"],
      [losses.left_out, "left out"], [losses.repeated, "in the file twice"]].filter(([n]) => n > 0).map(([n, why]) => `${some(n, "span")} ${why}`);
    if (losses.unreadable) lost.push(`${some(losses.unreadable, "line")} unreadable${losses.problems?.length ? ` (${losses.problems[0]})` : ""}`);
    if (losses.cut) lost.push("the last line is cut: it is being written, or its program was killed");
    if (problem) told.push(el("p", { class: "notice error", role: "alert" }, `This file cannot be shown: ${problem}`));
    if (this.failure) told.push(el("p", { class: "notice error", role: "alert" }, this.failure));
    if (lost.length) told.push(el("p", { class: "notice", id: "losses" }, `Incomplete: ${lost.join("; ")}.`));
    fill($("notices"), told);
    const { state } = this, sampled = losses.sampled_out ? `, ${count(losses.sampled_out)} sampled out` : "";
    $("file").textContent = state.file || "";
    $("file").title = state.file || "";
    $("live").textContent = this.source.saved ? "saved file" : `${some(state.spans || 0, "span")}${sampled}${state.reading ? ", reading\u2026" : ""}`;
  },

  async poll() {
    let wait = 500;
    try {
      const state = await this.source.state(), old = this.state;
      const stale = this.failure;
      this.state = state;
      if (stale === "The viewer has ended, or cannot be reached.") this.failure = "";
      if (state.version !== old.version || stale !== this.failure) {
        this.notices();
        if (this.view instanceof TraceList) this.view.state(state);
        if (old.version && state.generation !== old.generation && !(this.view instanceof TraceList)) this.go("/");
        else if (!(state.reading && this.view.tree)) await this.view.refresh();
        if (old.version && state.traces !== old.traces && !state.reading) announceNews(some(state.traces, "trace"));
      }
      if (state.reading) wait = 120;
    } catch (error) {
      this.fail(error);
      wait = 3000;
    }
    if (this.source.saved) return;
    setTimeout(() => this.poll(), document.hidden ? Math.max(wait, 4000) : wait);
  },

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (typing && event.key !== "Escape") return;
    if (event.key === "?") help();
    else if (this.view?.key(event)) { /* taken */ }
    else if (event.key === "g" && !this.source.saved) this.go("/");
    else if (event.key === "t" && !this.source.saved) this.go("/tables");
    else if (event.key === "Escape" && typing) this.view.focus();
    else if (event.key === "Escape" && this.view instanceof TablesView) this.go("/");
    else return;
    event.preventDefault();
  },
};

window.addEventListener("hashchange", () => app.route());
document.addEventListener("keydown", (event) => app.key(event));
$("help-open").addEventListener("click", help);
$("skip").addEventListener("click", (event) => { event.preventDefault(); app.view.focus(); });
app.route();
app.poll();
