// A curve in SVG: axis, line, and the value under the pointer.

import { draw, make } from "./dom.js";

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

/** A curve in a figure, drawn as wide as the figure is, so that its labels have their size everywhere. */
export class Curve {
  constructor(name, xName) {
    Object.assign(this, { name, xName, points: [], width: 0 });
    this.value = make("span", "value");
    this.svg = draw("svg", { class: "chart", role: "img", height: HEIGHT });
    this.root = make("figure", "curve", {}, make("figcaption", "", {}, make("span", "", {}, name), this.value), this.svg);
    this.svg.addEventListener("pointermove", (event) => this.show(this.nearest(event.clientX - this.svg.getBoundingClientRect().left)));
    this.svg.addEventListener("pointerleave", () => this.show());
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.width) return;
      this.width = contentRect.width;
      this.draw();
    }).observe(this.svg);
  }

  /** `points`: [x, y] by x. */
  update(points) {
    if (points.length === this.points.length && points.at(-1).every((value, i) => value === this.points.at(-1)[i])) return;
    this.points = points;
    this.draw();
  }

  draw() {
    const { points, width, svg } = this;
    if (width === 0 || points.length === 0) return;
    const ys = points.map(([, y]) => y);
    const [x0, x1] = [points[0][0], points.at(-1)[0]];
    let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
    if (y0 === y1) { y0 -= Math.abs(y0) / 10 || 1; y1 += Math.abs(y1) / 10 || 1; }
    this.x = (value) => PAD.left + ((value - x0) / (x1 - x0 || 1)) * (width - PAD.left - PAD.right);
    this.y = (value) => HEIGHT - PAD.bottom - ((value - y0) / (y1 - y0)) * (HEIGHT - PAD.top - PAD.bottom);
    svg.setAttribute("aria-label", `${this.name}: ${short(ys[0])} → ${short(ys.at(-1))}`);
    const text = (content, attributes) => { const element = draw("text", attributes); element.textContent = content; return element; };
    const rows = ticks(y0, y1, 4).flatMap((value) => [
      draw("line", { x1: PAD.left, x2: width - PAD.right, y1: this.y(value), y2: this.y(value), class: "grid" }),
      text(short(value), { x: PAD.left - 6, y: this.y(value) + 4, "text-anchor": "end" })]);
    const columns = ticks(x0, x1, width / 90).map((value) => text(short(value), { x: this.x(value), y: HEIGHT - 7, "text-anchor": "middle" }));
    const d = points.map(([a, b], i) => `${i ? "L" : "M"}${this.x(a).toFixed(1)} ${this.y(b).toFixed(1)}`).join("");
    this.dot = draw("circle", { r: 3.5, class: "dot" });
    svg.replaceChildren(...rows, ...columns, draw("path", { d, class: "line" }), this.dot);
    this.show();
  }

  nearest(at) {
    const far = ([x]) => Math.abs(this.x(x) - at);
    return this.points.reduce((best, point) => (far(point) < far(best) ? point : best));
  }

  /** Marks a point and says its value; without one the last. */
  show(point) {
    const [x, y] = point ?? this.points.at(-1);
    this.dot.setAttribute("cx", this.x(x));
    this.dot.setAttribute("cy", this.y(y));
    this.value.textContent = point ? `${short(y)} · ${this.xName} ${short(x)}` : short(y);
  }
}
