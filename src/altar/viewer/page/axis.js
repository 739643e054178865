// Axis: the part of a trace's time that is seen, its ticks, and dragging across it to zoom.

class Axis {
  constructor(length, onChange) {
    this.length = Math.max(1, length);
    this.from = 0;
    this.to = this.length;
    this.onChange = onChange;
    this.element = el("div", { class: "axis", title: "Drag to zoom; double click shows all" });
    this.element.addEventListener("pointerdown", (event) => this.drag(event));
    this.element.addEventListener("dblclick", () => this.all());
    this.draw();
  }

  grow(length) {
    const whole = this.to >= this.length && this.from === 0;
    this.length = Math.max(1, length);
    if (whole) this.to = this.length;
    this.draw();
  }

  show(from, to) {
    const least = Math.max(1, this.length / 1e7), wide = Math.min(Math.max(to - from, least), this.length);
    this.from = Math.max(0, Math.min(from, this.length - wide));
    this.to = this.from + wide;
    this.draw();
    this.onChange();
  }

  all() { this.show(0, this.length); }

  zoom(factor, around = (this.from + this.to) / 2) {
    const part = (around - this.from) / (this.to - this.from), wide = (this.to - this.from) * factor;
    this.show(around - part * wide, around + (1 - part) * wide);
  }

  pan(part) {
    const by = (this.to - this.from) * part;
    this.show(this.from + by, this.to + by);
  }

  percent(at) { return (100 * (at - this.from)) / (this.to - this.from); }

  // Bars end a little outside what is seen: a width of millions of pixels is drawn wrongly.
  place(start, end) {
    const left = Math.max(-1, Math.min(101, this.percent(start))), right = Math.max(-1, Math.min(101, this.percent(end)));
    return [`${left}%`, `${Math.max(0, right - left)}%`];
  }

  time(event) {
    const box = this.element.getBoundingClientRect();
    return this.from + ((event.clientX - box.left) / box.width) * (this.to - this.from);
  }

  drag(event) {
    if (event.button !== 0) return;
    const begin = this.time(event), brush = el("div", { class: "brush" });
    let now = begin;
    this.element.setPointerCapture(event.pointerId);
    const move = (moved) => {
      now = this.time(moved);
      const [left, width] = this.place(Math.min(begin, now), Math.max(begin, now));
      brush.style.setProperty("--l", left);
      brush.style.setProperty("--w", width);
      if (!brush.isConnected) this.element.append(brush);
    };
    const end = () => {
      this.element.removeEventListener("pointermove", move);
      brush.remove();
      if (Math.abs(now - begin) > (this.to - this.from) / 100) this.show(Math.min(begin, now), Math.max(begin, now));
    };
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", end, { once: true });
    this.element.addEventListener("pointercancel", end, { once: true });
  }

  draw() {
    const wide = this.to - this.from, wanted = Math.max(2, Math.floor((this.element.clientWidth || 500) / 90));
    const size = 10 ** Math.floor(Math.log10(wide / wanted));
    const step = [1, 2, 5, 10].map((n) => n * size).find((one) => wide / one <= wanted) || wide;
    const ticks = [];
    for (let at = Math.ceil(this.from / step) * step; at < this.to - wide * 0.03; at += step) {
      ticks.push(el("span", { css: { "--l": `${this.percent(at)}%` } }, at === 0 ? "0" : duration(Math.round(at)).replace(/\.0+ /, " ")));
    }
    fill(this.element, ticks);
  }
}
