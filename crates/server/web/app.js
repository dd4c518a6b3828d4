// The chat page. One conversation, kept in this tab; text reaches the document as text nodes only.

const $ = (id) => document.getElementById(id);
const page = {
  scroller: $("scroller"), welcome: $("welcome"), description: $("description"), examples: $("examples"),
  turns: $("turns"), composer: $("composer"), question: $("question"), think: $("think"), send: $("send"),
  model: $("model"), modelName: $("model-name"), theme: $("theme"), newChat: $("new-chat"), status: $("status"),
  keyDialog: $("key-dialog"), keyForm: $("key-form"), key: $("key"),
};

/** Everything that is not on the screen. A turn: {question, reasoning, answer, info}. */
const state = { models: [], turns: [], running: null };

// ---- small helpers ----

/** An element with a class, text, and children. */
function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

function icon(path, className = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

const ICONS = {
  chevron: "M9 6l6 6-6 6",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.500 4.500L19 7.500",
  again: "M19 12a7 7 0 1 1-2-4.900M19 3.500V8h-4.500",
};

function button(className, label, onClick, iconPath) {
  const element = make("button", className, ...(iconPath ? [icon(iconPath)] : []), make("span", "", label));
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}

const seconds = (ms) => (ms < 9950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)) + " s";
const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const say = (text) => { page.status.textContent = text; };

/** Storage may be switched off; then nothing is remembered. */
function remember(storage, key, value) {
  try { storage().setItem(key, value); } catch { /* as above */ }
}
function recall(storage, key) {
  try { return storage().getItem(key); } catch { return null; }
}
const tab = () => sessionStorage;
const browser = () => localStorage;

// ---- talking to the server ----

/** What went wrong, in words for the reader. `action` is the remedy on offer: retry, new-chat or none. */
class Failure extends Error {
  constructor(message, action = "retry") {
    super(message);
    this.action = action;
  }
}

const UNREACHABLE = "The server does not answer. Is penseur still running on this machine?";

async function request(path, options = {}) {
  const headers = { ...(options.body && { "Content-Type": "application/json" }) };
  const key = recall(tab, "key");
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(UNREACHABLE);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  const problem = body?.error ?? {};
  if (response.status === 401) {
    askForKey();
    throw new Failure("This server needs a key.");
  }
  if (problem.code === "busy") throw new Failure("The server is busy with other questions. Try again in a moment.");
  if (problem.code === "context_length_exceeded") {
    throw state.turns.length > 1
      ? new Failure("This conversation has grown too long for the model.", "new-chat")
      : new Failure("This question is too long for the model. Ask something shorter.", "none");
  }
  throw new Failure(problem.message ?? `The server answered with an error (${response.status}).`);
}

/** The JSON events of a streamed answer; fails if it breaks off. */
async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure("The connection was lost in the middle of the answer.");
    }
    if (piece.done) throw new Failure("The connection was lost in the middle of the answer.");
    buffer += decoder.decode(piece.value, { stream: true });
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const event = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (!event.startsWith("data: ")) continue; // a comment that keeps the line open
      if (event === "data: [DONE]") return;
      const data = JSON.parse(event.slice(6));
      if (data.error) throw new Failure(data.error.message);
      yield data;
    }
  }
}

// ---- an answer on the screen ----

/** Splits a paragraph into text, **bold** and `code`. */
function inline(text) {
  const parts = text.split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/);
  return parts.filter(Boolean).map((part) => {
    if (/^\*\*[^*]+\*\*$/.test(part)) return make("strong", "", part.slice(2, -2));
    if (/^`[^`]+`$/.test(part)) return make("code", "", part.slice(1, -1));
    return document.createTextNode(part);
  });
}

/** Paragraphs and fenced code; everything else is left as the model wrote it. */
function blocks(text) {
  return text.split(/(```[^\n]*\n[\s\S]*?(?:\n```|$))/).flatMap((part, i) => {
    if (i % 2) return [make("pre", "", part.replace(/^```[^\n]*\n/, "").replace(/\n```$/, ""))];
    return part.split(/\n{2,}/).map((p) => p.replace(/^\n+|\n+$/g, "")).filter(Boolean)
      .map((paragraph) => make("p", "", ...inline(paragraph)));
  });
}

const STOPPED = {
  budget: "stopped at its budget",
  loop: "stopped, it was going in circles",
  user: "ended by you",
  length: "ran out of room",
};

/** The elements of one turn. `update` may be called at every token; it draws at most once a frame. */
class TurnView {
  constructor(turn) {
    this.turn = turn;
    this.figures = make("span", "figures");
    this.thought = make("div", "thought");
    this.thinking = make("details", "thinking", make("summary", "", icon(ICONS.chevron, "chevron"), this.figures), this.thought);
    this.thinking.open = true;
    this.thinking.firstChild.addEventListener("click", () => { this.touched = true; });
    this.answer = make("div", "answer");
    this.after = make("div", "after");
    this.root = make("article", "turn", make("div", "question", turn.question), this.thinking, this.answer, this.after);
    this.draw();
  }

  update() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      follow(() => this.draw());
    });
  }

  draw() {
    const { reasoning, answer, info } = this.turn;
    const live = state.running?.turn === this.turn;
    const thinks = live && !info.thoughtMs && info.thinks;
    this.thinking.hidden = !(reasoning || thinks);
    this.thinking.classList.toggle("busy", thinks);
    // Appending keeps a reader's selection and costs the same at every length.
    const shown = this.thought.firstChild?.data ?? "";
    if (reasoning.startsWith(shown)) this.thought.append(reasoning.slice(shown.length));
    else this.thought.textContent = reasoning;
    this.thought.normalize();
    if (thinks) this.thought.scrollTop = this.thought.scrollHeight;
    this.figures.textContent = this.headline(thinks);
    if (this.drawn !== answer) this.answer.replaceChildren(...blocks(answer));
    this.drawn = answer;
    this.answer.classList.toggle("writing", live && Boolean(answer));
    this.answer.classList.toggle("waiting", live && !answer && !thinks);
  }

  headline(thinks) {
    const { info } = this.turn;
    const ms = thinks ? performance.now() - info.startedAt : info.thoughtMs ?? 0;
    const parts = [thinks ? `Thinking… ${seconds(ms)}` : `Thought for ${seconds(ms)}`];
    if (info.reasoningTokens) parts.push(count(info.reasoningTokens, "token"));
    if (STOPPED[info.thinkingStopReason]) parts.push(STOPPED[info.thinkingStopReason]);
    return parts.join(" · ");
  }

  /** Long thinking folds away when the answer is there, unless the reader holds it open. */
  fold() {
    if (!this.touched && this.thought.scrollHeight > 420) this.thinking.open = false;
  }

  /** What stands under a finished answer: figures, copy, again, and questions that work. */
  finish(isLast) {
    const { answer, info } = this.turn;
    this.draw();
    const rows = [];
    if (info.failure) {
      rows.push(failureRow(info.failure, isLast));
    } else {
      if (info.finishReason === "length") {
        const text = answer ? "The answer ends here: there was no room for more." : "No room was left for an answer. Without thinking, or in a new chat, there is more.";
        rows.push(make("p", "note", text));
      }
      if (info.stopped) rows.push(make("p", "note", "Stopped."));
      const foot = make("div", "foot");
      if (info.speed) foot.append(make("span", "speed", info.speed));
      if (answer && navigator.clipboard) foot.append(copyButton(answer));
      if (isLast) foot.append(button("quiet", "Again", () => askAgain(), ICONS.again));
      rows.push(foot);
    }
    if (isLast) rows.push(suggestions());
    this.after.replaceChildren(...rows);
  }
}

function failureRow({ message, action }, isLast) {
  const row = make("div", "failure", make("p", "", message));
  row.setAttribute("role", "alert");
  if (!isLast || action === "none") return row;
  const remedy = action === "new-chat"
    ? button("primary", "Ask in a new chat", () => { const { question } = state.turns.at(-1); newChat(); ask(question); })
    : button("primary", "Try again", () => askAgain());
  row.append(remedy);
  return row;
}

function copyButton(text) {
  const copy = button("quiet", "Copy", async () => {
    await navigator.clipboard.writeText(text);
    copy.replaceChildren(icon(ICONS.check), make("span", "", "Copied"));
    setTimeout(() => copy.replaceChildren(icon(ICONS.copy), make("span", "", "Copy")), 1500);
  }, ICONS.copy);
  return copy;
}

/** Three examples that were not asked yet. */
function suggestions() {
  const asked = new Set(state.turns.map((turn) => turn.question));
  const fresh = (model()?.examples ?? []).filter((example) => !asked.has(example));
  const start = fresh.length ? (state.turns.length * 3) % fresh.length : 0;
  const shown = [...fresh.slice(start), ...fresh.slice(0, start)].slice(0, 3);
  const row = make("div", "examples more", ...shown.map(exampleButton));
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Questions to try");
  return row;
}

function exampleButton(example) {
  const element = make("button", "example", example);
  element.type = "button";
  element.addEventListener("click", () => ask(example));
  return element;
}

/** Runs a change and keeps the end in view if it was in view. */
function follow(change) {
  const { scroller } = page;
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  change();
  if (near) scroller.scrollTop = scroller.scrollHeight;
}

// ---- asking ----

const model = () => state.models.find((m) => m.id === page.model.value) ?? state.models[0];
const thinks = () => page.think.getAttribute("aria-checked") === "true";

/** The conversation as the API wants it. Turns without an answer are left out with their question. */
function conversation(question) {
  const earlier = state.turns.filter((turn) => turn.answer && !turn.info.failure);
  const told = earlier.flatMap((turn) => [
    { role: "user", content: turn.question },
    { role: "assistant", content: turn.answer },
  ]);
  return [...told, { role: "user", content: question }];
}

async function ask(question) {
  if (state.running) await stop();
  const body = {
    model: model()?.id,
    messages: conversation(question),
    stream: true,
    thinking: { type: thinks() ? "enabled" : "disabled" },
  };
  const turn = { question, reasoning: "", answer: "", info: { thinks: thinks() } };
  state.turns.at(-1)?.view?.finish(false);
  state.turns.push(turn);
  if (matchMedia("(hover: hover)").matches) page.question.focus(); // on a phone that would raise the keyboard
  const abort = new AbortController();
  state.running = { turn, abort };
  state.running.done = run(turn, body, abort.signal);
  await state.running.done;
}

async function run(turn, body, signal) {
  const { info } = turn;
  info.startedAt = performance.now();
  turn.view = new TurnView(turn);
  page.turns.append(turn.view.root);
  showState();
  page.scroller.scrollTop = page.scroller.scrollHeight;
  say(info.thinks ? "Thinking" : "Answering");
  const clock = setInterval(() => {
    turn.view.update();
    offerAnswerNow(turn);
  }, 100);
  try {
    const response = await request("/v1/chat/completions", { method: "POST", body: JSON.stringify(body), signal });
    for await (const event of events(response)) take(turn, event);
  } catch (error) {
    if (error.name === "AbortError") info.stopped = true;
    else info.failure = { message: error instanceof Failure ? error.message : "Something went wrong in this page.", action: error.action };
    if (!(error instanceof Failure) && error.name !== "AbortError") console.error(error);
  } finally {
    clearInterval(clock);
    endThinking(turn);
    if (state.running?.turn === turn) state.running = null;
    follow(() => { turn.view.finish(true); });
    showState();
    save();
    say(info.failure ? info.failure.message : turn.answer ? `Answer: ${turn.answer}` : "Stopped");
  }
}

/** Takes one event of the stream into the turn. */
function take(turn, event) {
  const { info } = turn;
  info.id = event.id;
  const choice = event.choices[0];
  const delta = choice?.delta ?? {};
  if (delta.reasoning_content) {
    turn.reasoning += delta.reasoning_content;
    info.reasoningTokens = (info.reasoningTokens ?? 0) + 1;
  }
  if (delta.content) {
    endThinking(turn);
    turn.answer += delta.content;
  }
  if (choice?.finish_reason) {
    info.finishReason = choice.finish_reason;
    info.thinkingStopReason = choice.thinking_stop_reason;
    if (info.thinkingStopReason === "natural" || !info.thinks) info.thinkingStopReason = null;
  }
  const { usage, timings } = event;
  if (usage && timings) {
    info.reasoningTokens = usage.completion_tokens_details.reasoning_tokens;
    const total = timings.queued_ms + timings.prompt_ms + timings.predicted_ms;
    const rate = timings.predicted_per_second;
    const speed = rate ? `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en")} tokens/s` : null;
    info.speed = [speed, count(usage.completion_tokens, "token"), seconds(total)].filter(Boolean).join(" · ");
  }
  turn.view.update();
}

function endThinking(turn) {
  const { info, view } = turn;
  if (info.thoughtMs !== undefined || !info.thinks) return;
  info.thoughtMs = performance.now() - info.startedAt;
  view.answerNow?.remove();
  view.answerNow = null;
  follow(() => { view.draw(); view.fold(); });
}

/** After two seconds of thinking the reader may have the answer at once. */
function offerAnswerNow(turn) {
  const { info, view } = turn;
  const due = info.thinks && info.id && !info.thoughtMs && performance.now() - info.startedAt > 2000;
  if (!due || view.answerNow !== undefined || !model()?.thinking) return;
  view.answerNow = button("answer-now", "Answer now", () => {
    view.answerNow.disabled = true;
    request(`/v1/chat/completions/${encodeURIComponent(info.id)}/answer`, { method: "POST" }).catch(() => {});
  });
  follow(() => view.thinking.append(view.answerNow));
}

async function stop() {
  const { running } = state;
  running?.abort.abort();
  await running?.done;
}

/** Asks the last question once more, in place of its answer. */
function askAgain() {
  const last = state.turns.pop();
  last.view.root.remove();
  ask(last.question);
}

function newChat() {
  stop();
  state.turns = [];
  page.turns.replaceChildren();
  save();
  showState();
  page.question.focus();
}

// ---- the page around the conversation ----

function showState() {
  const running = Boolean(state.running);
  page.composer.classList.toggle("running", running);
  page.send.disabled = !running && !page.question.value.trim();
  page.send.setAttribute("aria-label", running ? "Stop" : "Send");
  page.send.title = running ? "Stop (Esc)" : "Send (Enter)";
  page.welcome.hidden = state.turns.length > 0;
  page.newChat.hidden = state.turns.length === 0;
}

function fitQuestion() {
  page.question.style.height = "auto";
  page.question.style.height = `${page.question.scrollHeight}px`;
}

function save() {
  const turns = state.turns.map(({ question, reasoning, answer, info }) => ({ question, reasoning, answer, info }));
  remember(tab, "turns", JSON.stringify(turns));
}

/** Brings back the conversation of this tab after a reload. */
function restore() {
  let turns = [];
  try { turns = JSON.parse(recall(tab, "turns") ?? "[]"); } catch { /* start afresh */ }
  for (const turn of turns) {
    turn.info ??= {};
    turn.view = new TurnView(turn);
    state.turns.push(turn);
    page.turns.append(turn.view.root);
    turn.view.fold();
  }
  state.turns.forEach((turn, i) => turn.view.finish(i === state.turns.length - 1));
  page.scroller.scrollTop = page.scroller.scrollHeight;
  showState();
}

function showModel() {
  const { description = "", examples = [], id = "" } = model() ?? {};
  page.modelName.textContent = state.models.length > 1 ? "" : id;
  page.description.textContent = description;
  page.examples.replaceChildren(...examples.slice(0, 6).map(exampleButton));
}

async function loadModels() {
  try {
    const response = await request("/v1/models");
    state.models = (await response.json()).data;
  } catch (error) {
    page.description.textContent = error.message;
    page.examples.replaceChildren(button("primary", "Try again", loadModels));
    return;
  }
  page.model.replaceChildren(...state.models.map((m) => new Option(m.id, m.id)));
  page.model.hidden = state.models.length < 2;
  showModel();
  state.turns.at(-1)?.view.finish(true);
}

function askForKey() {
  if (!page.keyDialog.open) page.keyDialog.showModal();
  page.key.focus();
}

const darkByDefault = matchMedia("(prefers-color-scheme: dark)");

/** The reader's choice, or none for the system's. */
function showTheme() {
  const chosen = recall(browser, "theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

function connect() {
  page.composer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (state.running) return void stop();
    const question = page.question.value.trim();
    if (!question) return;
    page.question.value = "";
    fitQuestion();
    ask(question);
  });
  page.question.addEventListener("input", () => { fitQuestion(); showState(); });
  page.question.addEventListener("keydown", (event) => {
    // While an input method composes, Enter is its own.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!state.running) page.composer.requestSubmit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.running && !page.keyDialog.open) stop();
    if (event.key === "/" && document.activeElement === document.body) {
      event.preventDefault();
      page.question.focus();
    }
  });
  page.think.addEventListener("click", () => {
    const on = String(!thinks());
    page.think.setAttribute("aria-checked", on);
    remember(browser, "think", on);
  });
  page.newChat.addEventListener("click", newChat);
  page.model.addEventListener("change", showModel);
  page.theme.addEventListener("click", () => {
    const shown = document.documentElement.dataset.theme ?? (darkByDefault.matches ? "dark" : "light");
    const other = shown === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = other;
    remember(browser, "theme", other);
  });
  page.keyForm.addEventListener("submit", (event) => {
    event.preventDefault();
    remember(tab, "key", page.key.value.trim());
    page.keyDialog.close();
    loadModels();
  });
}

showTheme();
page.think.setAttribute("aria-checked", recall(browser, "think") ?? "true");
connect();
restore();
loadModels();
