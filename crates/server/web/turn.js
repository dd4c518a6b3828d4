// A question and an answer on the screen.

import { button, copyButton, draw, icon, make, say, serverNodes } from "./dom.js";
import { count, dollars, duration, t, tokens } from "./i18n.js";

const STOP_WORDS = { budget: "stopBudget", loop: "stopLoop", user: "stopUser", length: "stopLength" };

/** A text as the server rendered it, block by block. */
class Blocks {
  constructor(className) {
    this.root = make("div", `text ${className}`);
    this.list = [];
  }

  /** Puts `blocks` in place of those from `from` on. What is the same stays, with what the reader has selected in it. */
  replace(from, blocks) {
    let kept = from;
    while (kept < from + blocks.length && this.list[kept] === blocks[kept - from]) kept += 1;
    this.list.splice(from, Infinity, ...blocks);
    while (this.root.children.length > kept) this.root.lastChild.remove();
    for (const html of this.list.slice(kept)) {
      // Each block reads in the direction of its own first words.
      const block = make("div", "block", { dir: "auto" });
      block.append(serverNodes(html));
      decorate(block);
      this.root.append(block);
    }
  }

  get isEmpty() {
    return this.list.length === 0;
  }
}

/** What is wider than the page can be scrolled with the keyboard too. */
const watchWidth = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

/** Adds a copy button to every code block. */
function decorate(block) {
  for (const code of block.querySelectorAll(".code")) {
    const text = () => code.querySelector("pre").textContent.replace(/\n$/, "");
    code.append(copyButton("icon copy-code", t("copyCode"), t("copied"), text, { iconOnly: true }));
  }
  for (const wide of block.querySelectorAll("pre, .block > :has(math)")) watchWidth.observe(wide);
}

/** Where the reader folded thinking, it stays so when an answer is drawn anew. */
const folded = new Map();

/** One sample: thinking, answer, and what there is to say about both. */
export class SampleView {
  constructor(key, sample, actions) {
    this.key = key;
    this.actions = actions;
    this.sample = sample;
    this.startedAt = performance.now() - (sample.facts.decode_ms ?? 0);
    this.thinking = new Blocks("thought");
    this.answer = new Blocks("answer");
    this.headline = make("span", "headline");
    this.bar = make("div", "bar", { role: "progressbar" }, make("div"));
    this.used = make("span", "used", { "aria-hidden": "true" });
    this.answerNow = button("pill answer-now", t("answerNow"), () => {
      this.answerNow.disabled = true;
      actions.answerNow();
    }, "on");
    this.box = make("div", "thought-box", { tabindex: "0", role: "group", "aria-label": t("notThought") }, this.thinking.root);
    this.control = make("div", "control", {}, this.bar, this.used, this.answerNow);
    this.toggle = make("button", "fold", { type: "button", onclick: () => { folded.set(key, this.isOpen); this.open(!this.isOpen); } },
      icon("think"), this.headline, icon("chevron", "turns"));
    // The control is above the text, so that it stays where it is while the text grows, and there when it is folded.
    this.panel = make("div", "thinking", {}, this.toggle, this.control, this.box);
    this.open(!(folded.get(key) ?? false));
    this.sign = make("p", "note sign", { hidden: true }, icon("again"), t("loopNote"));
    this.notes = make("div", "notes");
    this.foot = make("div", "foot");
    this.root = make("div", "sample", {}, this.panel, this.sign, this.answer.root, this.notes, this.foot);
    this.thinking.replace(0, sample.thinking_blocks);
    this.answer.replace(0, sample.answer_blocks);
    this.draw();
    if (!this.isRunning) this.fold();
  }

  get isRunning() {
    return this.sample.status === "running";
  }

  get isOpen() {
    return !this.box.hidden;
  }

  open(isOpen) {
    this.box.hidden = !isOpen;
    this.panel.classList.toggle("open", isOpen);
    this.toggle.setAttribute("aria-expanded", String(isOpen));
  }

  /** Takes the sample as the store has it. Of a running one the texts come with its changes. */
  take(sample) {
    const thought = this.thinks;
    const all = (blocks) => (sample.status === "running" ? undefined : { from: 0, blocks });
    this.sample = sample;
    this.update({ ...sample, thinking: all(sample.thinking_blocks), answer: all(sample.answer_blocks) }, thought);
  }

  /** Takes what changed. */
  update({ status, facts, thinking, answer }, thought = this.thinks) {
    Object.assign(this.sample, { status, facts, thinking_blocks: this.thinking.list, answer_blocks: this.answer.list });
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40;
    if (thinking) this.thinking.replace(thinking.from, thinking.blocks);
    if (answer) this.answer.replace(answer.from, answer.blocks);
    if (thinking && atEnd) this.box.scrollTop = this.box.scrollHeight;
    this.draw();
    if (thought && !this.thinks) this.fold();
  }

  get thinks() {
    return this.isRunning && this.answer.isEmpty;
  }

  /** Long thinking folds away when the answer is there, unless the reader holds it open. So does that of one answer of several:
   * what most of them say stands above it, and would be pushed out of sight. */
  fold() {
    const isLong = this.actions.isOneOfSeveral || this.thinking.root.textContent.length > 900;
    if (folded.get(this.key) === undefined && isLong) this.open(false);
  }

  draw() {
    const { facts, status } = this.sample;
    const began = !this.thinking.isEmpty || facts.reasoning_tokens > 0;
    this.panel.hidden = !began && !(this.isRunning && this.answer.isEmpty);
    this.panel.classList.toggle("busy", this.thinks);
    this.headline.textContent = this.headlineText(began);
    this.drawBar(began);
    this.sign.hidden = facts.thinking_stop_reason !== "loop";
    this.answer.root.classList.toggle("writing", this.isRunning && !this.answer.isEmpty);
    this.root.setAttribute("aria-busy", String(this.isRunning));
    this.notes.replaceChildren(...this.noteRows());
    this.foot.replaceChildren(...(status === "running" ? [] : this.footRow()));
  }

  headlineText(began) {
    const { facts } = this.sample;
    if (this.thinks && !began) return t("reading");
    const ms = this.thinks ? Math.max(facts.thinking_ms, performance.now() - this.startedAt) : facts.thinking_ms;
    const parts = [this.thinks ? `${t("thinking")} ${duration(ms)}` : t("thoughtFor", { time: duration(ms) })];
    if (facts.reasoning_tokens) parts.push(tokens(facts.reasoning_tokens));
    if (this.thinks && facts.decode_ms > 500) parts.push(t("speed", { n: speed(facts) }));
    if (STOP_WORDS[facts.thinking_stop_reason]) parts.push(t(STOP_WORDS[facts.thinking_stop_reason]));
    return parts.join(" · ");
  }

  /** How much of its budget the thinking has used. */
  drawBar(began) {
    const { facts } = this.sample;
    this.control.hidden = !(this.thinks && began);
    this.bar.hidden = this.used.hidden = !facts.thinking_budget;
    if (this.bar.hidden) return;
    const share = Math.min(1, facts.reasoning_tokens / facts.thinking_budget);
    this.bar.firstChild.style.inlineSize = `${100 * share}%`;
    this.bar.setAttribute("aria-valuenow", Math.round(100 * share));
    const label = `${tokens(facts.reasoning_tokens)} ${t("ofBudget", { n: count(facts.thinking_budget) })}`;
    this.bar.setAttribute("aria-label", label);
    this.used.textContent = `${count(facts.reasoning_tokens)} / ${count(facts.thinking_budget)}`;
  }

  /** It thought to the end, and that was all. */
  get saidNothing() {
    return this.sample.status === "done" && this.sample.facts.finish_reason === "stop" && this.answer.isEmpty;
  }

  noteRows() {
    const { facts, status } = this.sample;
    const rows = [];
    if (status === "failed") rows.push(make("p", "failure", { role: "alert" }, facts.error || t("failed")));
    if (status === "stopped") rows.push(make("p", "note", {}, t("stopped")));
    if (status === "interrupted") rows.push(make("p", "failure", {}, t("interrupted")));
    if (this.saidNothing) rows.push(make("p", "note", {}, t("saidNothing")));
    if (facts.finish_reason === "length") rows.push(make("p", "note", {}, t(this.answer.isEmpty ? "noAnswer" : "cutAnswer")));
    return rows;
  }

  footRow() {
    const { facts, content } = this.sample;
    const row = [];
    if (content) row.push(copyButton("icon", t("copy"), t("copied"), () => content, { iconOnly: true }));
    row.push(...this.actions.buttons());
    const isCut = ["stopped", "interrupted"].includes(this.sample.status) || facts.finish_reason === "length";
    if (this.saidNothing || (isCut && (content || this.sample.reasoning))) row.push(button("pill go-on", t("continue"), this.actions.goOn, "on"));
    const figures = [];
    if (facts.decode_ms > 0 && facts.completion_tokens > 1) figures.push(t("speed", { n: speed(facts) }));
    if (facts.completion_tokens) figures.push(tokens(facts.completion_tokens));
    if (facts.dollars) figures.push(dollars(facts.dollars));
    const more = [t("answeredBy", { model: this.actions.model }), t("firstToken", { time: duration(facts.queued_ms + facts.prefill_ms) })];
    const most = this.actions.contextLength();
    if (facts.prompt_tokens && most) more.push(t("filled", { n: count(facts.prompt_tokens + facts.completion_tokens), most: count(most) }));
    if (facts.dollars) more.push(t("costMany", { dollars: dollars(facts.dollars * 1e6) }));
    if (figures.length) row.push(make("details", "figures", {}, make("summary", "", {}, figures.join(" · "), icon("chevron", "turns")), make("span", "", {}, more.join(" · "))));
    return row;
  }
}

const speed = (facts) => {
  const n = (facts.completion_tokens * 1000) / Math.max(1, facts.decode_ms);
  return n < 10 ? n.toFixed(1) : count(Math.round(n));
};

/** Long questions that the reader has unfolded. */
const unfolded = new Set();
const isLong = (text) => text.length > 1200 || text.split("\n").length > 16;

/** A question's text; of a long one the beginning, until the reader wants all of it. */
function questionText({ id, content }) {
  const text = make("div", "question", { dir: "auto" }, content);
  if (!isLong(content)) return [text];
  const show = (all) => {
    text.classList.toggle("folded", !all);
    more.textContent = t(all ? "showLess" : "showAll");
    more.setAttribute("aria-expanded", String(all));
    unfolded[all ? "add" : "delete"](id);
  };
  const more = make("button", "unfold", { type: "button", onclick: () => show(text.classList.contains("folded")) });
  show(unfolded.has(id));
  return [text, more];
}

function questionParts(message) {
  const files = message.files.map((file) => make("li", "file", {}, icon("file"),
    make("span", "", {}, file.name), make("small", "", {}, t("characters", { n: count(file.n_chars) }))));
  const list = files.length > 0 && make("ul", "files sent", {}, ...files);
  return [list, ...(message.content ? questionText(message) : [])];
}

/** A question: its files and its text. */
export function questionView(message, actions) {
  return make("article", "turn", { "aria-label": t("you"), tabindex: "-1" }, ...questionParts(message),
    make("div", "foot of-question", {},
      ...actions.buttons(),
      message.content && copyButton("icon", t("copy"), t("copied"), () => message.content, { iconOnly: true }),
      button("icon", t("edit"), actions.edit, "edit", { iconOnly: true })));
}

/** A question that the server has not taken yet. */
export function pendingView(content, files, note) {
  const message = { content, files };
  return make("article", "turn pending", { "aria-label": t("you"), tabindex: "-1" }, ...questionParts(message), make("p", "note", {}, note));
}

/** "‹ 2 / 3 ›": the versions of a message. */
export function versions(siblings, id, go) {
  if (siblings.length < 2) return [];
  const i = siblings.indexOf(id);
  // Where there is no other version the button stays, and with it the focus.
  const step = (label, name, to) => button("icon small", label, () => { if (siblings[to]) go(siblings[to]); }, name, { iconOnly: true, "aria-disabled": siblings[to] === undefined && "true" });
  const label = make("span", "versions", { "aria-label": t("version", { i: i + 1, n: siblings.length }) }, `${i + 1} / ${siblings.length}`);
  return [step(t("previous"), "left", i - 1), label, step(t("next"), "right", i + 1)];
}

/** An answer with one sample or several. */
export class AnswerView {
  constructor(message, actions) {
    this.message = message;
    const sampleActions = { ...actions, model: message.model, isOneOfSeveral: message.samples.length > 1 };
    this.samples = message.samples.map((sample, i) => new SampleView(`${message.id}/${i}`, sample, sampleActions));
    this.shown = message.chosen;
    this.root = make("article", "turn", { "aria-label": t("answerOf"), tabindex: "-1" });
    this.tabs = message.samples.length > 1 ? make("div", "samples", { role: "tablist", "aria-label": t("allSamples", { n: message.samples.length }) }) : null;
    this.verdict = make("p", "verdict", { hidden: true });
    this.root.append(...[this.verdict, this.tabs].filter(Boolean), ...this.samples.map((view) => view.root));
    this.actions = actions;
    this.draw();
  }

  /** Takes the message as the store has it. */
  take(message) {
    this.message = message;
    this.shown = message.chosen;
    message.samples.forEach((sample, i) => this.samples[i].take(sample));
    this.draw();
  }

  /** What is said when it has ended. */
  get spoken() {
    const { answer, notes } = this.samples[this.shown];
    return `${t("answerOf")}: ${answer.root.innerText || notes.innerText}`.slice(0, 1000);
  }

  get isRunning() {
    return this.samples.some((sample) => sample.isRunning);
  }

  update({ samples }) {
    for (const change of samples) this.samples[change.idx]?.update(change);
    this.draw();
  }

  /** Called now and then while it runs, for the clock. */
  tick() {
    for (const view of this.samples) if (view.thinks) view.draw();
  }

  show(i) {
    this.look(i);
    this.actions.choose(i);
  }

  /** Shows a sample, and leaves the choice as it is. */
  look(i) {
    this.shown = i;
    this.draw();
  }

  draw() {
    this.samples.forEach((view, i) => { view.root.hidden = i !== this.shown; });
    if (!this.tabs) return;
    const { majority } = this.message;
    this.verdict.hidden = !majority;
    if (majority) this.verdict.replaceChildren(...verdictText(majority));
    if (this.tabs.children.length === 0) {
      const id = (what, i) => `${what}-${this.message.id}-${i}`;
      this.tabs.append(...this.samples.map((_, i) => make("button", "tab", { type: "button", role: "tab", id: id("tab", i), "aria-controls": id("sample", i), onclick: () => this.show(i) })));
      this.samples.forEach(({ root }, i) => {
        root.id = id("sample", i);
        root.setAttribute("role", "tabpanel");
        root.setAttribute("aria-labelledby", id("tab", i));
      });
      this.tabs.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        this.show((this.shown + step + this.samples.length) % this.samples.length);
        this.tabs.children[this.shown].focus();
      });
    }
    this.samples.forEach((view, i) => this.drawTab(view, i, majority));
  }

  drawTab(view, i, majority) {
    const tab = this.tabs.children[i];
    tab.setAttribute("aria-selected", String(i === this.shown));
    tab.tabIndex = i === this.shown ? 0 : -1;
    tab.setAttribute("aria-label", t("sample", { i: i + 1 }));
    tab.classList.toggle("running", view.isRunning);
    tab.classList.toggle("agrees", Boolean(majority?.agree?.includes(i)));
    tab.textContent = String(i + 1);
  }
}

function verdictText({ answer, n, of }) {
  if (n < 2) return [t("noMajority")];
  return [t("majority", { n, of }), " ", make("strong", "", {}, answer)];
}

/** A row of example questions. */
export function exampleButtons(examples, ask) {
  return examples.map((example) => make("button", "example", { type: "button", onclick: () => ask(example) }, example));
}

export { draw, say };
