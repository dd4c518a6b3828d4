// Models: what each is, whether it fits, and which one answers.

import { get, post } from "./api.js";
import { chooseModel, loadModels } from "./app.js";
import { button, make, toast } from "./dom.js";
import { addWords, count, t } from "./i18n.js";

addWords({
  en: {
    libraryTitle: "Models", inUse: "In use", use: "Use this one", parameters: "Parameters", active: "for each token", architecture: "Architecture",
    layers: "Layers", width: "Width", vocabulary: "Vocabulary", context: "Context", weights: "Weights", cache: "Memory for each token", free: "Free here",
    fits: "fits this machine", tight: "does not fit this machine", longest: "Longest context that fits", thinks: "Thinks aloud", canBound: "its thinking can be bounded",
    loaded: "loaded", loading: "loading…", unloaded: "not loaded", load: "Load", unload: "Unload",
    howMore: "Other models", howMoreText: "The server offers the models it was started with: directories in Hugging Face layout, or bundled names.",
  },
  zh: {
    libraryTitle: "模型", inUse: "使用中", use: "使用", parameters: "参数", active: "每个 token", architecture: "架构",
    layers: "层数", width: "宽度", vocabulary: "词表", context: "上下文", weights: "权重", cache: "每个 token 的内存", free: "本机可用",
    fits: "适合本机", tight: "本机放不下", longest: "可用的最长上下文", thinks: "会思考", canBound: "思考长度可限制",
    loaded: "已加载", loading: "加载中…", unloaded: "未加载", load: "加载", unload: "卸载",
    howMore: "其他模型", howMoreText: "服务器提供启动时指定的模型：Hugging Face 格式的目录，或内置名称。",
  },
});

const UNITS = ["B", "kB", "MB", "GB", "TB"];
function bytes(n) {
  if (n === null || n === undefined) return "–";
  let i = 0;
  while (n >= 1000 && i < UNITS.length - 1) { n /= 1000; i += 1; }
  return `${+n.toPrecision(3)} ${UNITS[i]}`;
}
const big = (n) => (n >= 1e9 ? `${+(n / 1e9).toPrecision(3)} B` : n >= 1e6 ? `${+(n / 1e6).toPrecision(3)} M` : count(n));

function facts(model) {
  const { inspection: i } = model;
  if (!i) return [[t("context"), count(model.context_length)]];
  const rows = [
    [t("architecture"), i.architecture],
    [t("parameters"), i.params_active === i.params_total ? big(i.params_total) : `${big(i.params_total)} (${big(i.params_active)} ${t("active")})`],
    [t("layers"), count(i.layers)], [t("width"), count(i.hidden_size)], [t("vocabulary"), count(i.vocab_size)],
    [t("context"), count(model.context_length)],
    [t("weights"), bytes(i.memory_bytes)], [t("cache"), bytes(i.kv_bytes_per_token)], [t("free"), bytes(i.available_bytes)],
  ];
  if (i.longest_context) rows.push([t("longest"), count(i.longest_context)]);
  return rows;
}

/** `change`: asks the server to load or to put away a model; null where that is not for who looks. */
function card(model, chosen, change) {
  const { inspection } = model;
  const fits = inspection?.fits;
  const state = model.state ?? "loaded";
  const isChosen = chosen === model.id;
  return make("article", `card ${isChosen ? "chosen" : ""}`, { "aria-label": model.id },
    make("div", "card-head", {}, make("h2", "", {}, model.id),
      isChosen && make("span", "state running", {}, t("inUse")),
      make("span", "chip", {}, t(state)),
      model.thinking && make("span", "chip", {}, t("thinks")),
      fits !== undefined && fits !== null && make("span", `state ${fits ? "finished" : "stopped"}`, {}, t(fits ? "fits" : "tight")),
      make("span", "space"),
      change && state === "loaded" && !isChosen && button("pill", t("unload"), () => change("unload", model.id)),
      change && state === "unloaded" && isChosen && button("pill", t("load"), () => change("load", model.id)),
      !isChosen && button("primary", t("use"), () => { chooseModel(model.id); if (state === "unloaded") change?.("load", model.id); })),
    make("p", "", {}, model.description),
    make("dl", "facts", {}, ...facts(model).map(([name, value]) => make("div", "", {}, make("dt", "", {}, name), make("dd", "", {}, value)))));
}

/** Shows the page; returns what ends it. */
export async function show(root) {
  let [models, mayLoad] = [[], false];
  const draw = () => {
    const chosen = document.getElementById("model").value;
    root.replaceChildren(make("h1", "", {}, t("libraryTitle")), ...models.map((model) => card(model, chosen, mayLoad ? change : null)),
      make("h2", "", {}, t("howMore")), make("p", "note", {}, t("howMoreText")), make("pre", "plain", { tabindex: "0" }, "penseur serve -m mini -m ./my-model"));
  };
  const look = async () => {
    ({ models, may_load: mayLoad } = await get("/api/models"));
    draw();
  };
  /** Loading may take a while: the card says so meanwhile. */
  async function change(what, model) {
    const entry = models.find((other) => other.id === model);
    if (what === "load") entry.state = "loading";
    draw();
    await post(`/v1/models/${what}`, { model }).catch((error) => toast(error.message));
    await Promise.all([look(), loadModels()]);
  }
  await look();
  document.getElementById("model").addEventListener("change", draw);
  return () => document.getElementById("model").removeEventListener("change", draw);
}
