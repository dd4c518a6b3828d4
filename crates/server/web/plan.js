// The planner: hours, dollars and memory of a run before it starts, by `penseur plan`.

import { Failure, post } from "./api.js";
import { make, serverNodes, toast } from "./dom.js";
import { addWords, count, dollars, language, t } from "./i18n.js";
import { inChinese } from "./plan-zh.js";

addWords({
  en: {
    planTitle: "Planner", planHint: "What a run takes, before it starts.", run: "Run", chip: "Chip", chips: "Chips", tokensToTrain: "Tokens", layout: "Layout", price: "$ a chip-hour", optional: "optional", publishedRuns: "Published runs",
    compute: "Work it out", params_total: "Parameters", params_active: "For each token", step_seconds: "Seconds a step", tokens_per_day: "Tokens a day", mfu_causal: "Utilization", gpu_hours: "GPU hours", days: "Days",
    dollars: "Cost", memory_gb: "Memory of a chip", limited_by: "Limited by", planMissing: "The planner is not part of this server.", why: "Every number, and why",
  },
  zh: {
    planTitle: "规划", planHint: "在开始之前，算出一次训练需要什么。", run: "训练", chip: "芯片", chips: "数量", tokensToTrain: "Token", layout: "布局", price: "每芯片小时 $", optional: "可选", publishedRuns: "已发表的训练",
    compute: "计算", params_total: "参数", params_active: "每个 token", step_seconds: "每步秒数", tokens_per_day: "每天 token", mfu_causal: "利用率", gpu_hours: "GPU 小时", days: "天数",
    dollars: "费用", memory_gb: "每芯片内存", limited_by: "瓶颈", planMissing: "此服务器不含规划器。", why: "每个数字的由来",
  },
});

const figure = (v) => (v >= 0.01 && v < 1e4 ? count(+v.toPrecision(3)) : String(+v.toPrecision(3)));
/** 671,026,419,200 as "671 B". */
function short(v) {
  const [size, unit] = [[1e12, " T"], [1e9, " B"], [1e6, " M"], [1e4, " k"]].find(([least]) => v >= least) ?? [1, ""];
  return `${count(+(v / (size === 1e4 ? 1e3 : size)).toPrecision(3))}${unit}`;
}

/** What the planner says, in the reader's language. */
const told = (text) => (language() === "zh" ? inChinese(text) : text);

/** A drawing of the server's, its labels in the reader's language. */
function drawing(svg) {
  const nodes = serverNodes(svg);
  for (const label of nodes.querySelectorAll("text, title")) label.textContent = told(label.textContent);
  return nodes;
}

const SHOWN = {
  dollars: (v) => (v < 1000 ? dollars(v) : `$${short(v)}`), days: figure, gpu_hours: short, tokens_per_day: short, step_seconds: figure,
  mfu_causal: (v) => `${(100 * v).toFixed(1)} %`, memory_gb: (v) => `${figure(v)} GB`, params_total: short, params_active: short, limited_by: told,
};

function field(name, label, value, attributes = {}) {
  const input = make("input", "", { id: `plan-${name}`, name, ...attributes });
  input.value = value;
  return make("div", "field", {}, make("label", "", { for: `plan-${name}` }, label), input);
}

/** Shows the page. */
export async function show(root) {
  const result = make("div", "plan-result", { "aria-live": "polite" });
  const preset = make("select", "", { id: "plan-preset", name: "preset" }, new Option("v3", "v3"));
  const chip = make("select", "", { id: "plan-on", name: "on" }, new Option("h800", "h800"));
  let isFilled = false;
  const form = make("form", "plan", { onsubmit: compute },
    make("div", "field", {}, make("label", "", { for: "plan-preset" }, t("run")), preset),
    make("div", "field", {}, make("label", "", { for: "plan-on" }, t("chip")), chip), field("count", t("chips"), "", { inputmode: "numeric", placeholder: t("optional") }),
    field("tokens", t("tokensToTrain"), "", { placeholder: t("optional") }), field("price", t("price"), "", { inputmode: "decimal", placeholder: t("optional") }), field("layout", t("layout"), "", { placeholder: t("optional") }),
    make("button", "primary", { type: "submit" }, t("compute")));

  async function compute(event) {
    event?.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    result.classList.add("waiting");
    try {
      draw(await post("/api/plan", values));
    } catch (error) {
      if (error instanceof Failure && error.status === 404) result.replaceChildren(make("p", "note", {}, t("planMissing")));
      else toast(error.message);
    } finally {
      result.classList.remove("waiting");
    }
  }

  /** The planner says what can be chosen; the first answer fills the form. */
  function fill({ runs, models, chips }) {
    const group = (label, all) => make("optgroup", "", { label }, ...all.map(({ id, name }) => make("option", "", { value: id, title: name }, id)));
    const chosen = [preset.value, chip.value];
    preset.replaceChildren(group(t("publishedRuns"), runs), group(t("models"), models));
    chip.replaceChildren(...chips.map(({ id, name }) => new Option(name, id)));
    [preset.value, chip.value] = chosen;
    isFilled = true;
  }

  function draw(plan) {
    if (!isFilled && plan.choices) fill(plan.choices);
    const known = Object.entries(SHOWN).filter(([name]) => plan[name] !== undefined && plan[name] !== null);
    const facts = make("dl", "facts big", {}, ...known.map(([name, show]) => make("div", "", {}, make("dt", "", {}, t(name)), make("dd", "", {}, String(show(plan[name]))))));
    const answer = plan.page ? [make("p", "plan-answer", {}, told(plan.page.headline))] : [];
    result.replaceChildren(...answer, facts, ...(plan.page ? sections(plan.page) : []));
  }

  /** What the planner's own page shows below its answer: tables, drawings, and the arithmetic of every number. */
  function sections(page) {
    const row = (cells, tag) => make("tr", "", {}, ...cells.map((cell) => make(cell ? tag : "td", "", {}, told(cell))));
    const tables = page.tables.flatMap(({ title, columns, rows }) => [
      make("h2", "", {}, told(title)),
      make("div", "scroll", { tabindex: "0", role: "region", "aria-label": told(title) }, make("table", "figures-table", {}, make("thead", "", {}, row(columns, "th")), make("tbody", "", {}, ...rows.map(([first, ...rest]) => make("tr", first === "total" ? "total" : "", {}, make("th", "", { scope: "row" }, told(first)), ...rest.map((cell) => make("td", "", {}, cell)))))))]);
    const drawings = page.drawings.map(({ title, svg }) => make("figure", "drawing", {}, make("figcaption", "", {}, told(title)), drawing(svg)));
    const why = page.lines.map(({ name, value, how, source }) => make("div", "", {}, make("dt", "", {}, value ? `${told(name)}: ${value}` : told(name)), make("dd", "note", { lang: "en" }, source ? `${how} [${source}]` : how)));
    return [...tables, ...drawings, make("details", "", {}, make("summary", "", {}, t("why")), make("dl", "", {}, ...why)), make("ul", "note", {}, ...page.notes.map((note) => make("li", "", {}, told(note))))];
  }

  root.replaceChildren(make("h1", "", {}, t("planTitle")), make("p", "note", {}, t("planHint")), form, result);
  await compute();
}
