// The page: what is shown under which address, and the keys that work everywhere.

import { get, post, whenConnectionChanges, whenSignedOut } from "./api.js";
import * as chat from "./chat.js";
import * as composer from "./composer.js";
import { $, ask, hasKeyboard, icon, make, recall, registerWorker, remember, say, toast } from "./dom.js";
import { t, translate } from "./i18n.js";
import { openSettings } from "./settings.js";
import * as sidebar from "./sidebar.js";
import { exampleButtons } from "./turn.js";

let models = [];
const model = () => models.find((entry) => entry.id === $("model").value) ?? models[0];

// ---- addresses ----

/** Goes to another address of this page. */
export function go(path) {
  if (path !== location.pathname + location.hash) history.pushState(null, "", path);
  return route();
}

/** Pages that are drawn by a module of their own, loaded when they are first shown. */
const PAGES = { "/library": "./library.js", "/runs": "./runs.js", "/plan": "./plan.js" };
let leavePage = () => {};

async function route() {
  leavePage();
  leavePage = () => {};
  const path = location.pathname;
  const [page] = Object.keys(PAGES).filter((known) => path === known);
  document.body.classList.toggle("on-page", Boolean(page));
  $("page").hidden = !page;
  $("turns").hidden = Boolean(page);
  $("composer").hidden = Boolean(page);
  for (const link of document.querySelectorAll(".pages a")) link.toggleAttribute("aria-current", link.getAttribute("href") === path);
  const id = path.match(/^\/c\/([\w-]+)$/)?.[1];
  if (page) {
    chat.clear();
    $("page").replaceChildren(make("p", "note", {}, t("loading")));
    const module = await import(PAGES[page]);
    if (location.pathname !== path) return;
    try {
      leavePage = (await module.show($("page"))) ?? leavePage;
    } catch (error) {
      $("page").replaceChildren(make("p", "failure", { role: "alert" }, error.message));
    }
    document.title = `${$("page").querySelector("h1")?.textContent ?? ""} · penseur`;
  } else if (id && id !== chat.conversation().id) {
    await chat.open(id, { searched: sidebar.searched(), isWanted: () => location.pathname === path }).catch((error) => { toast(error.message); if (error.status === 404) go("/"); });
  } else if (id) {
    // Where it is already: the list may have led here for something else.
    if (sidebar.searched()) chat.reveal(sidebar.searched());
  } else {
    chat.clear();
    if (hasKeyboard()) $("question").focus();
  }
  showState();
  sidebar.draw();
}

function showState() {
  const { id, title, isEmpty } = chat.conversation();
  const page = document.body.classList.contains("on-page");
  $("welcome").hidden = page || !isEmpty;
  $("new-chat-small").hidden = !page && isEmpty;
  sidebar.showTitle();
  if (!page) document.title = id ? `${title} · penseur` : "penseur";
}

// ---- the model ----

export async function loadModels() {
  try {
    models = (await get("/v1/models")).data;
  } catch (error) {
    // Who has no key is asked for it.
    $("description").textContent = error.status === 401 ? "" : error.message;
    return;
  }
  const chosen = recall("model", "");
  $("model").replaceChildren(...models.map((entry) => new Option(entry.id, entry.id)));
  $("model").hidden = models.length === 0;
  if (models.some((entry) => entry.id === chosen)) $("model").value = chosen;
  showModel();
}

/** Makes another model answer. */
export function chooseModel(id) {
  $("model").value = id;
  $("model").dispatchEvent(new Event("change"));
}

function showModel() {
  const { description = "", examples = [] } = model() ?? {};
  $("description").textContent = description;
  $("examples").replaceChildren(...exampleButtons(examples.slice(0, 6), composer.askExample));
  chat.setExamples(examples);
  composer.setModel(model());
  if (!chat.isRunning()) chat.redraw();
}

/** Why a question is not answered at once. */
function waitingNote() {
  const isThere = (model()?.state ?? "loaded") === "loaded";
  return isThere ? t("waiting") : t("modelLoading", { model: model().id });
}

// ---- the connection ----

async function showConnection(isThere) {
  $("lost").hidden = isThere;
  if (!isThere) return;
  say(t("found"));
  await loadModels();
  const { id } = chat.conversation();
  await Promise.all([id ? chat.comeBack().catch((error) => toast(error.message)) : route(), sidebar.refresh()]);
}

/** Somebody looks at this page again, and may have asked something on another one or on another device. */
async function lookAgain() {
  if (document.hidden || !$("lost").hidden || !$("locked").hidden) return;
  await sidebar.refresh();
  if (sidebar.wentOn()) await chat.catchUp().catch((error) => toast(error.message));
}

// ---- the key ----

let asking = false;

/** Keeps the key in a cookie that no script reads. */
async function signIn(key) {
  await post("/api/sign-in", { key });
  $("locked").hidden = true;
}

/** Asks for the key until it is right or the reader closes the dialog; a line above the page leads back to it. */
async function askForKey() {
  $("locked").hidden = false;
  if (asking) return;
  asking = true;
  const done = await ask(t("signInTitle"), (close) => {
    const input = make("input", "", { type: "password", required: true, autocomplete: "current-password", "aria-label": t("key"), placeholder: t("key") });
    const wrong = make("p", "failure", { role: "alert", hidden: true });
    const submit = (event) => {
      event.preventDefault();
      signIn(input.value.trim()).then(() => close(true), (error) => {
        wrong.textContent = error.message;
        wrong.hidden = false;
        input.focus();
      });
    };
    setTimeout(() => input.focus());
    return [make("p", "", {}, t("signInHint")), make("form", "", { onsubmit: submit }, input, wrong,
      make("div", "row", {}, make("button", "primary", { type: "submit" }, t("signIn"))))];
  });
  asking = false;
  if (!done) return;
  await loadModels();
  await Promise.all([sidebar.refresh(), route()]);
}

/** A key behind `#` is from the QR code that `--lan` prints; it never reaches a server's log. */
async function takeKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(null, "", location.pathname);
  await signIn(key).catch((error) => toast(error.message));
}

// ---- the page around the conversation ----

/** The reader's colours, or the system's; also of what the browser draws around the page. */
export function showTheme() {
  const chosen = recall("theme", "system");
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
    const theme = chosen === "system" ? meta.media.match(/light|dark/)[0] : chosen;
    meta.content = { light: "#fbfaf7", dark: "#15171a" }[theme];
  }
}

function onKey(event) {
  const command = event.ctrlKey || event.metaKey;
  if (event.key === "Escape" && !$("dialog").open) {
    if ($("stage").inert) sidebar.show(false);
    // In another box it empties the box, or does nothing.
    else if (!event.target.closest?.("input, select, textarea:not(#question)") && chat.isRunning()) chat.stop();
  } else if (command && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    go("/");
  } else if (command && event.key.toLowerCase() === "k") {
    event.preventDefault();
    sidebar.show(true);
    $("search").focus();
  } else if (event.key === "/" && document.activeElement === document.body) {
    event.preventDefault();
    $("question").focus();
  }
}

/** The page is as high as what a phone's keyboard leaves of it, also where the browser would cover it instead (iOS). */
function watchKeyboard() {
  visualViewport.addEventListener("resize", () => {
    // Somebody has zoomed in.
    if (visualViewport.scale > 1.01) return;
    document.documentElement.style.setProperty("--vh", `${visualViewport.height}px`);
    scrollTo(0, 0);
  });
}

function watchScroll() {
  const { scrollHeight, scrollTop, clientHeight } = $("scroller");
  $("to-end").hidden = scrollHeight - scrollTop - clientHeight < 300;
}

function connect() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-link]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    sidebar.hideIfNarrow();
    go(link.getAttribute("href"));
  });
  addEventListener("popstate", route);
  document.addEventListener("visibilitychange", lookAgain);
  addEventListener("focus", lookAgain);
  for (const id of ["new-chat", "new-chat-small"]) {
    $(id).addEventListener("click", () => { sidebar.hideIfNarrow(); go("/"); });
  }
  $("sign-in").addEventListener("click", askForKey);
  $("settings").addEventListener("click", () => { sidebar.hideIfNarrow(); openSettings(); });
  $("to-end").append(icon("down"));
  $("to-end").addEventListener("click", () => $("scroller").scrollTo({ top: $("scroller").scrollHeight, behavior: "smooth" }));
  $("scroller").addEventListener("scroll", watchScroll, { passive: true });
  $("model").addEventListener("change", () => { remember("model", $("model").value); showModel(); });
  chat.connect({ settings: composer.settings, model: () => model()?.id, contextLength: (id) => models.find((entry) => entry.id === id)?.context_length, waitingNote, askExample: composer.askExample });
  chat.onChange((what) => {
    if (what === "new") history.pushState(null, "", `/c/${chat.conversation().id}`);
    showState();
  });
  whenSignedOut(askForKey);
  whenConnectionChanges(showConnection);
}

/** Draws everything in another language. */
export function changeLanguage() {
  translate();
  chat.redraw();
  composer.draw();
  sidebar.refresh();
  route();
}

async function start() {
  showTheme();
  translate();
  sidebar.start();
  composer.start();
  connect();
  watchKeyboard();
  registerWorker();
  await takeKeyFromAddress();
  await loadModels();
  await Promise.all([route(), sidebar.refresh()]);
  document.body.classList.add("ready");
}

start();
