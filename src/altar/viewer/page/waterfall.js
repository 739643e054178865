// Waterfall: the spans of one trace as a tree beside their times.

class Waterfall {
  // view: the trace view that owns the tree, the details and what was found
  constructor(view) {
    this.view = view;
    this.tree = view.tree;
    this.axis = new Axis(this.tree.length, () => this.moved());
    const head = el("div", { class: "row", role: "row", "aria-rowindex": "1" },
      headCell("", "Span"), headCell("num", "Time"), headCell("num tok", "Tokens"), headCell("lane-head", this.axis.element));
    this.rows = new Rows({
      role: "treegrid", label: "Spans of this trace", name: "fall", head,
      draw: (row, at) => this.draw(row, this.list[at]),
      onMove: (at) => view.select(this.list[at]),
      onOpen: () => view.openDetail(true),
      onKey: (event, at) => this.key(event, at),
    });
    this.rows.body.addEventListener("click", (event) => {
      const at = this.rows.at(event.target);
      if (at < 0) return;
      if (event.target.closest(".fold")) this.fold(at);
      else view.openDetail(false);
    });
    this.rows.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.sized = new ResizeObserver(() => this.axis.draw());
    this.sized.observe(this.axis.element);
    this.element = this.rows.element;
    this.show();
  }

  show(kept = this.view.selected) {
    this.list = this.tree.visible();
    this.rows.set(this.list.length, kept >= 0 ? this.list.indexOf(kept) : -1);
  }

  grown() {
    this.axis.grow(this.tree.length);
    this.show();
  }

  moved() {
    this.element.classList.add("moving");
    this.rows.update(true);
  }

  draw(row, i) {
    const tree = this.tree, failed = tree.isError(i), missing = tree.isMissing(i);
    const folded = tree.folded.has(tree.keyOf(i)), parent = tree.size[i] > 1;
    row.className = `row ${kindClass(tree.kind(i))}${failed ? " is-error" : ""}${missing ? " is-missing" : ""}${this.view.found.has(i) ? " is-found" : ""}`;
    row.setAttribute("aria-level", tree.depth[i] + 1);
    if (parent) row.setAttribute("aria-expanded", !folded);
    else row.removeAttribute("aria-expanded");
    const [left, width] = this.axis.place(tree.start(i), tree.end(i));
    const hidden = folded && tree.failing[i] - (failed ? 1 : 0);
    const said = failed ? `, error ${tree.error(i)}` : "";
    fill(row,
      el("div", { class: "cell twig", role: "gridcell", css: { "--depth": Math.min(tree.depth[i], 24) }, title: tree.name(i) },
        parent ? el("button", { type: "button", class: "fold", tabindex: "-1", "aria-label": folded ? "Expand" : "Collapse" }, folded ? "\u25B8" : "\u25BE")
          : el("span", { class: "fold", "aria-hidden": "true" }),
        kindMark(missing ? "custom" : tree.kind(i)),
        el("span", { class: "label" }, tree.label(i)),
        el("span", { class: "hidden" }, ` ${missing ? "" : tree.kind(i)}${said}`),
        folded ? el("span", { class: "dim" }, `+${count(tree.size[i] - 1)}`) : null,
        hidden ? el("span", { class: "bad" }, some(hidden, "error")) : null),
      cell("num", missing ? NONE : duration(tree.duration(i))),
      cell("num tok dim", tree.tokens(i) < 0 ? "" : count(tree.tokens(i))),
      el("div", { class: "cell lane", role: "gridcell", "aria-label": `from ${duration(tree.start(i))}` },
        el("i", { css: { "--l": left, "--w": width } })));
  }

  fold(at, how) {
    const i = this.list[at], key = this.tree.keyOf(i);
    if (this.tree.size[i] < 2) return;
    const folded = how ?? !this.tree.folded.has(key);
    if (folded) this.tree.folded.add(key);
    else this.tree.folded.delete(key);
    this.show(i);
    announce(folded ? "Collapsed" : "Expanded");
  }

  foldAll(folded) {
    const { tree } = this;
    tree.folded.clear();
    if (folded) for (let i = 0; i < tree.total; i++) if (tree.size[i] > 1 && tree.depth[i] > 0) tree.folded.add(tree.keyOf(i));
    let kept = this.view.selected;
    if (folded) while (kept >= 0 && tree.depth[kept] > 1) kept = tree.up[kept];
    this.show(kept);
  }

  // Show a span, unfolding what it is in.
  reveal(i) {
    for (let up = this.tree.up[i]; up >= 0; up = this.tree.up[up]) this.tree.folded.delete(this.tree.keyOf(up));
    this.show(i);
    this.rows.move(this.list.indexOf(i));
  }

  key(event, at) {
    const i = this.list[at], { tree, axis } = this;
    const has = at >= 0;
    switch (event.key) {
      case "ArrowRight":
        if (has && tree.size[i] > 1) {
          if (tree.folded.has(tree.keyOf(i))) this.fold(at, false);
          else this.rows.move(at + 1);
        }
        return true;
      case "ArrowLeft":
        if (has && tree.size[i] > 1 && !tree.folded.has(tree.keyOf(i))) this.fold(at, true);
        else if (has && tree.up[i] >= 0) this.rows.move(this.list.indexOf(tree.up[i]));
        return true;
      case " ": if (has) this.fold(at); return true;
      case "*": this.foldAll(false); return true;
      case "_": this.foldAll(true); return true;
      case "+": case "=": axis.zoom(0.5, has ? (tree.start(i) + tree.end(i)) / 2 : undefined); return true;
      case "-": axis.zoom(2); return true;
      case "0": axis.all(); return true;
      case "z": if (has) axis.show(tree.start(i) - tree.duration(i) * 0.05, tree.end(i) + tree.duration(i) * 0.05); return true;
      case "[": axis.pan(-0.25); return true;
      case "]": axis.pan(0.25); return true;
      case "e": this.jump(1, (one) => tree.isError(one)); return true;
      case "E": this.jump(-1, (one) => tree.isError(one)); return true;
      case "n": this.jump(1, (one) => this.view.found.has(one)); return true;
      case "N": this.jump(-1, (one) => this.view.found.has(one)); return true;
      default: return false;
    }
  }

  // To the next span that is so, in the order of the tree, folded or not.
  jump(step, wanted) {
    const { order } = this.tree, all = order.length;
    const from = order.indexOf(this.view.selected);
    for (let n = 1; n <= all; n++) {
      const i = order[(((from < 0 && step < 0 ? 0 : from) + n * step) % all + all) % all];
      if (wanted(i)) return this.reveal(i);
    }
    announce("None");
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.axis.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.axis.time(event));
  }

  focus() { this.element.focus(); }
  close() { this.rows.close(); this.sized.disconnect(); }
}
