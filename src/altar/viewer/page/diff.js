// Differences: two trees laid over each other, and two texts line by line.

// What two spans must share to be each other's: the same work, whichever model did it.
const likeness = (tree, i) => {
  const kind = tree.kind(i);
  return kind === "generate" || kind === "model" ? kind : `${kind} ${tree.name(i)}`;
};

// Rows { a, b, depth }: spans of both trees by path and order of likeness; -1 where one has none.
function align(one, two) {
  const rows = [], stack = [{ list: merge(one, roots(one), two, roots(two)), at: 0 }];
  while (stack.length) {
    const top = stack.at(-1);
    if (top.at >= top.list.length) { stack.pop(); continue; }
    const [a, b] = top.list[top.at++];
    rows.push({ a, b, depth: stack.length - 1 });
    const below = merge(one, a < 0 ? [] : [...one.children(a)], two, b < 0 ? [] : [...two.children(b)]);
    if (below.length) stack.push({ list: below, at: 0 });
  }
  return rows;
}

const roots = (tree) => tree.order.filter((i) => tree.up[i] < 0);

function merge(one, left, two, right) {
  const waiting = new Map(); // likeness -> places in `right` not yet paired
  right.forEach((i, at) => {
    const key = likeness(two, i);
    if (!waiting.has(key)) waiting.set(key, []);
    waiting.get(key).push(at);
  });
  const partner = left.map((i) => waiting.get(likeness(one, i))?.shift() ?? -1);
  const paired = new Set(partner), rows = [];
  let next = 0;
  left.forEach((i, at) => {
    const place = partner[at];
    for (; next < place; next++) if (!paired.has(next)) rows.push([-1, right[next]]);
    next = Math.max(next, place + 1);
    rows.push([i, place < 0 ? -1 : right[place]]);
  });
  for (; next < right.length; next++) if (!paired.has(next)) rows.push([-1, right[next]]);
  return rows;
}

// Lines as [["same" | "cut" | "add", text]]; long texts are compared from both ends alone.
function lines(before, after) {
  const a = before ? before.split("\n") : [], b = after ? after.split("\n") : [];
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const x = a.slice(head, a.length - tail), y = b.slice(head, b.length - tail);
  const same = (text) => ["same", text];
  return [...a.slice(0, head).map(same), ...middle(x, y), ...a.slice(a.length - tail).map(same)];
}

function middle(x, y) {
  if (x.length * y.length > 250000) return [...x.map((text) => ["cut", text]), ...y.map((text) => ["add", text])];
  const wide = y.length + 1, best = new Uint16Array((x.length + 1) * wide);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      best[i * wide + j] = x[i] === y[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const found = [];
  let i = 0, j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) { found.push(["same", x[i++]]); j++; }
    else if (j >= y.length || (i < x.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) found.push(["cut", x[i++]]);
    else found.push(["add", y[j++]]);
  }
  return found;
}
