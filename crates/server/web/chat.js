// The conversation on the screen: its tree of messages, the path that is shown, and the answers that are being written.

import { connectionLost, get, patch, post } from "./api.js";
import { $, button, make, place, say, sends, toast } from "./dom.js";
import { language, t } from "./i18n.js";
import { AnswerView, exampleButtons, pendingView, questionView, versions } from "./turn.js";

/** What is on the screen. `updatedAt`: when the latest message was written that was known when it was last read; `messages` by id in the order they were written; `running` by the answer's id; `pending`: a question
 * on its way to the server; `asking`: what makes an answer begin is on its way; `edits`: boxes with questions that are being edited, by id. */
const state = { id: null, title: "", updatedAt: 0, messages: new Map(), leaf: null, running: new Map(), pending: null, asking: null, edits: new Map() };

const listeners = new Set();
/** Called when a conversation begins, ends or changes its name. */
export const onChange = (listener) => listeners.add(listener);
const changed = (what) => listeners.forEach((listener) => listener(what));

export const conversation = () => ({ id: state.id, title: state.title, updatedAt: state.updatedAt, isEmpty: state.messages.size === 0 && !state.pending });
export const isRunning = () => state.asking !== null || path().some((message) => state.running.has(message.id));

let settings = () => ({});
let model = () => null;
let contextLength = () => null;
let waitingNote = () => "";
let askExample = () => {};
/** Where the composer's settings and the model come from. */
export function connect(sources) {
  ({ settings, model, contextLength, waitingNote, askExample } = sources);
}

// ---- the tree ----

const children = (parent) => [...state.messages.values()].filter((message) => message.parent === parent);

/** The messages from the root to the leaf. */
const path = () => pathTo(state.leaf);

function pathTo(id) {
  const found = [];
  for (let message = state.messages.get(id); message; message = state.messages.get(message.parent)) found.unshift(message);
  return found;
}

/** The latest message below one. */
function deepest(id) {
  for (;;) {
    const below = children(id);
    if (below.length === 0) return id;
    id = below.at(-1).id;
  }
}

async function showVersion(id) {
  state.leaf = deepest(id);
  draw();
  await patch(`/api/conversations/${state.id}`, { leaf: state.leaf }).catch((error) => toast(error.message));
}

// ---- loading ----

export function clear() {
  unfollow();
  Object.assign(state, { id: null, title: "", leaf: null, pending: null, asking: null });
  state.messages.clear();
  state.edits.clear();
  unmark();
  draw();
  changed("shown");
}

/** Shows a conversation: its end, or where it says `searched`. `isWanted`: whether it still is when it has come. */
export async function open(id, { searched = "", isWanted = () => true } = {}) {
  const isNew = id !== state.id;
  const { conversation, leaf, messages } = await get(`/api/conversations/${encodeURIComponent(id)}`);
  if (!isWanted()) return;
  unfollow();
  if (isNew) state.edits.clear();
  Object.assign(state, { id: conversation.id, title: conversation.title, updatedAt: conversation.updated_at, leaf: leaf ?? messages.at(-1)?.id ?? null, pending: null, asking: null });
  // What has not changed is the same object, and its turn is left alone.
  const isSame = (message) => JSON.stringify(message) === JSON.stringify(state.messages.get(message.id));
  state.messages = new Map(messages.map((message) => [message.id, isSame(message) ? state.messages.get(message.id) : message]));
  for (const message of messages) if (message.samples.some((sample) => sample.status === "running")) follow(message.id);
  if (isNew) {
    draw();
    $("scroller").scrollTop = $("scroller").scrollHeight;
    reveal(searched);
  } else {
    // After a time without the server the same conversation is shown, where the reader was in it.
    keepEnd(draw);
  }
  changed("shown");
}

/** Shows where the conversation says what was searched, if need be on another path or in another sample, and marks it. */
export function reveal(searched) {
  const wanted = searched.trim().toLowerCase();
  const holds = (text) => text.toLowerCase().includes(wanted);
  const isFound = (message) => holds(message.content) || message.samples.some((sample) => holds(sample.content));
  const found = wanted && (path().find(isFound) ?? [...state.messages.values()].find(isFound));
  if (found && !path().includes(found)) {
    state.leaf = deepest(found.id);
    draw();
  }
  const { root, view } = turns.get(found?.id) ?? {};
  const sample = found ? found.samples.findIndex(({ content }) => holds(content)) : -1;
  if (sample >= 0 && !holds(found.samples[view.shown].content)) view.look(sample);
  root?.querySelector(".question.folded + .unfold")?.click();
  const [first] = mark(wanted);
  if (root) (first && root.contains(first.startContainer) ? first.startContainer.parentElement : root).scrollIntoView({ block: "center" });
}

export const unmark = () => { mark(""); };

/** Marks a text wherever questions and answers on the screen have it in one piece; returns the places. */
function mark(wanted) {
  const places = [];
  const texts = wanted ? $("turns").querySelectorAll(".question, .answer") : [];
  for (const text of texts) {
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { currentNode: node } = walker;
      const said = node.data.toLowerCase();
      // In a few languages small letters are more characters than the capital: those are not marked.
      for (let at = said.length === node.length ? said.indexOf(wanted) : -1; at >= 0; at = said.indexOf(wanted, at + wanted.length)) {
        const place = new Range();
        place.setStart(node, at);
        place.setEnd(node, at + wanted.length);
        places.push(place);
      }
    }
  }
  globalThis.CSS?.highlights?.set("found", new Highlight(...places));
  return places;
}

/** Shows what is on the server now. */
export const comeBack = () => open(state.id);

/** The same, where nothing is under way here that it would disturb. */
export async function catchUp() {
  const { id } = state;
  const isIdle = () => state.id === id && !isRunning();
  if (isIdle()) await open(id, { isWanted: isIdle });
}

// ---- running answers ----

function unfollow() {
  for (const source of state.running.values()) source.close();
  state.running.clear();
}

const TICK_MS = 200;
/** The server says something every four seconds. A connection that brings nothing for so long is dead, though it looks open. */
const SILENT_TICKS = 60;

/** Follows a running answer to its end, over lost connections. */
function follow(id) {
  const of = state.id;
  const source = new EventSource(`/api/answers/${id}/events`);
  state.running.set(id, source);
  source.silent = 0;
  source.addEventListener("ping", () => { source.silent = 0; });
  source.addEventListener("message", (event) => {
    source.silent = 0;
    const update = JSON.parse(event.data);
    if (update.samples.length) keepEnd(() => turns.get(id)?.view?.update(update));
    if (update.ended) end(id, of);
  });
  source.addEventListener("error", () => {
    connectionLost();
    // The browser tries again by itself, unless the server refused.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (state.running.get(id) === source) follow(id); }, 2000);
  });
  changed("running");
}

async function end(id, of) {
  state.running.get(id)?.close();
  state.running.delete(id);
  if (state.id !== of) return;
  const { conversation, messages } = await get(`/api/conversations/${of}`);
  if (state.id !== of) return;
  state.updatedAt = conversation.updated_at;
  // Of the others only those are new that another page has asked for.
  for (const message of messages) if (message.id === id || !state.messages.has(message.id)) state.messages.set(message.id, message);
  keepEnd(draw);
  say(turns.get(id)?.view?.spoken ?? t("answerOf"));
  changed("ended");
}

// Ticks are counted and not the time, which goes on while the page sleeps.
setInterval(() => {
  for (const [id, source] of state.running) {
    if ($("lost").hidden) turns.get(id)?.view?.tick();
    source.silent += 1;
    if (source.silent !== SILENT_TICKS) continue;
    // When the server is found again, the answer is followed anew.
    source.close();
    connectionLost();
  }
}, TICK_MS);

export function stop() {
  for (const id of state.running.keys()) post(`/api/answers/${id}/stop`).catch(() => {});
}

// ---- asking ----

/** Posts what makes an answer begin; null where another conversation is on the screen when it has. */
async function beginAt(path, body) {
  const mine = {};
  state.asking = mine;
  try {
    const begun = await post(path, body);
    return state.asking === mine ? begun : null;
  } finally {
    if (state.asking === mine) Object.assign(state, { asking: null, pending: null });
  }
}

/** Asks a question below `parent`, or at the end. */
export async function ask(content, files = [], parent = state.leaf) {
  const { n_samples, ...how } = settings();
  const body = { content, files: files.map((file) => file.id), model: model(), settings: how, n_samples };
  if (state.id) body.conversation = state.id;
  if (state.id && parent) body.parent = parent;
  const before = state.id;
  state.pending = { content, files, parent };
  const asked = beginAt("/api/ask", body);
  draw();
  changed("shown");
  $("scroller").scrollTop = $("scroller").scrollHeight;
  const begun = await asked.catch((error) => {
    if (state.id === before) { draw(); changed("shown"); }
    throw error;
  });
  if (!begun) return changed("running");
  const isNew = !state.id;
  if (isNew) {
    state.id = begun.conversation;
    state.title = content.slice(0, 60);
  }
  const question = { id: begun.question, parent: isNew ? null : parent, role: "user", content, files, samples: [] };
  state.messages.set(question.id, question);
  begin(begun.answer, question.id, n_samples);
  changed(isNew ? "new" : "shown");
}

/** Answers a question again, or goes on from an answer that was cut. A second press while the first is on its way is none. */
async function regenerate(question, continues) {
  if (state.asking) return;
  const { n_samples: wanted, ...how } = settings();
  const n_samples = continues ? 1 : wanted;
  try {
    const begun = await beginAt(`/api/answers/${question}`, { model: model(), settings: how, n_samples, continues });
    if (!begun) return changed("running");
    begin(begun.answer, question, n_samples);
  } catch (error) {
    toast(error.message);
  }
  changed("shown");
}

function begin(id, parent, n_samples) {
  const sample = () => ({ status: "running", reasoning: "", content: "", facts: { thinking_ms: 0, decode_ms: 0, reasoning_tokens: 0 }, thinking_blocks: [], answer_blocks: [] });
  state.messages.set(id, { id, parent, role: "assistant", content: "", files: [], model: model(), chosen: 0, samples: Array.from({ length: n_samples }, sample) });
  state.leaf = id;
  follow(id);
  draw();
  say(t("thinking"));
  $("scroller").scrollTop = $("scroller").scrollHeight;
}

// ---- drawing ----

/** The turns on the screen by their keys. A turn stays as it is, with its focus, scroll and selection, until its stamp changes;
 * an answer takes what is new of it (`view`). */
const turns = new Map();

function draw() {
  const wanted = wantedTurns();
  const keys = new Set(wanted.map(({ key }) => key));
  for (const key of turns.keys()) if (!keys.has(key)) turns.delete(key);
  keepFocus(() => {
    for (const { key, stamp, message, build } of wanted) {
      const known = turns.get(key);
      if (known?.stamp !== stamp) turns.set(key, { stamp, ...build() });
      else if (known.view && known.view.message !== message) known.view.take(message);
    }
    place($("turns"), wanted.map(({ key }) => turns.get(key).root));
  });
}

/** What is to be shown: a key, a stamp of all that it shows but what `take` brings, and how to make it. */
function wantedTurns() {
  const { pending } = state;
  const shown = pending ? pathTo(pending.parent) : path();
  const wanted = shown.map((message) => {
    const box = state.edits.get(message.id);
    if (box) return { key: message.id, stamp: "edit", build: () => ({ root: box }) };
    const stamp = `${language()} ${siblings(message)}`;
    return { key: message.id, stamp, message, build: () => (message.role === "user" ? { root: drawQuestion(message) } : drawAnswer(message)) };
  });
  const last = shown.at(-1);
  if (pending) {
    const note = waitingNote();
    wanted.push({ key: "pending", stamp: `${pending.content} ${note}`, build: () => ({ root: pendingView(pending.content, pending.files, note) }) });
  } else if (last?.role === "user") {
    wanted.push({ key: "unanswered", stamp: `${language()} ${last.id}`, build: () => ({ root: unanswered(last) }) });
  } else if (last && !state.running.has(last.id)) {
    const some = suggestions(shown);
    wanted.push({ key: "suggestions", stamp: `${language()} ${some.join()}`, build: () => ({ root: suggestionsView(some) }) });
  }
  return wanted;
}

/** Runs a change. If what had the focus is gone, the same button of the turn in its place has it, or that turn. */
function keepFocus(change) {
  const focused = document.activeElement;
  const at = [...$("turns").children].findIndex((turn) => turn.contains(focused));
  change();
  if (at < 0 || focused.isConnected) return;
  const turn = $("turns").children[Math.min(at, $("turns").children.length - 1)];
  const name = focused.getAttribute("aria-label");
  const same = name && [...turn?.querySelectorAll("button") ?? []].find((other) => other.getAttribute("aria-label") === name);
  (same || turn)?.focus({ preventScroll: true });
}

const siblings = (message) => children(message.parent).filter((other) => other.role === message.role).map((other) => other.id);

function drawQuestion(message) {
  return questionView(message, {
    buttons: () => versions(siblings(message), message.id, showVersion),
    edit: () => editQuestion(message),
  });
}

function drawAnswer({ id, parent }) {
  const view = new AnswerView(state.messages.get(id), {
    contextLength: () => contextLength(state.messages.get(id).model),
    answerNow: () => post(`/api/answers/${id}/answer-now`).catch((error) => toast(error.message)),
    choose: (sample) => {
      state.messages.get(id).chosen = sample;
      post(`/api/answers/${id}/choose`, { sample }).catch((error) => toast(error.message));
    },
    goOn: () => regenerate(parent, id),
    buttons: () => [
      button("icon", t("regenerate"), () => regenerate(parent), "again", { iconOnly: true }),
      ...versions(siblings(state.messages.get(id)), id, showVersion),
    ],
  });
  return { root: view.root, view };
}

function unanswered(question) {
  return make("div", "turn", {}, button("primary", t("tryAgain"), () => regenerate(question.id)));
}

/** Puts a box with the question in its place. What is typed stays whatever happens around it. */
function editQuestion(message) {
  const area = make("textarea", "", { "aria-label": t("edit"), rows: 1, dir: "auto" });
  area.value = message.content;
  const fit = () => { area.style.height = "auto"; area.style.height = `${area.scrollHeight}px`; };
  const submit = async () => {
    const content = area.value.trim();
    if (state.asking || (!content && message.files.length === 0)) return;
    try {
      await ask(content, message.files, message.parent);
      state.edits.delete(message.id);
    } catch (error) {
      toast(error.message);
    }
  };
  const cancel = () => {
    state.edits.delete(message.id);
    // From here it goes to the button of that name.
    area.focus();
    draw();
  };
  area.addEventListener("input", fit);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); cancel(); }
    if (sends(event)) { event.preventDefault(); submit(); }
  });
  state.edits.set(message.id, make("article", "turn", { "aria-label": t("you") }, make("div", "edit", {}, area, make("div", "row", {},
    button("pill", t("cancel"), cancel), button("primary", t("send"), submit)))));
  draw();
  fit();
  area.focus();
}

let examples = [];
export const setExamples = (list) => { examples = list; };

/** Three examples that were not asked yet. */
function suggestions(shown) {
  const asked = new Set(shown.map((message) => message.content));
  const fresh = examples.filter((example) => !asked.has(example));
  const start = fresh.length ? (shown.length * 3) % fresh.length : 0;
  return [...fresh.slice(start), ...fresh.slice(0, start)].slice(0, 3);
}

const suggestionsView = (some) => make("div", "examples more", { role: "group", "aria-label": t("moreExamples") }, ...exampleButtons(some, askExample));

/** Runs a change and keeps the end in view if it was in view. */
function keepEnd(change) {
  const scroller = $("scroller");
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 90;
  change();
  if (near) scroller.scrollTop = scroller.scrollHeight;
}

/** Draws what has changed: another language, other examples. */
export const redraw = draw;
export const setTitle = (id, title) => { if (id === state.id) state.title = title; };
