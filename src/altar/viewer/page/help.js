// Help: every key, in a dialog that the browser keeps modal.

const HELP = [
  ["Everywhere", [["?", "this help"], ["/", "search"], ["g", "list of traces"], ["t", "tables of tools and models"], ["Esc", "back, or close"]]],
  ["List", [["\u2191 \u2193  Page  Home  End", "move"], ["Enter", "open"], ["c", "pick to compare"], ["C", "compare the two picked"]]],
  ["Trace", [["\u2190 \u2192", "collapse, expand; to the parent, to the first child"], ["Space", "collapse or expand"], ["*  _", "expand all, collapse all"],
    ["Enter", "details of the span"], ["e  E", "next, previous error"], ["n  N", "next, previous match"], ["+  \u2212  0", "zoom in, out, all"],
    ["z", "zoom to the span"], ["[  ]", "move in time"], ["1  2  3", "waterfall, chat, tables"]]],
  ["Compare", [["e", "next difference"]]],
];

function help() {
  const dialog = $("help");
  if (!dialog.firstChild) {
    fill(dialog, el("h2", { id: "help-title" }, "Keys"),
      HELP.map(([title, keys]) => [el("h3", {}, title), el("dl", {}, keys.map(([key, text]) => [
        el("dt", {}, key.split(/\s{2,}/).map((one, n) => [n ? " " : null, el("kbd", {}, one)]).flat()), el("dd", {}, text)]))]),
      el("p", { class: "dim" }, "Marks beside a span name its kind: G generate, R round, M model, T tool, W wrapper or worker, C custom. Ctrl and the wheel zoom; dragging over the axis zooms to what was dragged over."),
      button("Close", () => dialog.close(), { autofocus: true }));
  }
  dialog.showModal();
}
