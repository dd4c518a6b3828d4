// The page's words, in English and Chinese.

import { recall, remember } from "./dom.js";

const WORDS = {
  en: {
    skip: "Skip to the question", sidebar: "Conversations and pages", newChat: "New chat", search: "Search conversations",
    models: "Models", runs: "Training runs", plan: "Planner", settings: "Settings", model: "Model",
    openSidebar: "Show the conversations", closeSidebar: "Hide the conversations", moreActions: "More about this conversation",
    welcome: "What shall we work out?", examples: "Questions to start with", moreExamples: "Questions to try",
    conversation: "Conversation", toEnd: "To the latest", files: "Files", question: "Your question", ask: "Ask something",
    attach: "Add files", promise: "Runs on this machine. Small models make mistakes: look at the thinking.",
    think: "DeepThink", thinkTitle: "Let the model think before it answers", send: "Send", stop: "Stop",
    unreachable: "The server does not answer. Is penseur still running?", busy: "The server is busy with other questions. Try again in a moment.",
    tooLong: "This conversation is too long for the model. Ask in a new chat, or something shorter.",
    serverError: "The server answered with an error ({status}).", tryAgain: "Try again",
    thinking: "Thinking…", waiting: "Waiting for its turn…", reading: "Reading…", thoughtFor: "Thought for {time}", notThought: "Thinking",
    ms: "{ms} ms", s: "{s} s", min: "{min} min {s} s", h: "{h} h {min} min",
    tokens: "{n} tokens", tokensOne: "1 token", ofBudget: "of {n} it may use", answerNow: "Answer now",
    stopBudget: "stopped at its budget", stopLoop: "cut", loopNote: "Its thinking was going in circles, so it was cut here.", stopUser: "ended by you", stopLength: "ran out of room",
    copy: "Copy", copied: "Copied", copyCode: "Copy code", regenerate: "Another answer", edit: "Edit", showAll: "Show all", showLess: "Show less", continue: "Go on",
    previous: "Earlier version", next: "Later version", version: "Version {i} of {n}",
    speed: "{n} tokens/s", firstToken: "first token after {time}", costMany: "a million such answers: {dollars}", answeredBy: "by {model}", filled: "{n} of {most} tokens of context used",
    stopped: "Stopped.", interrupted: "Interrupted: the server ended in the middle of this answer.", failed: "This answer failed.",
    cutAnswer: "The answer ends here: there was no room for more.", saidNothing: "It thought, and then said nothing.", noAnswer: "No room was left for an answer. Without thinking, or in a new chat, there is more.",
    lost: "No connection to the server. Trying again… What was said is kept.", found: "The server is back.",
    modelLoading: "{model} is being loaded…", today: "Today", yesterday: "Yesterday", week: "Last 7 days", month: "Last 30 days",
    nothingYet: "Your conversations will be here.", nothingFound: "Nothing found.", moreThanListed: "These are the latest {n}. The search finds older ones.", rename: "Rename", delete: "Delete", cancel: "Cancel", save: "Save",
    deleteSure: "Delete this conversation? It cannot be brought back.", deleteTitle: "Delete conversation", renameTitle: "Rename conversation",
    titleLabel: "Title", conversationMenu: "Actions for {title}", exportMarkdown: "Save as Markdown", exportJson: "Save as JSON", share: "Share as one HTML file",
    options: "Options", effort: "Effort", effortAuto: "As needed", effortLow: "Low", effortMedium: "Medium", effortHigh: "High",
    effortHint: "How much of the room it may spend on thinking.", samples: "Think several times", samplesHint: "Several independent answers; the majority is shown.",
    once: "Once", temperature: "Temperature", temperatureHint: "Empty: as the model's card says, but 0.6 for another answer or several, which would all be the same at 0.", system: "Instructions", systemHint: "Told to the model before the conversation.",
    done: "Done", sample: "Answer {i}", majority: "{n} of {of} say", noMajority: "They all differ", allSamples: "{n} answers",
    language: "Language", theme: "Colours", system_theme: "As the system", light: "Light", dark: "Dark", data: "Conversations",
    exportAll: "Save all as JSON", importAll: "Bring in from a file", deleteAll: "Delete all", deleteAllSure: "Delete all conversations? They cannot be brought back.",
    imported: "{n} conversations brought in.", importedOne: "One conversation brought in.", known: "{n} were here already.", knownOne: "One was here already.", signOut: "Sign out", shortcuts: "Keys", keySend: "send", keyNewLine: "new line", keyStop: "stop the answer", keyNew: "new chat", keySearch: "search", keyFocus: "to the question",
    signInTitle: "This server needs a key", signInHint: "Whoever runs it has one for you. This browser keeps it until you sign out.", key: "Key", signIn: "Sign in", wrongKey: "This server does not know that key.",
    tooManyFiles: "At most {n} files.", fileTooLarge: "A file may have {n} MB at most. Send a part of it.", fileGone: "This cannot be read. Is it a folder, or not there any more?", uploading: "Reading {name}…", removeFile: "Remove {name}", characters: "{n} characters", charactersOne: "1 character", tooMuchFile: "{n} characters of files: this model can read about {most}, the conversation included.",
    loading: "Loading…", you: "You", answerOf: "Answer",
  },
  zh: {
    skip: "跳到提问框", sidebar: "对话与页面", newChat: "新对话", search: "搜索对话",
    models: "模型", runs: "训练记录", plan: "规划", settings: "设置", model: "模型",
    openSidebar: "显示对话列表", closeSidebar: "隐藏对话列表", moreActions: "此对话的更多操作",
    welcome: "今天想弄清楚什么？", examples: "可以这样开始", moreExamples: "试试这些问题",
    conversation: "对话", toEnd: "回到最新", files: "文件", question: "你的问题", ask: "输入问题",
    attach: "添加文件", promise: "在本机运行。小模型会出错，请查看思考过程。",
    think: "深度思考", thinkTitle: "让模型先思考再回答", send: "发送", stop: "停止",
    unreachable: "服务器没有响应。penseur 还在运行吗？", busy: "服务器正忙，请稍后再试。",
    tooLong: "对话超出了模型的长度。请开始新对话，或缩短问题。",
    serverError: "服务器返回错误（{status}）。", tryAgain: "重试",
    thinking: "思考中…", waiting: "排队中…", reading: "阅读中…", thoughtFor: "已思考 {time}", notThought: "思考",
    ms: "{ms} 毫秒", s: "{s} 秒", min: "{min} 分 {s} 秒", h: "{h} 小时 {min} 分",
    tokens: "{n} 个 token", ofBudget: "上限 {n}", answerNow: "立即回答",
    stopBudget: "达到思考上限", stopLoop: "已截断", loopNote: "思考陷入重复，已在此截断。", stopUser: "由你结束", stopLength: "长度用尽",
    copy: "复制", copied: "已复制", copyCode: "复制代码", regenerate: "重新回答", edit: "编辑", showAll: "展开全部", showLess: "收起", continue: "继续",
    previous: "上一版本", next: "下一版本", version: "第 {i} 版，共 {n} 版",
    speed: "{n} token/秒", firstToken: "首个 token 用时 {time}", costMany: "一百万个这样的回答：{dollars}", answeredBy: "由 {model} 回答", filled: "上下文已用 {n} / {most}",
    stopped: "已停止。", interrupted: "已中断：服务器在回答过程中退出。", failed: "回答失败。",
    cutAnswer: "回答到此为止：长度已用尽。", saidNothing: "思考结束了，但没有给出回答。", noAnswer: "没有留下回答的空间。关闭思考或开始新对话会有更多空间。",
    lost: "无法连接服务器，正在重试… 已有的对话不会丢失。", found: "服务器已恢复。",
    modelLoading: "正在加载 {model}…", today: "今天", yesterday: "昨天", week: "最近 7 天", month: "最近 30 天",
    nothingYet: "你的对话会出现在这里。", nothingFound: "没有找到。", moreThanListed: "这里是最近的 {n} 个对话，更早的可以搜索。", rename: "重命名", delete: "删除", cancel: "取消", save: "保存",
    deleteSure: "删除此对话？删除后无法恢复。", deleteTitle: "删除对话", renameTitle: "重命名对话",
    titleLabel: "标题", conversationMenu: "“{title}”的操作", exportMarkdown: "保存为 Markdown", exportJson: "保存为 JSON", share: "分享为单个 HTML 文件",
    options: "选项", effort: "思考强度", effortAuto: "按需", effortLow: "低", effortMedium: "中", effortHigh: "高",
    effortHint: "思考可以占用多少长度。", samples: "多次思考", samplesHint: "独立回答多次，显示多数结果。",
    once: "一次", temperature: "温度", temperatureHint: "留空则按模型卡片；重新回答或多次思考时，卡片为 0 则用 0.6，否则每次都一样。", system: "指示", systemHint: "在对话之前告诉模型。",
    done: "完成", sample: "回答 {i}", majority: "{of} 个中有 {n} 个认为", noMajority: "各不相同", allSamples: "{n} 个回答",
    language: "语言", theme: "颜色", system_theme: "跟随系统", light: "浅色", dark: "深色", data: "对话数据",
    exportAll: "全部保存为 JSON", importAll: "从文件导入", deleteAll: "全部删除", deleteAllSure: "删除所有对话？删除后无法恢复。",
    imported: "已导入 {n} 个对话。", known: "{n} 个已存在。", signOut: "退出登录", shortcuts: "快捷键", keySend: "发送", keyNewLine: "换行", keyStop: "停止回答", keyNew: "新对话", keySearch: "搜索", keyFocus: "到提问框",
    signInTitle: "此服务器需要密钥", signInHint: "运行者会给你一个。此浏览器会保存它，直到你退出。", key: "密钥", signIn: "登录", wrongKey: "此服务器不认识这个密钥。",
    tooManyFiles: "最多 {n} 个文件。", fileTooLarge: "单个文件最多 {n} MB，请只发送其中一部分。", fileGone: "无法读取：可能是文件夹，或已不存在。", uploading: "正在读取 {name}…", removeFile: "移除 {name}", characters: "{n} 个字符", tooMuchFile: "文件共 {n} 个字符：此模型连同对话最多约能读 {most} 个字符。",
    loading: "加载中…", you: "你", answerOf: "回答",
  },
};

/** What the server's codes mean, where its own words are in another language. They say less than its messages, which name the
 * value that is wrong: English shows those. */
const ERRORS = {
  zh: {
    not_found: "没有找到，可能已被删除。", invalid_value: "请求中有服务器不接受的值。", model_not_found: "此服务器没有这个模型。",
    invalid_api_key: "需要密钥，或密钥不正确。", insufficient_quota: "此密钥的额度已用完，请联系服务器的运行者。",
    rate_limit_exceeded: "此密钥这一分钟的用量已满，请稍后再试。", not_an_operator: "只有服务器的运行者可以这样做。",
    origin_not_allowed: "不接受来自其他网站页面的请求。", host_not_allowed: "此服务器不以这个地址提供服务。",
    unreadable_file: "无法读取此文件：需要 UTF-8 或 UTF-16 文本，或含有文字的 PDF。", too_many_files: "等待提问的文件太多，请先发送或移除一些。",
    body_too_large: "内容太大。", engine_stopped: "模型已停止。", internal: "服务器处理此请求时出错，详情见其日志。", store_failed: "对话无法保存或读取。",
  },
};

/** An error's code in words, where the page's language is not the server's. */
export const errorWords = (code) => ERRORS[language()]?.[code];

/** More words, for a page of its own. */
export function addWords(words) {
  for (const [language, own] of Object.entries(words)) Object.assign(WORDS[language], own);
}

export const LANGUAGES = [["en", "English"], ["zh", "中文"]];
export const language = () => recall("language", navigator.language?.startsWith("zh") ? "zh" : "en");
export function setLanguage(code) {
  remember("language", code);
  translate();
}

/** A text with its `{values}` filled in. Of one thing English may speak in other words. */
export function t(name, values = {}) {
  const words = WORDS[language()] ?? WORDS.en;
  const text = (String(values.n) === "1" && words[`${name}One`]) || words[name] || WORDS.en[name] || name;
  return text.replace(/\{(\w+)\}/g, (_, value) => values[value] ?? "");
}

/** Puts the language into everything that stands in the document. */
export function translate(root = document) {
  document.documentElement.lang = language();
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.tLabel);
  }
  for (const element of root.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
}

export const count = (n) => n.toLocaleString(language());
export const tokens = (n) => t("tokens", { n: count(n) });

export function duration(ms) {
  const s = ms / 1000;
  if (ms < 95) return t("ms", { ms: Math.round(ms) });
  if (s < 9.95) return t("s", { s: s.toFixed(1) });
  if (s < 90) return t("s", { s: Math.round(s) });
  const minutes = Math.floor(Math.round(s) / 60);
  return minutes < 90 ? t("min", { min: minutes, s: Math.round(s) % 60 }) : t("h", { h: Math.floor(minutes / 60), min: minutes % 60 });
}

/** Dollars with two figures that say something. */
export function dollars(value) {
  if (!value) return "$0";
  if (value >= 0.1) return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return `$${Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 12 })}`;
}
