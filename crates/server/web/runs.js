// Training runs: where they stand, their curves as they grow, and what they cost.

import { get } from "./api.js";
import { curve } from "./chart.js";
import { button, make } from "./dom.js";
import { addWords, count, dollars, duration, t } from "./i18n.js";

addWords({
  en: {
    runsTitle: "Training runs", runsNone: "There are no runs here yet. A recipe begins one:", runsWhere: "Runs are read from {root}.",
    stage: "Stage", status: "State", step: "Step", tokensWord: "Tokens", time: "Time", costWord: "Cost", lossWord: "Loss",
    running: "running", finished: "finished", stopped_run: "stopped", back: "All runs", bill: "The bill", attempts: "Attempt", lost: "lost", total: "Total",
    coreHours: "core-hours", recipe: "Recipe", curves: "Curves", noCurves: "Nothing is measured yet.", live: "live",
  },
  zh: {
    runsTitle: "训练记录", runsNone: "这里还没有训练。用一个配方开始：", runsWhere: "训练记录读取自 {root}。",
    stage: "阶段", status: "状态", step: "步数", tokensWord: "Token", time: "时间", costWord: "费用", lossWord: "损失",
    running: "进行中", finished: "已完成", stopped_run: "已停止", back: "全部训练", bill: "账单", attempts: "第几次", lost: "丢失", total: "合计",
    coreHours: "核时", recipe: "配方", curves: "曲线", noCurves: "还没有测量值。", live: "实时",
  },
});

/** Curves that people look for first; the others follow in their own order. */
const FIRST = ["loss", "reward", "val/accuracy", "val/bpb", "val_loss", "completions/mean_length", "kl", "entropy", "grad_norm", "lr"];
const REFRESH_MS = 3000;

const word = (status) => t(status === "stopped" ? "stopped_run" : status);
const figure = (value, digits = 4) => (value === null || value === undefined ? "–" : Number(value.toPrecision(digits)).toLocaleString());

/** Shows the page; returns what ends it. */
export async function show(root) {
  let timer;
  let shown = null;
  const repeat = (action) => { clearInterval(timer); timer = setInterval(() => action().catch(() => {}), REFRESH_MS); };

  async function list() {
    const { runs, root: where } = await get("/api/runs");
    if (shown !== null) return;
    root.replaceChildren(make("h1", "", {}, t("runsTitle")), ...(runs.length ? [table(runs)] : [
      make("p", "note", {}, t("runsNone")), make("pre", "plain", {}, "penseur train RECIPE.toml")]),
    make("p", "note", {}, t("runsWhere", { root: where })));
  }

  function table(runs) {
    const head = ["stage", "status", "step", "tokensWord", "time", "costWord", "lossWord"].map((name) => make("th", "", { scope: "col" }, t(name)));
    const rows = runs.map((run) => make("tr", "", {},
      make("th", "", { scope: "row" }, button("link", run.path, () => open(run.path))),
      make("td", "", {}, make("span", `state ${run.status}`, {}, word(run.status))),
      make("td", "", {}, count(run.step)), make("td", "", {}, count(run.tokens)),
      make("td", "", {}, duration(run.seconds * 1000)), make("td", "", {}, dollars(run.dollars)), make("td", "", {}, figure(run.loss))));
    return make("div", "wide", { tabindex: "0" }, make("table", "figures-table", {}, make("thead", "", {}, make("tr", "", {}, ...head)), make("tbody", "", {}, ...rows)));
  }

  async function open(path) {
    shown = path;
    const first = await get(`/api/runs/${encodeURIComponent(path)}`);
    draw(first);
    if (first.summary.status === "running") repeat(async () => { if (shown === path) draw(await get(`/api/runs/${encodeURIComponent(path)}`)); });
    else clearInterval(timer);
  }

  function draw({ summary, bill, series, recipe }) {
    const names = Object.keys(series).filter((name) => series[name].length > 1);
    names.sort((a, b) => (FIRST.indexOf(a) + 1 || 99) - (FIRST.indexOf(b) + 1 || 99));
    const scroller = root.closest("main");
    const at = scroller.scrollTop;
    root.replaceChildren(
      button("pill back", t("back"), () => { shown = null; list(); repeat(list); }, "left"),
      make("h1", "", {}, summary.path),
      make("p", "chips", {}, make("span", `state ${summary.status}`, {}, word(summary.status)),
        ...[[t("step"), count(summary.step)], [t("tokensWord"), count(summary.tokens)], [t("time"), duration(summary.seconds * 1000)], [t("costWord"), dollars(summary.dollars)], [t("lossWord"), figure(summary.loss)]]
          .map(([name, value]) => make("span", "chip", {}, make("small", "", {}, name), value))),
      make("h2", "", {}, t("curves")),
      names.length ? make("div", "curves", {}, ...names.map((name) => curve(name, series[name], t("step")))) : make("p", "note", {}, t("noCurves")),
      make("h2", "", {}, t("bill")), billTable(bill),
      make("details", "recipe", {}, make("summary", "", {}, t("recipe")), make("pre", "plain", {}, recipe)));
    scroller.scrollTop = at;
  }

  function billTable(lines) {
    const head = ["stage", "attempts", "time", "coreHours", "tokensWord", "costWord"].map((name) => make("th", "", { scope: "col" }, t(name)));
    const row = (line) => make("tr", "", {},
      make("th", "", { scope: "row" }, line.stage, line.lost_dollars ? make("span", "lost", {}, ` (${t("lost")}: ${dollars(line.lost_dollars)})`) : null), make("td", "", {}, line.attempts ?? ""),
      make("td", "", {}, duration(line.wall_s * 1000)), make("td", "", {}, figure(line.core_s / 3600, 3)), make("td", "", {}, count(line.tokens)), make("td", "", {}, dollars(line.dollars)));
    const sum = (name) => lines.reduce((total, line) => total + line[name], 0);
    const total = { stage: t("total"), wall_s: sum("wall_s"), core_s: sum("core_s"), tokens: sum("tokens"), dollars: sum("dollars") };
    return make("div", "wide", { tabindex: "0" }, make("table", "figures-table", {}, make("thead", "", {}, make("tr", "", {}, ...head)),
      make("tbody", "", {}, ...lines.map(row)), make("tfoot", "", {}, row(total))));
  }

  await list();
  repeat(list);
  return () => clearInterval(timer);
}
