// A curve in SVG: axis, line, and the value under the pointer.

import { draw, make } from "./dom.js";

const WIDTH = 480;
const HEIGHT = 200;
const PAD = { left: 52, right: 10, top: 10, bottom: 24 };

/** Round numbers that divide a range. */
function ticks(low, high, n) {
  const rough = (high - low) / n || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= 0.7 * rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : Number(value.toPrecision(12)));
  return found;
}

const short = (value) => {
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return String(+value.toPrecision(3));
};

/** `points`: [x, y] by x. */
export function curve(name, points, xName) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [x0, x1] = [xs[0], xs.at(-1)];
  let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  if (y0 === y1) { y0 -= Math.abs(y0) / 10 || 1; y1 += Math.abs(y1) / 10 || 1; }
  const x = (value) => PAD.left + ((value - x0) / (x1 - x0 || 1)) * (WIDTH - PAD.left - PAD.right);
  const y = (value) => HEIGHT - PAD.bottom - ((value - y0) / (y1 - y0)) * (HEIGHT - PAD.top - PAD.bottom);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": `${name}: ${short(ys[0])} → ${short(ys.at(-1))}` });
  const text = (content, attributes) => { const element = draw("text", attributes); element.textContent = content; return element; };
  for (const value of ticks(y0, y1, 4)) {
    svg.append(draw("line", { x1: PAD.left, x2: WIDTH - PAD.right, y1: y(value), y2: y(value), class: "grid" }),
      text(short(value), { x: PAD.left - 6, y: y(value) + 4, "text-anchor": "end" }));
  }
  for (const value of ticks(x0, x1, 5)) svg.append(text(short(value), { x: x(value), y: HEIGHT - 7, "text-anchor": "middle" }));
  const d = points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
  svg.append(draw("path", { d, class: "line" }));
  const dot = draw("circle", { r: 3.5, class: "dot" });
  const put = (i) => { dot.setAttribute("cx", x(xs[i])); dot.setAttribute("cy", y(ys[i])); };
  put(points.length - 1);
  svg.append(dot);
  const value = make("span", "value", {}, short(ys.at(-1)));
  const figure = make("figure", "curve", {}, make("figcaption", "", {}, make("span", "", {}, name), value), svg);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = x0 + ((((event.clientX - box.left) / box.width) * WIDTH - PAD.left) / (WIDTH - PAD.left - PAD.right)) * (x1 - x0);
    let best = 0;
    xs.forEach((candidate, i) => { if (Math.abs(candidate - at) < Math.abs(xs[best] - at)) best = i; });
    put(best);
    value.textContent = `${short(ys[best])} · ${xName} ${short(xs[best])}`;
  });
  svg.addEventListener("pointerleave", () => { put(points.length - 1); value.textContent = short(ys.at(-1)); });
  return figure;
}
