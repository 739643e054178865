// Rows: a grid of any length of which only what is seen is in the document.
//
// One element has the focus; aria-activedescendant names the row the keys are at.

let grids = 0;

class Rows {
  // role: grid or treegrid; head: a row element or null; draw(element, index) fills a row;
  // onMove(index) the active row changed; onOpen(index) Enter; onKey(event, index) true when taken
  constructor({ role = "grid", label, name = "", head = null, draw, onMove, onOpen, onKey }) {
    Object.assign(this, { draw, onMove, onOpen, onKey });
    this.prefix = `r${grids++}`;
    this.count = 0;
    this.active = -1;
    this.shown = new Map();
    this.spare = [];
    this.body = el("div", { class: "body", role: "rowgroup" });
    this.element = el("div", { class: `rows ${name}`, role, "aria-label": label, tabindex: "0", "aria-rowcount": "0" },
      head && el("div", { class: "head", role: "rowgroup" }, head), this.body);
    this.headSize = head ? 1 : 0;
    this.element.addEventListener("scroll", () => this.soon(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focus", () => { if (this.active < 0 && this.count) this.move(this.first()); });
    this.body.addEventListener("click", (event) => {
      const at = this.at(event.target);
      if (at >= 0) this.move(at, true);
    });
    this.watch = new ResizeObserver(() => { this.measure(); this.update(true); });
    this.watch.observe(this.element);
  }

  at(node) {
    const row = node.closest(".row");
    return row && this.body.contains(row) ? Number(row.dataset.at) : -1;
  }

  first() { return Math.min(this.count - 1, Math.ceil(this.element.scrollTop / this.height)); }

  measure() {
    this.height = parseFloat(getComputedStyle(this.body).getPropertyValue("--row")) || 28;
    this.body.style.height = `${this.count * this.height}px`;
    this.top = this.headSize ? this.body.offsetTop : 0;
  }

  // New content; the active row stays where the caller says.
  set(number, active = this.active) {
    this.count = number;
    this.active = Math.min(active, number - 1);
    this.element.setAttribute("aria-rowcount", number + this.headSize);
    this.measure();
    this.update(true);
  }

  soon() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.update(false); });
  }

  update(anew) {
    if (!this.height) this.measure();
    const seen = this.element.clientHeight || 600;
    const from = Math.max(0, Math.floor((this.element.scrollTop - this.top) / this.height) - 6);
    const to = Math.min(this.count, Math.ceil((this.element.scrollTop + seen) / this.height) + 6);
    for (const [at, row] of this.shown) {
      if (at < from || at >= to) {
        this.shown.delete(at);
        row.remove();
        this.spare.push(row);
      }
    }
    for (let at = from; at < to; at++) {
      let row = this.shown.get(at);
      if (row && !anew) continue;
      if (!row) {
        row = this.spare.pop() || el("div", { role: "row" });
        this.shown.set(at, row);
        this.body.append(row);
      }
      row.className = "row";
      row.id = `${this.prefix}-${at}`;
      row.dataset.at = at;
      row.style.transform = `translateY(${at * this.height}px)`;
      row.setAttribute("aria-rowindex", at + 1 + this.headSize);
      row.setAttribute("aria-selected", at === this.active);
      this.draw(row, at);
    }
    this.point();
  }

  point() {
    if (this.active >= 0 && this.shown.has(this.active)) this.element.setAttribute("aria-activedescendant", `${this.prefix}-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  move(at, quiet = false) {
    if (!this.count) return;
    const to = Math.max(0, Math.min(this.count - 1, at));
    this.shown.get(this.active)?.setAttribute("aria-selected", "false");
    this.active = to;
    this.reveal(to);
    this.shown.get(to)?.setAttribute("aria-selected", "true");
    this.point();
    this.onMove?.(to, quiet);
  }

  reveal(at) {
    const box = this.element, room = box.clientHeight - this.top;
    if (at * this.height < box.scrollTop) box.scrollTop = at * this.height;
    else if ((at + 1) * this.height > box.scrollTop + room) box.scrollTop = (at + 1) * this.height - room;
    this.update(false);
  }

  key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.onKey?.(event, this.active)) return event.preventDefault();
    const page = Math.max(1, Math.floor((this.element.clientHeight - this.top) / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity, j: 1, k: -1 };
    if (event.key in steps) {
      const from = this.active < 0 ? (steps[event.key] > 0 ? -1 : 0) : this.active;
      this.move(from + steps[event.key]);
      event.preventDefault();
    } else if (event.key === "Enter" && this.active >= 0) {
      this.onOpen?.(this.active);
      event.preventDefault();
    }
  }

  close() { this.watch.disconnect(); }
}

const cell = (name, ...children) => el("div", { class: `cell ${name}`, role: "gridcell" }, ...children);
const headCell = (name, ...children) => el("div", { class: `cell ${name}`, role: "columnheader" }, ...children);
