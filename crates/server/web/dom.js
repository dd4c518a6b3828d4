// Elements, icons, and the one place where HTML enters the document.

export const $ = (id) => document.getElementById(id);

/** The server's own HTML: it is the only side that reads a model's text. Nothing else may become markup here. */
const as = (text) => text;
const rules = { createHTML: as, createScriptURL: as };
const policy = globalThis.trustedTypes?.createPolicy("penseur", rules) ?? rules;
const parser = document.createElement("template");

/** The nodes of a rendered block. */
export function serverNodes(html) {
  parser.innerHTML = policy.createHTML(html);
  return document.importNode(parser.content, true);
}

/** Starts the worker that keeps the page's files. */
export function registerWorker() {
  navigator.serviceWorker?.register(policy.createScriptURL("/sw.js")).catch(() => {});
}

/** An element with a class, attributes, and children. Text becomes text. */
export function make(tag, className = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = {
  chevron: "M9 6l6 6-6 6",
  left: "M14.500 6.500 9 12l5.500 5.500",
  right: "M9.500 6.500 15 12l-5.500 5.500",
  down: "M12 5v14M6 13l6 6 6-6",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.500l4.500 4.500L19 7.500",
  again: "M19 12a7 7 0 1 1-2-4.900M19 3.500V8h-4.500",
  edit: "M4 20h4L19 9l-4-4L4 16zM13.500 6.500l4 4",
  more: "M6 11.500v1M12 11.500v1M18 11.500v1",
  plus: "M12 5v14M5 12h14",
  compose: "M20 13v6a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1h6M10 14v-3l8-8 3 3-8 8z",
  menu: "M4 7h16M4 12h16M4 17h10",
  panel: "M4 5h16v14H4zM9.500 5v14",
  close: "M6 6l12 12M18 6L6 18",
  think: "M9.500 18h5M10.500 21h3M8.600 14.600A6 6 0 1 1 15.400 14.600c-.7.6-1 1.200-1 2h-4.800c0-.8-.3-1.400-1-2z",
  tune: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  clip: "M19 11.500 12.500 18a4 4 0 0 1-5.700-5.700l7-7a2.700 2.700 0 0 1 3.800 3.800l-7 7a1.300 1.300 0 0 1-1.900-1.900l6.300-6.300",
  send: "M12 19V5M5.500 11.500 12 5l6.500 6.500",
  stop: "M7.500 7.500h9v9h-9z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  on: "M5 12h13M12.500 6.500 18 12l-5.500 5.500",
  chat: "M4 5h16v11H9l-5 4z",
  box: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  chart: "M4 4v16h16M7.500 15l3.500-5 3 3 5-7",
  plan: "M5 4h14v16H5zM8 8h8M8 12h3M8 16h3M14 12h2M14 16h2",
  gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100",
};

export function icon(name, className = "") {
  const svg = draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: `i ${className}` });
  svg.append(draw("path", { d: ICONS[name] }));
  return svg;
}

/** A button with an icon and, unless it is an icon button, a label. */
export function button(className, label, onClick, iconName, { iconOnly = false, ...attributes } = {}) {
  const named = iconOnly ? { "aria-label": label, title: label } : {};
  const children = [iconName && icon(iconName), !iconOnly && make("span", "", {}, label)];
  return make("button", className, { type: "button", onclick: onClick, ...named, ...attributes }, ...children);
}

/** Makes `nodes` the children of `parent`. Those that were there are not moved. */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, i) => { if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null); });
}

/** Makes an element's content what `next` says and leaves alone what is so already: focus, scroll and selection stay. Only for
 * content without listeners of its own, since those of `next` would be lost. */
export function refresh(element, ...next) {
  const old = [...element.childNodes];
  next.flat().forEach((node, i) => {
    const was = old[i];
    if (!was) element.append(node);
    else if (was === node || was.isEqualNode(node)) return;
    else if (was.nodeType === Node.ELEMENT_NODE && was.tagName === node.tagName) {
      for (const { name } of [...was.attributes]) if (!node.hasAttribute(name)) was.removeAttribute(name);
      for (const { name, value } of node.attributes) if (was.getAttribute(name) !== value) was.setAttribute(name, value);
      refresh(was, ...node.childNodes);
    } else was.replaceWith(node);
  });
  for (const rest of old.slice(next.flat().length)) rest.remove();
}

/** Whether typing needs no keyboard on the screen, which would cover half of it. */
export const hasKeyboard = () => !matchMedia("(pointer: coarse)").matches;

/** A key's name as it stands on the keyboard. */
export const keyName = (name) => (/Mac|iP/.test(navigator.platform) ? name.replace("Ctrl", "⌘") : name);

/** Whether a key pressed in a question sends it. An input method's Enter is its own (Safari tells by the code alone), and where
 * the keyboard is on the screen Enter breaks the line: it has no Shift that would. */
export const sends = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229 && hasKeyboard();

/** Says something to screen readers. */
export const say = (text) => { $("status").textContent = text; };

let toastTimer;
/** Shows a short message at the foot of the page. */
export function toast(text) {
  const element = $("toast");
  element.textContent = text;
  // On the top layer, where an open dialog is too.
  element.hidePopover();
  element.showPopover();
  // Above the question, whatever its height, and under the top where there is none.
  const box = $("composer").getBoundingClientRect();
  element.style.bottom = `${box.height ? innerHeight - box.top + 10 : 24}px`;
  if (box.height) element.style.left = `${box.left + box.width / 2}px`;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element.hidePopover(), 6000);
}

/** Storage may be switched off; then nothing is remembered. */
export function remember(key, value) {
  try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* as above */ }
}
export function recall(key, otherwise) {
  try { return JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
}

/** Puts text on the clipboard, also where the page came over plain HTTP. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = make("textarea", "hidden", { readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies and says so. */
export function copyButton(className, label, doneLabel, text, options = {}) {
  const element = button(className, label, async () => {
    await copyText(text());
    element.replaceChildren(icon("check"), ...(options.iconOnly ? [] : [make("span", "", {}, doneLabel)]));
    say(doneLabel);
    setTimeout(() => element.replaceChildren(icon("copy"), ...(options.iconOnly ? [] : [make("span", "", {}, label)])), 1500);
  }, "copy", options);
  return element;
}

/** A menu below a button. `items`: [label, icon, action, className]. Arrow keys move, Escape closes. */
export function openMenu(anchor, items) {
  document.querySelector(".menu")?.remove();
  const menu = make("div", "menu", { role: "menu" });
  const close = () => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
  };
  const outside = (event) => { if (!menu.contains(event.target)) close(); };
  for (const [label, iconName, action, className = ""] of items) {
    menu.append(button(className, label, () => { close(); anchor.focus(); action(); }, iconName, { role: "menuitem" }));
  }
  menu.addEventListener("keydown", (event) => {
    const entries = [...menu.children];
    const at = entries.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      entries[(at + step + entries.length) % entries.length].focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.stopPropagation();
      // It closes this and not the drawer below.
      if (event.key === "Escape") event.preventDefault();
      close();
      anchor.focus();
    }
  });
  document.body.append(menu);
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const top = at.bottom + height + 12 > innerHeight ? at.top - height - 6 : at.bottom + 6;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, top)}px`;
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  menu.firstChild.focus();
}

/** A dialog. `content` gets a function that closes it with a value; resolves with that value, or null. */
export function ask(title, content) {
  const dialog = $("dialog");
  return new Promise((resolve) => {
    let value = null;
    const close = (result) => { value = result; dialog.close(); };
    dialog.replaceChildren(make("h2", "", { id: "dialog-title" }, title), ...content(close));
    dialog.addEventListener("close", () => resolve(value), { once: true });
    dialog.showModal();
  });
}
