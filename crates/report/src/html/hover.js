// The step and the values under the pointer. Points are [step, y in the drawing, text].
for (const svg of document.querySelectorAll("svg[data-chart]")) {
  const chart = JSON.parse(svg.dataset.chart);
  const figure = svg.parentElement;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const tip = document.createElement("div");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", 10);
  cursor.setAttribute("y2", 186);
  tip.className = "tip";
  const hide = () => { cursor.remove(); tip.remove(); };
  const nearest = (points, step) => points.reduce((a, b) => (Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a));
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    if (x < chart.left || x > chart.right) return hide();
    const step = chart.from + ((x - chart.left) / (chart.right - chart.left)) * (chart.to - chart.from);
    const lines = chart.lines.filter((line) => line.points.length > 0);
    if (lines.length === 0) return hide();
    const rows = lines.map((line) => [line, nearest(line.points, step)]);
    const at = rows.map((row) => row[1][0]).reduce((a, b) => (Math.abs(b - step) < Math.abs(a - step) ? b : a));
    const place = chart.left + ((at - chart.from) / (chart.to - chart.from)) * (chart.right - chart.left);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    svg.append(cursor);
    tip.replaceChildren("step " + at.toLocaleString("en"));
    for (const [line, point] of rows) {
      const row = document.createElement("div");
      row.className = "c" + line.colour;
      row.textContent = (lines.length > 1 ? line.label + " " : "") + point[2];
      tip.append(row);
    }
    figure.append(tip);
    const left = box.left - figure.getBoundingClientRect().left + (place / svg.viewBox.baseVal.width) * box.width;
    const flips = left > figure.clientWidth * 0.6;
    tip.style.left = flips ? "auto" : left + 10 + "px";
    tip.style.right = flips ? figure.clientWidth - left + 10 + "px" : "auto";
    tip.style.top = "44px";
  });
}
