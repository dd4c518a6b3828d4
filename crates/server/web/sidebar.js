// The list of conversations, by day.

import { get, patch, remove } from "./api.js";
import * as chat from "./chat.js";
import { $, ask, button, icon, keyName, make, openMenu, recall, remember, toast } from "./dom.js";
import { count, language, t } from "./i18n.js";
import { go } from "./app.js";

let listed = [];
let areMore = false;
let running = new Set();
let search = "";
/** What is searched for. */
export const searched = () => search;
let signedIn = false;
/** Whether this browser has shown a key. */
export const isSignedIn = () => signedIn;

/** The heading under which a time stands. */
function dayOf(ms) {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  const days = Math.floor((midnight - ms) / 86_400_000) + 1;
  if (days <= 0) return t("today");
  if (days <= 1) return t("yesterday");
  if (days <= 7) return t("week");
  if (days <= 30) return t("month");
  return new Date(ms).toLocaleDateString(language(), { year: "numeric", month: "long" });
}

export async function refresh() {
  const found = await get(`/api/conversations?search=${encodeURIComponent(search)}`).catch(() => null);
  if (!found) return;
  listed = found.conversations;
  areMore = found.more;
  running = new Set(found.running);
  signedIn = found.signed_in;
  const shown = listed.find((entry) => entry.id === chat.conversation().id);
  if (shown) chat.setTitle(shown.id, shown.title);
  draw();
}

/** Whether the conversation that is shown went on elsewhere: on another page, or on another device. */
export function wentOn() {
  const { id, updatedAt } = chat.conversation();
  return listed.some((entry) => entry.id === id && entry.updated_at > updatedAt);
}

/** The page's heading: a new conversation has no name yet. */
export function showTitle() {
  const { title, isEmpty } = chat.conversation();
  $("title").textContent = title || (isEmpty ? "" : t("newChat"));
}

/** What is in the list. While that is the same the list is left alone. */
let drawn = "";
const REFRESH_MS = 3000;
let later;

export function draw() {
  showTitle();
  const { id } = chat.conversation();
  clearTimeout(later);
  // Answers in other conversations end without a word to this page.
  if ([...running].some((other) => other !== id)) later = setTimeout(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
  const wanted = JSON.stringify([language(), new Date().toDateString(), id, listed, areMore, [...running], search]);
  if (wanted === drawn) return;
  drawn = wanted;
  const focused = $("history").contains(document.activeElement) && document.activeElement.closest("li");
  const rows = [];
  let day = null;
  for (const entry of listed) {
    const its = dayOf(entry.updated_at);
    if (its !== day) rows.push(make("h2", "", {}, its), make("ul"));
    day = its;
    rows.at(-1).append(row(entry, entry.id === id));
  }
  if (rows.length === 0) rows.push(make("p", "nothing", {}, t(search ? "nothingFound" : "nothingYet")));
  if (areMore) rows.push(make("p", "nothing", {}, t("moreThanListed", { n: count(listed.length) })));
  const [name, at] = focused ? [focused.querySelector("a").pathname, document.activeElement.tagName] : [];
  $("history").replaceChildren(...rows);
  if (name) $("history").querySelector(`a[href="${name}"]`)?.closest("li").querySelector(at).focus({ preventScroll: true });
}

function row(entry, isShown) {
  const link = make("a", "", { href: `/c/${entry.id}`, "data-link": true, dir: "auto", title: entry.title, "aria-current": isShown && "page" },
    running.has(entry.id) && make("span", "pulse", {}), entry.title);
  const more = button("icon small", t("conversationMenu", { title: entry.title }), () => menu(more, entry), "more", { iconOnly: true, "aria-haspopup": "menu" });
  return make("li", isShown ? "shown" : "", {}, link, more);
}

/** What can be done with a conversation. */
export function menu(anchor, entry) {
  const save = (query) => { location.assign(`/api/conversations/${entry.id}/${query}`); };
  openMenu(anchor, [
    [t("rename"), "edit", () => rename(entry)],
    [t("share"), "on", () => save(`share.html?language=${language()}`)],
    [t("exportMarkdown"), "file", () => save("export.md")],
    [t("exportJson"), "box", () => save("export.json")],
    [t("delete"), "close", () => erase(entry), "danger"],
  ]);
}

async function rename(entry) {
  const title = await ask(t("renameTitle"), (close) => {
    const input = make("input", "", { "aria-label": t("titleLabel"), maxlength: 120, required: true });
    input.value = entry.title;
    const form = make("form", "", { onsubmit: (event) => { event.preventDefault(); close(input.value.trim()); } }, input,
      make("div", "row", {}, button("pill", t("cancel"), () => close(null)), make("button", "primary", { type: "submit" }, t("save"))));
    setTimeout(() => input.select());
    return [form];
  });
  if (!title) return;
  await patch(`/api/conversations/${entry.id}`, { title }).catch((error) => toast(error.message));
  refresh();
}

async function erase(entry) {
  const sure = await ask(t("deleteTitle"), (close) => [
    make("p", "", {}, make("strong", "", {}, entry.title)), make("p", "", {}, t("deleteSure")),
    make("div", "row", {}, button("pill", t("cancel"), () => close(false)), button("primary danger", t("delete"), () => close(true))),
  ]);
  if (!sure) return;
  await remove(`/api/conversations/${entry.id}`).catch((error) => toast(error.message));
  if (chat.conversation().id === entry.id) go("/");
  refresh();
}

const narrow = matchMedia("(max-width: 60rem)");

/** What had the focus before the drawer did, and what hears the phone's Back. */
let before = null;
let watcher = null;

/** Shows or hides the list. On a narrow screen it lies over the page, which cannot be reached meanwhile. */
export function show(open) {
  const wasOpen = document.body.classList.contains("side-open");
  const isDrawer = open && narrow.matches;
  document.body.classList.toggle("side-open", open);
  $("stage").inert = isDrawer;
  if (!narrow.matches) remember("sidebar", open);
  if (isDrawer && !wasOpen) {
    before = document.activeElement;
    $("close-sidebar").focus();
    watcher = globalThis.CloseWatcher ? new CloseWatcher() : null;
    watcher?.addEventListener("close", () => show(false));
  } else if (!isDrawer && before) {
    watcher?.destroy();
    // Not where the focus has gone elsewhere, as to a link.
    if ($("sidebar").contains(document.activeElement) || document.activeElement === document.body) (before.isConnected && before !== document.body ? before : $("open-sidebar")).focus();
    before = null;
  }
}
export const hideIfNarrow = () => { if (narrow.matches) show(false); };

export function start() {
  document.querySelectorAll(".pages a, .pages button").forEach((entry) => {
    entry.prepend(icon({ library: "box", runs: "chart", plan: "plan" }[entry.dataset.page] ?? "gear"));
  });
  $("open-sidebar").append(icon("menu"));
  $("close-sidebar").append(icon("panel"));
  $("new-chat").prepend(icon("plus"));
  $("new-chat").querySelector("kbd").textContent = keyName("Ctrl ⇧ O");
  $("new-chat-small").append(icon("compose"));
  $("more").append(icon("more"));
  $("open-sidebar").addEventListener("click", () => show(true));
  $("close-sidebar").addEventListener("click", () => { show(false); $("open-sidebar").focus(); });
  $("scrim").addEventListener("click", () => show(false));
  $("more").addEventListener("click", () => menu($("more"), chat.conversation()));
  let timer;
  $("search").addEventListener("input", () => {
    search = $("search").value;
    if (!search) chat.unmark();
    clearTimeout(timer);
    timer = setTimeout(refresh, 150);
  });
  const fit = () => show(!narrow.matches && recall("sidebar", true));
  narrow.addEventListener("change", fit);
  fit();
  chat.onChange((what) => {
    $("more").hidden = !chat.conversation().id;
    if (what === "shown") draw();
    else refresh();
  });
}
