// Elements. Whatever comes from a trace becomes a text node or an attribute, never markup.

const $ = (id) => document.getElementById(id);

// el("button", { class: "quiet", on: { click }, css: { "--w": "3%" }, "aria-label": "x" }, "text", child)
function el(tag, props, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (name === "css") for (const [key, one] of Object.entries(value)) made.style.setProperty(key, one);
    else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

const button = (text, act, props) => el("button", { type: "button", on: { click: act }, ...props }, text);

const fill = (parent, ...children) => {
  parent.replaceChildren(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return parent;
};

let announcing = 0;
// Say something to a screen reader, once things are quiet.
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => { $("announce").textContent = text; }, 150);
}

let newsTimer = 0, news = "";
// What a growing file brings: the newest of it, at most every two seconds.
function announceNews(text) {
  news = text;
  if (newsTimer) return;
  announce(text);
  newsTimer = setTimeout(() => {
    newsTimer = 0;
    if (news !== text) announceNews(news);
  }, 2000);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "hidden", "aria-hidden": "true" });
    area.value = text;
    const back = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    back?.focus();
  }
  announce(`${what} copied`);
}

const copyButton = (what, text) => {
  const made = button("Copy", async () => {
    await copy(text(), what);
    made.textContent = "Copied";
    setTimeout(() => { made.textContent = "Copy"; }, 1200);
  }, { "aria-label": `Copy ${what}` });
  return made;
};

const later = (wait, act) => {
  let timer = 0;
  return (...words) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...words), wait);
  };
};
