// Where answers come from: the server that sent this page, or the data saved within it.

function server() {
  async function ask(path, query, signal) {
    const given = Object.entries(query || {}).filter(([, value]) => value !== "" && value !== undefined && value !== null);
    const answer = await fetch(`api/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`, { signal, cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()).trim() || `HTTP ${answer.status}`);
    return answer.json();
  }
  return {
    saved: false,
    state: () => ask("state"),
    traces: (query, signal) => ask("traces", query, signal),
    // All columns of a trace, or those from span number `from` on.
    async trace(id, { from = 0, digest = "" } = {}) {
      const pieces = [];
      let have = from, total = 0;
      do {
        pieces.push(await ask(`trace/${id}`, { from: have, digest }));
        have += pieces.at(-1).key.length;
        total = pieces.at(-1).total;
      } while (have < total && pieces.at(-1).key.length);
      return pieces;
    },
    async spans(id, numbers) {
      const found = {};
      for (let at = 0; at < numbers.length; at += 200) {
        Object.assign(found, (await ask(`spans/${id}`, { n: numbers.slice(at, at + 200).join(",") })).spans);
      }
      return found;
    },
    search: (id, q, signal) => ask(`search/${id}`, { q }, signal),
    tables: (id) => ask(id ? `tables/${id}` : "tables"),
    saving: (id) => `export/${id}.html`,
  };
}

function savedData(data) {
  const { head, pieces, spans } = data;
  const row = pieces[0].trace;
  const texts = (value, into) => {
    const todo = [value];
    while (todo.length) {
      const one = todo.pop();
      if (one !== null && typeof one === "object") {
        if (!Array.isArray(one)) into.push(...Object.keys(one));
        for (const inner of Object.values(one)) todo.push(inner);
      } else if (typeof one === "string") {
        const inner = /^[{[]/.test(one) ? parsed(one) : undefined;
        if (inner === undefined) into.push(one); else todo.push(inner);
      } else if (one !== null) into.push(String(one));
    }
  };
  return {
    saved: true,
    only: row.id,
    state: async () => ({ file: head.file, version: "saved", spans: row.spans, traces: 1, losses: {}, models: [], tools: [], kinds: [] }),
    traces: async () => ({ total: 1, offset: 0, longest: row.duration, rows: [row] }),
    trace: async (_id, { from = 0 } = {}) => (from ? [] : pieces),
    spans: async (_id, numbers) => Object.fromEntries(numbers.map((n) => [n, spans[n]])),
    async search(_id, q) {
      const words = q.toLowerCase().split(/\s+/).filter(Boolean), found = [];
      if (words.length) spans.forEach((doc, n) => {
        const all = [];
        texts([doc.name, doc.kind, doc.error ?? null, doc.attributes ?? null, doc.events ?? null], all);
        const whole = all.join("\n").toLowerCase();
        if (words.every((word) => whole.includes(word))) found.push(n);
      });
      return { found, more: false };
    },
    tables: async () => head.tables,
  };
}

function openSource() {
  const data = $("data");
  return data ? savedData(JSON.parse(data.textContent)) : server();
}
