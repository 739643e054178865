// Tables: for each tool and each model how often, how long, how many tokens, what it cost.

const TABLE_COLUMNS = [
  ["name", "Name", (value) => value || "(no name)"], ["count", "Count", count], ["errors", "Errors", count],
  ["p50", "p50", duration], ["p90", "p90", duration], ["p99", "p99", duration], ["time", "Total time", duration],
  ["input", "Tokens in", count], ["output", "Tokens out", count], ["cost", "Cost", cost],
];

function sortable(title, rows, columns, pick) {
  let by = "time", down = true;
  const head = el("tr", {}), body = el("tbody", {});
  const draw = () => {
    fill(head, columns.map(([key, text]) => el("th", { scope: "col", "aria-sort": key === by ? (down ? "descending" : "ascending") : null },
      button(text, () => {
        down = key === by ? !down : key !== "name";
        by = key;
        draw();
        head.children[columns.findIndex(([one]) => one === key)].firstChild.focus();
      }))));
    const order = (a, b) => (typeof a[by] === "string" ? (a[by] < b[by] ? -1 : 1) : (a[by] ?? -1) - (b[by] ?? -1));
    fill(body, [...rows].sort((a, b) => order(a, b) * (down ? -1 : 1)).map((row) => el("tr", {}, columns.map(([key, , show]) =>
      (key === "name" ? el("th", { scope: "row", title: row.name }, pick ? button(show(row.name), () => pick(row), { class: "quiet", title: "Show its traces" }) : show(row.name))
        : el("td", { class: key === "errors" && row.errors ? "bad" : "" }, show(row[key])))))));
  };
  draw();
  return el("section", {}, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    el("table", {}, el("caption", { class: "hidden" }, title), el("thead", {}, head), body)));
}

function tablesOf(found, pick) {
  const made = [];
  for (const [group, title, without] of [["tools", "Tools", ["input", "output", "cost"]], ["models", "Models", []]]) {
    const columns = TABLE_COLUMNS.filter(([key]) => !without.includes(key));
    made.push(el("h2", {}, title));
    made.push(found[group].length ? sortable(title, found[group], columns, pick && ((row) => pick(group.slice(0, -1), row.name)))
      : el("p", { class: "dim" }, `No ${group.slice(0, -1)} was called.`));
  }
  return made;
}

class TablesView {
  constructor(app) {
    this.app = app;
    this.element = el("div", { class: "page", tabindex: "-1" });
    this.refresh();
  }

  async refresh() {
    try {
      const found = await this.app.source.tables();
      const text = JSON.stringify(found);
      if (text === this.text) return;
      this.text = text;
      fill(this.element, el("h1", { class: "hidden" }, "Tools and models"), tablesOf(found, this.app.source.saved ? null : (name, value) => {
        Object.assign(filters, { q: "", error: "", running: "", slow: "", model: "", tool: "", kind: "", [name]: value });
        this.app.go("/");
      }));
    } catch (error) {
      this.app.fail(error);
    }
  }

  key() { return false; }
  focus() { this.element.focus(); }
  close() {}
}
