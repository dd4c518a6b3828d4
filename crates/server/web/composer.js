// The box at the foot of the page: the question, its files, and how to answer it.

import { remove, upload } from "./api.js";
import * as chat from "./chat.js";
import { $, button, hasKeyboard, icon, make, openMenu, recall, remember, sends, toast } from "./dom.js";
import { count, t } from "./i18n.js";

const MAX_FILES = 20;
/** What the server takes of one file, in MiB. */
const MAX_FILE_MIB = 32;
const EFFORTS = ["auto", "low", "medium", "high"];
const SAMPLES = [1, 3, 5, 9];

const how = { think: recall("think", true), effort: recall("effort", "auto"), samples: 1, temperature: "", system: recall("system", "") };
let files = [];
let modelInfo = null;

/** What the server is told about how to answer. */
export function settings() {
  const canThink = modelInfo?.thinking !== false;
  const thinking = { enabled: how.think };
  if (how.think && canThink && how.effort !== "auto") thinking.effort = how.effort;
  const found = { thinking, n_samples: how.samples };
  if (how.temperature !== "") found.temperature = Number(how.temperature);
  if (how.system.trim()) found.system = how.system.trim();
  return found;
}

export function setModel(info) {
  modelInfo = info;
  draw();
}

export function fit() {
  const area = $("question");
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

export function draw() {
  const running = chat.isRunning();
  $("question").enterKeyHint = hasKeyboard() ? "send" : "enter";
  const think = $("think");
  think.setAttribute("aria-checked", String(how.think));
  think.title = t("thinkTitle");
  think.replaceChildren(icon("think"), make("span", "", {}, t("think")));
  const parts = [];
  if (how.think && how.effort !== "auto") parts.push(t(`effort${how.effort[0].toUpperCase()}${how.effort.slice(1)}`));
  if (how.samples > 1) parts.push(`×${how.samples}`);
  if (how.temperature !== "") parts.push(`T ${how.temperature}`);
  if (how.system.trim()) parts.push(t("system"));
  // On a narrow screen there is room for one of them, or for their number.
  const brief = parts.length > 1 ? count(parts.length) : parts[0];
  $("options").replaceChildren(icon("tune"), make("span", "label", {}, parts.join(" · ") || t("options")), ...(brief ? [make("span", "brief", {}, brief)] : []));
  $("options").classList.toggle("set", parts.length > 0);
  $("options").setAttribute("aria-label", `${t("options")} ${parts.join(" ")}`.trim());
  $("options").title = [t("options"), ...parts].join(" · ");
  const send = $("send");
  send.disabled = !running && !$("question").value.trim() && files.length === 0;
  send.replaceChildren(icon(running ? "stop" : "send"));
  send.classList.toggle("halt", running);
  const key = (name) => (hasKeyboard() ? ` (${name})` : "");
  const label = running ? t("stop") + key("Esc") : t("send") + key("Enter");
  send.setAttribute("aria-label", running ? t("stop") : t("send"));
  send.title = label;
  drawFiles();
}

function drawFiles() {
  $("files").hidden = files.length === 0;
  $("files").replaceChildren(...files.map((file) => make("li", `file ${file.id ? "" : "busy"}`, {},
    icon("file"), make("span", "", {}, file.name),
    make("small", "", {}, file.id ? t("characters", { n: count(file.n_chars) }) : "…"),
    button("icon small", t("removeFile", { name: file.name }), () => drop(file), "close", { iconOnly: true }))));
  // A token is seldom more than six characters, and never is a whole conversation one file.
  const [n, most] = [files.reduce((sum, file) => sum + (file.n_chars ?? 0), 0), 6 * (modelInfo?.context_length ?? Infinity)];
  $("too-much").hidden = n <= most;
  $("too-much").textContent = n > most ? t("tooMuchFile", { n: count(n), most: count(most) }) : "";
}

function drop(file) {
  const at = files.indexOf(file);
  files = files.filter((other) => other !== file);
  file.halt.abort();
  if (file.id) remove(`/api/files/${file.id}`).catch(() => {});
  draw();
  // The focus goes to the next of them, or to what adds another.
  ($("files").querySelectorAll("button")[Math.min(at, files.length - 1)] ?? $("attach")).focus();
}

/** Adds files: all are shown at once, and sent to the server one after the other. */
async function add(list) {
  const room = MAX_FILES - files.length;
  if (list.length > room) toast(t("tooManyFiles", { n: MAX_FILES }));
  const entries = [...list].slice(0, room).map((file) => ({ name: file.name, file, halt: new AbortController() }));
  files.push(...entries);
  draw();
  for (const entry of entries) {
    if (!files.includes(entry)) continue;
    try {
      await take(entry);
    } catch (error) {
      files = files.filter((other) => other !== entry);
      draw();
      if (!entry.halt.signal.aborted) toast(`${entry.name}: ${error.message}`);
    }
    draw();
  }
}

async function take(entry) {
  const { name, file, halt } = entry;
  if (file.size > MAX_FILE_MIB << 20) throw new Error(t("fileTooLarge", { n: MAX_FILE_MIB }));
  // A directory, or what is gone by now, cannot be read: that is not the server's silence.
  await file.slice(0, 1).arrayBuffer().catch(() => { throw new Error(t("fileGone")); });
  Object.assign(entry, await upload(`/api/files?name=${encodeURIComponent(name)}`, file, halt.signal));
}

async function submit() {
  if (chat.isRunning()) return chat.stop();
  const area = $("question");
  const question = area.value.trim();
  if (!question && files.length === 0) return;
  const unread = files.find((file) => !file.id);
  if (unread) return toast(t("uploading", { name: unread.name }));
  const sent = files;
  area.value = "";
  remember("draft", "");
  files = [];
  fit();
  draw();
  try {
    await chat.ask(question, sent);
  } catch (error) {
    // What was written is not lost.
    area.value = question;
    remember("draft", question);
    files = sent;
    fit();
    draw();
    // Above the files, which are back.
    toast(error.message);
  }
  draw();
}

/** Asks one of the examples. */
export async function askExample(example) {
  // The second press of two is none.
  if (chat.isRunning()) return;
  if (hasKeyboard()) $("question").focus();
  await chat.ask(example).catch((error) => toast(error.message));
}

/** Chooses one of several; the arrow keys move. */
function choice(label, hint, values, value, text, choose) {
  const group = make("div", "choice", { role: "radiogroup", "aria-label": label });
  const mark = (chosen) => [...group.children].forEach((element, i) => {
    element.setAttribute("aria-checked", String(values[i] === chosen));
    element.tabIndex = values[i] === chosen ? 0 : -1;
  });
  group.append(...values.map((v) => make("button", "", { type: "button", role: "radio", onclick: () => { mark(v); choose(v); } }, text(v))));
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = [...group.children].indexOf(document.activeElement);
    const to = group.children[(at + step + values.length) % values.length];
    to.click();
    to.focus();
  });
  mark(value);
  return make("div", "option", {}, make("span", "name", {}, label), group, make("small", "", {}, hint));
}

function openOptions() {
  const existing = document.querySelector(".options");
  if (existing) return closeOptions();
  const effort = choice(t("effort"), t("effortHint"), EFFORTS, how.effort, (v) => t(`effort${v[0].toUpperCase()}${v.slice(1)}`), (v) => {
    how.effort = v;
    remember("effort", v);
    draw();
  });
  const samples = choice(t("samples"), t("samplesHint"), SAMPLES, how.samples, (v) => (v === 1 ? t("once") : `${v}×`), (v) => { how.samples = v; draw(); });
  const temperature = make("input", "", { type: "number", min: 0, max: 2, step: 0.1, id: "temperature", inputmode: "decimal", placeholder: modelInfo?.temperature ?? 1 });
  temperature.value = how.temperature;
  temperature.addEventListener("input", () => { how.temperature = temperature.validity.valid ? temperature.value : ""; draw(); });
  const system = make("textarea", "", { id: "system", rows: 2 });
  system.value = how.system;
  system.addEventListener("input", () => { how.system = system.value; remember("system", system.value); draw(); });
  const panel = make("div", "options", { role: "dialog", "aria-label": t("options") },
    effort, samples,
    make("div", "option", {}, make("label", "name", { for: "temperature" }, t("temperature")), temperature, make("small", "", {}, t("temperatureHint"))),
    make("div", "option", {}, make("label", "name", { for: "system" }, t("system")), system, make("small", "", {}, t("systemHint"))));
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); closeOptions(); } });
  document.querySelector("#composer .box").append(panel);
  $("options").setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  panel.querySelector("[tabindex='0']").focus();
}

function outside(event) {
  if (!event.target.closest(".options, #options")) closeOptions();
}

function closeOptions() {
  document.querySelector(".options")?.remove();
  document.removeEventListener("pointerdown", outside, true);
  $("options").setAttribute("aria-expanded", "false");
  $("options").focus();
}

export function start() {
  $("attach").append(icon("clip"));
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  $("question").addEventListener("input", () => { remember("draft", $("question").value); fit(); draw(); });
  $("question").value = recall("draft", "");
  fit();
  $("question").addEventListener("keydown", (event) => {
    if (!sends(event)) return;
    event.preventDefault();
    if (!chat.isRunning()) submit();
  });
  $("question").addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add(event.clipboardData.files);
  });
  $("think").addEventListener("click", () => {
    how.think = !how.think;
    remember("think", how.think);
    draw();
  });
  $("options").addEventListener("click", openOptions);
  $("attach").addEventListener("click", () => $("file-input").click());
  $("file-input").addEventListener("change", () => { add([...$("file-input").files]); $("file-input").value = ""; });
  const stage = $("stage");
  // What else is dropped, as text into the question, is the browser's.
  const hasFiles = (event) => event.dataTransfer.types.includes("Files");
  stage.addEventListener("dragover", (event) => { if (hasFiles(event)) { event.preventDefault(); stage.classList.add("dropping"); } });
  stage.addEventListener("dragleave", (event) => { if (!stage.contains(event.relatedTarget)) stage.classList.remove("dropping"); });
  stage.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    stage.classList.remove("dropping");
    add([...event.dataTransfer.files]);
  });
  chat.onChange(draw);
  draw();
}

export { openMenu };
