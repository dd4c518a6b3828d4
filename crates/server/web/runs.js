// Training runs: where they stand, their curves as they grow, and what they cost.

import { get } from "./api.js";
import { Curve } from "./chart.js";
import { icon, make, place, refresh } from "./dom.js";
import { addWords, count, dollars, duration, t } from "./i18n.js";

addWords({
  en: {
    runsTitle: "Training runs", runsNone: "There are no runs here yet. A recipe begins one:", runsWhere: "Runs are read from {root}.",
    stage: "Stage", status: "State", step: "Step", tokensWord: "Tokens", time: "Time", costWord: "Cost", resultWord: "Latest", lossWord: "loss", rewardWord: "reward", rightWord: "right",
    running: "running", finished: "finished", stopped_run: "stopped", back: "All runs", bill: "The bill", attempts: "Attempt", lost: "lost", total: "Total",
    coreHours: "core-hours", recipe: "Recipe", curves: "Curves", noCurves: "Nothing is measured yet.", live: "live",
  },
  zh: {
    runsTitle: "训练记录", runsNone: "这里还没有训练。用一个配方开始：", runsWhere: "训练记录读取自 {root}。",
    stage: "阶段", status: "状态", step: "步数", tokensWord: "Token", time: "时间", costWord: "费用", resultWord: "最新结果", lossWord: "损失", rewardWord: "奖励", rightWord: "正确",
    running: "进行中", finished: "已完成", stopped_run: "已停止", back: "全部训练", bill: "账单", attempts: "第几次", lost: "丢失", total: "合计",
    coreHours: "核时", recipe: "配方", curves: "曲线", noCurves: "还没有测量值。", live: "实时",
  },
});

/** Curves that people look for first; the others follow in their own order. */
const FIRST = ["val/accuracy", "reward", "loss", "val/bpb", "val_loss", "completions/mean_length", "kl", "entropy", "grad_norm", "lr"];
const REFRESH_MS = 3000;

const word = (status) => t(status === "stopped" ? "stopped_run" : status);
const figure = (value, digits = 4) => (value === null || value === undefined ? "–" : Number(value.toPrecision(digits)).toLocaleString());

/** What says most about where a run stands: problems solved, else its reward, else its loss. */
function result({ val_accuracy: accuracy, reward, loss }) {
  if (typeof accuracy === "number") return `${(100 * accuracy).toFixed(1)} % ${t("rightWord")}`;
  if (typeof reward === "number") return `${figure(reward, 3)} ${t("rewardWord")}`;
  return typeof loss === "number" ? `${figure(loss, 3)} ${t("lossWord")}` : "–";
}

/** A path that breaks, where it must, behind its strokes. */
const breakable = (path) => path.split(/(?<=[/-])/).flatMap((part) => [part, make("wbr")]);

/** The run that the address names, behind `#`. */
const named = () => decodeURIComponent(location.hash.slice(1)) || null;

/** Shows the page; returns what ends it. */
export async function show(root) {
  let timer;
  const shown = named();
  // What nobody looks at is not asked for.
  const repeat = (action) => { timer = setInterval(() => { if (!document.hidden) action().catch(() => {}); }, REFRESH_MS); };

  async function list() {
    const { runs, root: where } = await get("/api/runs");
    refresh(root, make("h1", "", {}, t("runsTitle")), ...(runs.length ? [table(runs, where)] : [
      make("p", "note", {}, t("runsNone")), make("pre", "plain", { tabindex: "0" }, "penseur train RECIPE.toml")]),
    make("p", "note", {}, t("runsWhere", { root: where })));
  }

  function table(runs, where) {
    const head = ["stage", "status", "resultWord", "step", "tokensWord", "time", "costWord"].map((name) => make("th", name === "status" ? "start" : "", { scope: "col" }, t(name)));
    const order = [...runs].sort((a, b) => (b.status === "running") - (a.status === "running"));
    const rows = order.map((run) => make("tr", "", {},
      make("th", "", { scope: "row" }, make("a", "link", { href: `#${encodeURIComponent(run.path)}` }, ...breakable(run.path.startsWith(`${where}/`) ? run.path.slice(where.length + 1) : run.path))),
      make("td", "start", {}, make("span", `state ${run.status}`, {}, word(run.status))),
      make("td", "", {}, result(run)), make("td", "", {}, count(run.step)), make("td", "", {}, count(run.tokens)),
      make("td", "", {}, duration(run.seconds * 1000)), make("td", "", {}, dollars(run.dollars))));
    return make("div", "wide", { tabindex: "0" }, make("table", "figures-table", {}, make("thead", "", {}, make("tr", "", {}, ...head)), make("tbody", "", {}, ...rows)));
  }

  async function open(path) {
    const look = () => get(`/api/runs/${encodeURIComponent(path)}`);
    const first = await look();
    const curves = new Map();
    const [chips, charts, bill] = [make("p", "chips"), make("div"), make("div")];
    root.replaceChildren(
      make("a", "pill back", { href: "/runs", "data-link": true }, icon("left"), make("span", "", {}, t("back"))),
      make("h1", "", {}, ...breakable(path)), chips,
      make("h2", "", {}, t("curves")), charts,
      make("h2", "", {}, t("bill")), bill,
      make("details", "recipe", {}, make("summary", "", {}, t("recipe")), make("pre", "plain", { tabindex: "0" }, first.recipe)));

    function update({ summary, bill: lines, series }) {
      refresh(chips, make("span", `state ${summary.status}`, {}, word(summary.status)),
        ...[[t("step"), count(summary.step)], [t("tokensWord"), count(summary.tokens)], [t("time"), duration(summary.seconds * 1000)], [t("costWord"), dollars(summary.dollars)], [t("resultWord"), result(summary)]]
          .map(([name, value]) => make("span", "chip", {}, make("small", "", {}, name), value)));
      const names = Object.keys(series).filter((name) => series[name].length > 1);
      names.sort((a, b) => (FIRST.indexOf(a) + 1 || 99) - (FIRST.indexOf(b) + 1 || 99));
      for (const name of names) if (!curves.has(name)) curves.set(name, new Curve(name, t("step")));
      charts.className = names.length ? "curves" : "";
      place(charts, names.length ? names.map((name) => curves.get(name).root) : [make("p", "note", {}, t("noCurves"))]);
      for (const name of names) curves.get(name).update(series[name]);
      refresh(bill, billTable(lines));
    }

    update(first);
    if (first.summary.status === "running") repeat(async () => update(await look()));
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

  if (shown === null) {
    await list();
    repeat(list);
  } else await open(shown);
  return () => clearInterval(timer);
}
