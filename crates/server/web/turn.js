// A question and an answer on the screen.

import { button, copyButton, draw, icon, make, say, serverNodes } from "./dom.js";
import { count, dollars, duration, t, tokens } from "./i18n.js";

const STOP_WORDS = { budget: "stopBudget", loop: "stopLoop", user: "stopUser", length: "stopLength" };

/** A text as the server rendered it, block by block. */
class Blocks {
  constructor(className) {
    this.root = make("div", `text ${className}`);
  }

  /** Puts `blocks` in place of those from `from` on. */
  replace(from, blocks) {
    while (this.root.children.length > from) this.root.lastChild.remove();
    for (const html of blocks) {
      const block = make("div", "block");
      block.append(serverNodes(html));
      decorate(block);
      this.root.append(block);
    }
  }

  get isEmpty() {
    return this.root.children.length === 0;
  }
}

/** Adds a copy button to every code block. */
function decorate(block) {
  for (const code of block.querySelectorAll(".code")) {
    const text = () => code.querySelector("pre").textContent.replace(/\n$/, "");
    code.append(copyButton("icon copy-code", t("copyCode"), t("copied"), text, { iconOnly: true }));
  }
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
    this.bar = make("div", "bar", { role: "progressbar", hidden: true }, make("div"));
    this.answerNow = button("pill answer-now", t("answerNow"), () => {
      this.answerNow.disabled = true;
      actions.answerNow();
    }, "on");
    this.panel = make("details", "thinking", {},
      make("summary", "", {}, icon("think"), this.headline, icon("chevron", "turns")),
      // Above the text, so that it stays where it is while the text grows.
      make("div", "control", {}, this.bar, this.answerNow),
      make("div", "thought-box", { tabindex: "0" }, this.thinking.root));
    [, this.control, this.box] = this.panel.children;
    this.panel.open = folded.get(key) ?? true;
    this.panel.firstChild.addEventListener("click", () => folded.set(key, !this.panel.open));
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

  /** Takes what changed. */
  update({ status, facts, thinking, answer }) {
    const thought = this.thinks;
    Object.assign(this.sample, { status, facts });
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

  /** Long thinking folds away when the answer is there, unless the reader holds it open. */
  fold() {
    if (folded.get(this.key) === undefined && this.thinking.root.textContent.length > 900) this.panel.open = false;
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
    this.bar.hidden = !facts.thinking_budget;
    if (this.bar.hidden) return;
    const share = Math.min(1, facts.reasoning_tokens / facts.thinking_budget);
    this.bar.firstChild.style.inlineSize = `${100 * share}%`;
    this.bar.setAttribute("aria-valuenow", Math.round(100 * share));
    const label = `${tokens(facts.reasoning_tokens)} ${t("ofBudget", { n: count(facts.thinking_budget) })}`;
    this.bar.setAttribute("aria-label", label);
    this.bar.title = label;
  }

  noteRows() {
    const { facts, status, content } = this.sample;
    const rows = [];
    if (status === "failed") rows.push(make("p", "failure", { role: "alert" }, facts.error || t("failed")));
    if (status === "stopped") rows.push(make("p", "note", {}, t("stopped")));
    if (status === "interrupted") rows.push(make("p", "failure", {}, t("interrupted")));
    if (facts.finish_reason === "length") rows.push(make("p", "note", {}, t(content ? "cutAnswer" : "noAnswer")));
    return rows;
  }

  footRow() {
    const { facts, content } = this.sample;
    const row = [];
    if (content) row.push(copyButton("icon", t("copy"), t("copied"), () => content, { iconOnly: true }));
    row.push(...this.actions.buttons());
    const isCut = ["stopped", "interrupted"].includes(this.sample.status) || facts.finish_reason === "length";
    if (isCut && (content || this.sample.reasoning)) row.push(button("pill go-on", t("continue"), this.actions.goOn, "on"));
    const figures = [];
    if (facts.decode_ms > 0 && facts.completion_tokens > 1) figures.push(t("speed", { n: speed(facts) }));
    if (facts.completion_tokens) figures.push(tokens(facts.completion_tokens));
    if (facts.dollars) figures.push(dollars(facts.dollars));
    const more = [t("answeredBy", { model: this.actions.model }), t("firstToken", { time: duration(facts.queued_ms + facts.prefill_ms) })];
    if (facts.dollars) more.push(t("costMany", { dollars: dollars(facts.dollars * 1e6) }));
    if (figures.length) row.push(make("span", "figures", { title: more.join(" · ") }, figures.join(" · ")));
    return row;
  }
}

const speed = (facts) => {
  const n = (facts.completion_tokens * 1000) / Math.max(1, facts.decode_ms);
  return n < 10 ? n.toFixed(1) : count(Math.round(n));
};

function questionParts(message) {
  const files = message.files.map((file) => make("li", "file", {}, icon("file"),
    make("span", "", {}, file.name), make("small", "", {}, t("characters", { n: count(file.n_chars) }))));
  const list = files.length > 0 && make("ul", "files sent", {}, ...files);
  return [list, message.content && make("div", "question", {}, message.content)];
}

/** A question: its files and its text. */
export function questionView(message, actions) {
  return make("section", "turn", { "aria-label": t("you") }, ...questionParts(message),
    make("div", "foot of-question", {},
      ...actions.buttons(),
      message.content && copyButton("icon", t("copy"), t("copied"), () => message.content, { iconOnly: true }),
      button("icon", t("edit"), actions.edit, "edit", { iconOnly: true })));
}

/** A question that the server has not taken yet. */
export function pendingView(content, files, note) {
  const message = { content, files };
  return make("section", "turn pending", { "aria-label": t("you") }, ...questionParts(message), make("p", "note", {}, note));
}

/** "‹ 2 / 3 ›": the versions of a message. */
export function versions(siblings, id, go) {
  if (siblings.length < 2) return [];
  const i = siblings.indexOf(id);
  const step = (label, name, to) => button("icon small", label, () => go(siblings[to]), name, { iconOnly: true, disabled: siblings[to] === undefined });
  const label = make("span", "versions", { "aria-label": t("version", { i: i + 1, n: siblings.length }) }, `${i + 1} / ${siblings.length}`);
  return [step(t("previous"), "left", i - 1), label, step(t("next"), "right", i + 1)];
}

/** An answer with one sample or several. */
export class AnswerView {
  constructor(message, actions) {
    this.message = message;
    const sampleActions = { ...actions, model: message.model };
    this.samples = message.samples.map((sample, i) => new SampleView(`${message.id}/${i}`, sample, sampleActions));
    this.shown = message.chosen;
    this.root = make("section", "turn", { "aria-label": t("answerOf") });
    this.tabs = message.samples.length > 1 ? make("div", "samples", { role: "tablist", "aria-label": t("allSamples", { n: message.samples.length }) }) : null;
    this.verdict = make("p", "verdict", { hidden: true });
    this.root.append(...[this.verdict, this.tabs].filter(Boolean), ...this.samples.map((view) => view.root));
    this.actions = actions;
    this.draw();
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
    this.shown = i;
    this.draw();
    this.actions.choose(i);
  }

  draw() {
    this.samples.forEach((view, i) => { view.root.hidden = i !== this.shown; });
    if (!this.tabs) return;
    const { majority } = this.message;
    this.verdict.hidden = !majority;
    if (majority) this.verdict.replaceChildren(...verdictText(majority));
    if (this.tabs.children.length === 0) {
      this.tabs.append(...this.samples.map((_, i) => make("button", "tab", { type: "button", role: "tab", onclick: () => this.show(i) })));
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
