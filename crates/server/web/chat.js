// The conversation on the screen: its tree of messages, the path that is shown, and the answers that are being written.

import { connectionLost, get, patch, post } from "./api.js";
import { $, button, make, say, toast } from "./dom.js";
import { t } from "./i18n.js";
import { AnswerView, exampleButtons, pendingView, questionView, versions } from "./turn.js";

/** What is on the screen. `messages` by id in the order they were written; `running` by the answer's id; `pending`: a question
 * on its way to the server. */
const state = { id: null, title: "", messages: new Map(), leaf: null, views: new Map(), running: new Map(), pending: null };

const listeners = new Set();
/** Called when a conversation begins, ends or changes its name. */
export const onChange = (listener) => listeners.add(listener);
const changed = (what) => listeners.forEach((listener) => listener(what));

export const conversation = () => ({ id: state.id, title: state.title, isEmpty: state.messages.size === 0 && !state.pending });
export const isRunning = () => state.pending !== null || path().some((message) => state.running.has(message.id));

let settings = () => ({});
let model = () => null;
let waitingNote = () => "";
let askExample = () => {};
/** Where the composer's settings and the model come from. */
export function connect(sources) {
  ({ settings, model, waitingNote, askExample } = sources);
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
  Object.assign(state, { id: null, title: "", leaf: null, pending: null });
  state.messages.clear();
  draw();
  changed("shown");
}

export async function open(id) {
  unfollow();
  const { conversation, leaf, messages } = await get(`/api/conversations/${encodeURIComponent(id)}`);
  Object.assign(state, { id: conversation.id, title: conversation.title, leaf: leaf ?? messages.at(-1)?.id ?? null, pending: null });
  state.messages = new Map(messages.map((message) => [message.id, message]));
  draw();
  for (const message of messages) if (message.samples.some((sample) => sample.status === "running")) follow(message.id);
  $("scroller").scrollTop = $("scroller").scrollHeight;
  changed("shown");
}

/** Shows what is on the server now, after a time without it. */
export async function comeBack() {
  const { scrollTop } = $("scroller");
  await open(state.id);
  $("scroller").scrollTop = scrollTop;
}

// ---- running answers ----

function unfollow() {
  for (const source of state.running.values()) source.close();
  state.running.clear();
}

/** Follows a running answer to its end, over lost connections. */
function follow(id) {
  const of = state.id;
  const source = new EventSource(`/api/answers/${id}/events`);
  state.running.set(id, source);
  source.addEventListener("message", (event) => {
    const update = JSON.parse(event.data);
    if (update.samples.length) keepEnd(() => state.views.get(id)?.update(update));
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
  const { messages } = await get(`/api/conversations/${of}`);
  if (state.id !== of) return;
  for (const message of messages) if (!state.running.has(message.id)) state.messages.set(message.id, message);
  keepEnd(draw);
  say(t("answerOf"));
  changed("ended");
}

setInterval(() => { for (const id of state.running.keys()) state.views.get(id)?.tick(); }, 200);

export function stop() {
  for (const id of state.running.keys()) post(`/api/answers/${id}/stop`).catch(() => {});
}

// ---- asking ----

/** Asks a question below `parent`, or at the end. */
export async function ask(content, files = [], parent = state.leaf) {
  const { n_samples, ...how } = settings();
  const body = { content, files: files.map((file) => file.id), model: model(), settings: how, n_samples };
  if (state.id) body.conversation = state.id;
  if (state.id && parent) body.parent = parent;
  const before = state.id;
  state.pending = { content, files, parent };
  draw();
  changed("shown");
  $("scroller").scrollTop = $("scroller").scrollHeight;
  const begun = await post("/api/ask", body).finally(() => { state.pending = null; }).catch((error) => {
    if (state.id === before) { draw(); changed("shown"); }
    throw error;
  });
  // Another conversation is on the screen by now.
  if (state.id !== before) return changed("running");
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

/** Answers a question again, or goes on from an answer that was cut. */
async function regenerate(question, continues) {
  const { n_samples: wanted, ...how } = settings();
  const n_samples = continues ? 1 : wanted;
  try {
    const begun = await post(`/api/answers/${question}`, { model: model(), settings: how, n_samples, continues });
    begin(begun.answer, question, n_samples);
    changed("shown");
  } catch (error) {
    toast(error.message);
  }
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

function draw() {
  const { pending } = state;
  const shown = pending ? pathTo(pending.parent) : path();
  state.views.clear();
  const turns = shown.map((message) => (message.role === "user" ? drawQuestion(message) : drawAnswer(message)));
  const last = shown.at(-1);
  if (pending) turns.push(pendingView(pending.content, pending.files, waitingNote()));
  else if (last?.role === "user") turns.push(unanswered(last));
  $("turns").replaceChildren(...turns);
  if (!pending && last?.role === "assistant" && !state.running.has(last.id)) $("turns").append(suggestions(shown));
}

const siblings = (message) => children(message.parent).filter((other) => other.role === message.role).map((other) => other.id);

function drawQuestion(message) {
  return questionView(message, {
    buttons: () => versions(siblings(message), message.id, showVersion),
    edit: () => editQuestion(message),
  });
}

function drawAnswer(message) {
  const view = new AnswerView(message, {
    answerNow: () => post(`/api/answers/${message.id}/answer-now`).catch((error) => toast(error.message)),
    choose: (sample) => {
      message.chosen = sample;
      post(`/api/answers/${message.id}/choose`, { sample }).catch((error) => toast(error.message));
    },
    goOn: () => regenerate(message.parent, message.id),
    buttons: () => [
      button("icon", t("regenerate"), () => regenerate(message.parent), "again", { iconOnly: true }),
      ...versions(siblings(message), message.id, showVersion),
    ],
  });
  state.views.set(message.id, view);
  return view.root;
}

function unanswered(question) {
  return make("div", "turn", {}, button("primary", t("tryAgain"), () => regenerate(question.id)));
}

/** Puts a box with the question in its place. */
function editQuestion(message) {
  const area = make("textarea", "", { "aria-label": t("edit"), rows: 1 });
  area.value = message.content;
  const fit = () => { area.style.height = "auto"; area.style.height = `${area.scrollHeight}px`; };
  const submit = async () => {
    try {
      await ask(area.value.trim(), message.files, message.parent);
    } catch (error) {
      toast(error.message);
    }
  };
  area.addEventListener("input", fit);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); draw(); }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
  });
  const box = make("div", "edit", {}, area, make("div", "row", {},
    button("pill", t("cancel"), draw), button("primary", t("send"), submit)));
  const at = path().findIndex((other) => other.id === message.id);
  $("turns").children[at].replaceChildren(box);
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
  const some = [...fresh.slice(start), ...fresh.slice(0, start)].slice(0, 3);
  return make("div", "examples more", { role: "group", "aria-label": t("moreExamples") }, ...exampleButtons(some, askExample));
}

/** Runs a change and keeps the end in view if it was in view. */
function keepEnd(change) {
  const scroller = $("scroller");
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 90;
  change();
  if (near) scroller.scrollTop = scroller.scrollHeight;
}

/** Draws everything anew, in another language. */
export const redraw = draw;
export const setTitle = (id, title) => { if (id === state.id) state.title = title; };
