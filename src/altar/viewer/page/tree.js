// Tree: the spans of one trace, their parents and their order, from columns.

class Tree {
  constructor(pieces) {
    this.columns = { key: [], parent: [], start: [], duration: [], name: [], kind: [], error: [], subject: [], input: [], output: [], cost: [], digest: [] };
    this.words = [];
    this.known = new Map();
    this.remote = new Set();
    this.folded = new Set(); // keys of spans whose children are hidden
    this.add(pieces);
  }

  add(pieces) {
    for (const piece of pieces) {
      // a trace may turn out to have begun earlier than it seemed
      if (this.base !== undefined && this.base !== piece.base) {
        const shift = Number(BigInt(this.base) - BigInt(piece.base));
        this.columns.start = this.columns.start.map((at) => at + shift);
      }
      this.base = piece.base;
      this.info = piece.trace;
      const word = piece.words.map((text) => {
        if (!this.known.has(text)) this.known.set(text, this.words.push(text) - 1);
        return this.known.get(text);
      });
      for (const [name, column] of Object.entries(this.columns)) {
        const coded = name === "name" || name === "kind" || name === "error" || name === "subject";
        for (const value of piece[name] || []) column.push(coded ? (value < 0 ? -1 : word[value]) : value);
      }
      for (const n of piece.remote) this.remote.add(n);
    }
    this.count = this.columns.key.length;
    this.build();
  }

  build() {
    const { key, parent, start, duration } = this.columns, n = this.count;
    const byKey = new Map();
    for (let i = 0; i < n; i++) byKey.set(key[i], i);
    // parents that are not here: a placeholder each, unless they are another process's
    this.missing = [];
    const up = new Int32Array(n + 1).fill(-1);
    for (let i = 0; i < n; i++) {
      if (parent[i] < 0) continue;
      const above = byKey.get(parent[i]);
      if (above !== undefined) up[i] = above;
      else if (!this.remote.has(i)) {
        byKey.set(parent[i], n + this.missing.length);
        up[i] = n + this.missing.length;
        this.missing.push({ key: parent[i], start: start[i], end: start[i] + duration[i] });
      }
      if (up[i] >= n) {
        const gap = this.missing[up[i] - n];
        gap.start = Math.min(gap.start, start[i]);
        gap.end = Math.max(gap.end, start[i] + duration[i]);
      }
    }
    this.total = n + this.missing.length;
    this.up = new Int32Array(this.total).fill(-1);
    this.up.set(up.subarray(0, n));
    this.arrange();
  }

  arrange() {
    const total = this.total;
    const byStart = Array.from({ length: total }, (_, i) => i);
    byStart.sort((a, b) => this.start(a) - this.start(b) || this.duration(b) - this.duration(a) || a - b);
    const child = new Int32Array(total).fill(-1), next = new Int32Array(total).fill(-1);
    for (let at = total - 1; at >= 0; at--) {
      const one = byStart[at], above = this.up[one];
      if (above >= 0) { next[one] = child[above]; child[above] = one; }
    }
    this.depth = new Int32Array(total);
    this.size = new Int32Array(total).fill(1);
    this.order = [];
    const seen = new Uint8Array(total);
    const walk = (root) => {
      const stack = [root];
      while (stack.length) {
        const one = stack.pop();
        if (seen[one]) continue;
        seen[one] = 1;
        this.order.push(one);
        const below = [];
        for (let c = child[one]; c >= 0; c = next[c]) {
          if (seen[c]) continue;
          this.depth[c] = this.depth[one] + 1;
          below.push(c);
        }
        while (below.length) stack.push(below.pop());
      }
    };
    for (const one of byStart) if (this.up[one] < 0) walk(one);
    // spans that are each other's parents belong nowhere: the first of them begins a tree
    for (const one of byStart) if (!seen[one]) { this.up[one] = -1; walk(one); }
    this.failing = new Int32Array(total);
    for (let at = this.order.length - 1; at >= 0; at--) {
      const one = this.order[at], above = this.up[one];
      this.failing[one] += this.isError(one) ? 1 : 0;
      if (above >= 0) { this.size[above] += this.size[one]; this.failing[above] += this.failing[one]; }
    }
    this.first = child;
    this.next = next;
    this.length = 1;
    for (let i = 0; i < total; i++) this.length = Math.max(this.length, this.end(i));
  }

  isMissing(i) { return i >= this.count; }
  start(i) { return i < this.count ? this.columns.start[i] : this.missing[i - this.count].start; }
  end(i) { return i < this.count ? this.columns.start[i] + this.columns.duration[i] : this.missing[i - this.count].end; }
  duration(i) { return this.end(i) - this.start(i); }
  keyOf(i) { return i < this.count ? this.columns.key[i] : this.missing[i - this.count].key; }
  isError(i) { return i < this.count && this.columns.error[i] >= 0; }
  error(i) { return this.isError(i) ? this.words[this.columns.error[i]] : ""; }
  kind(i) { return i < this.count ? this.words[this.columns.kind[i]] ?? "" : "custom"; }
  subject(i) { return i < this.count && this.columns.subject[i] >= 0 ? this.words[this.columns.subject[i]] : ""; }
  tokens(i) {
    if (i >= this.count || (this.columns.input[i] < 0 && this.columns.output[i] < 0)) return -1;
    return Math.max(this.columns.input[i], 0) + Math.max(this.columns.output[i], 0);
  }
  cost(i) { return i < this.count ? this.columns.cost[i] : null; }
  name(i) {
    if (i < this.count) return this.words[this.columns.name[i]] ?? "";
    return this.info.running ? "(running)" : "(lost)";
  }

  // What a row says: the tool or the kind first, the model where the name holds it anyway.
  label(i) { return this.name(i).replace(/^execute_tool /, "") || "(no name)"; }

  *children(i) { for (let c = this.first[i]; c >= 0; c = this.next[c]) if (this.up[c] === i) yield c; }

  visible() {
    const found = [];
    for (let at = 0; at < this.order.length;) {
      const one = this.order[at];
      found.push(one);
      at += this.folded.has(this.keyOf(one)) ? this.size[one] : 1;
    }
    return found;
  }
}
