//! Plots: bars and curves, as text and as SVG.

use std::fmt::Write;

use super::html::escape;

/// A bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// What is written at its end.
    pub shown: String,
}

/// A line through points, or points alone.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it stands for.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A stretch of time.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is done.
    pub label: String,
    /// Seconds of each part.
    pub seconds: Vec<f64>,
    /// What is written beside it.
    pub shown: String,
}

impl Stage {
    fn total_s(&self) -> f64 {
        self.seconds.iter().sum()
    }
}

/// A plot.
#[derive(Clone, Debug)]
pub enum Chart {
    /// Lengths beside each other.
    Bars {
        /// What they show, with the unit.
        title: String,
        /// The bars.
        bars: Vec<Bar>,
    },
    /// Curves over an axis.
    Curves {
        /// What they show.
        title: String,
        /// The axis below.
        x: String,
        /// The axis at the left.
        y: String,
        /// Whether both axes are logarithmic.
        log: bool,
        /// The curves.
        curves: Vec<Curve>,
    },
    /// What is done one after the other, on an axis of time.
    Stages {
        /// What they are.
        title: String,
        /// What the parts of a stage are.
        parts: Vec<String>,
        /// The stages, in order.
        stages: Vec<Stage>,
    },
}

/// Attributes that colour a shape: a class `c1` to `c6` by which a page chooses for light and dark, and what is seen
/// without one.
const COLOURS: [(&str, &str); 6] =
    [("c1", "#4f78b3"), ("c2", "#d08a3a"), ("c3", "#5b9a68"), ("c4", "#9079b8"), ("c5", "#c4605a"), ("c6", "#4f9aa0")];

/// The colour of the `i`-th of several things, for a shape filled or drawn in `currentColor`.
pub(crate) fn colour(i: usize) -> String {
    let (class, seen) = COLOURS[i % COLOURS.len()];
    format!("class=\"{class}\" color=\"{seen}\"")
}

/// A square of a colour and what it stands for.
pub(crate) fn legend(svg: &mut String, x: f64, i: usize, name: &str) {
    let _ = write!(
        svg,
        "<rect x=\"{x:.1}\" y=\"5\" width=\"11\" height=\"11\" rx=\"2\" fill=\"currentColor\" {}/>\
         <text x=\"{:.1}\" y=\"15\">{}</text>",
        colour(i),
        x + 17.0,
        escape(name)
    );
}

impl Chart {
    /// What it shows.
    pub fn title(&self) -> &str {
        match self {
            Chart::Bars { title, .. } | Chart::Curves { title, .. } | Chart::Stages { title, .. } => title,
        }
    }

    /// For a terminal: bars as blocks; curves as a small grid.
    pub fn text(&self) -> String {
        match self {
            Chart::Bars { title, bars } => {
                let width = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
                let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
                let line = |bar: &Bar| {
                    let n = (40.0 * bar.value / longest).round().max(0.0) as usize;
                    format!("  {:<width$}  {} {}", bar.label, "█".repeat(n), bar.shown)
                };
                format!("{title}\n{}", bars.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
            Chart::Curves { title, x, y, log, curves } => grid(title, x, y, &Axes::of(curves, *log), curves),
            Chart::Stages { title, stages, .. } => stages_text(title, stages),
        }
    }

    /// An SVG that takes its text colour from the page.
    pub fn svg(&self) -> String {
        match self {
            Chart::Bars { title, bars } => bars_svg(title, bars),
            Chart::Curves { title, x, y, log, curves } => curves_svg(title, (x, y), &Axes::of(curves, *log), curves),
            Chart::Stages { title, parts, stages } => stages_svg(title, parts, stages),
        }
    }
}

fn opening(class: &str, width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\" font-family=\"inherit\" font-size=\"12\" \
         fill=\"currentColor\">",
        escape(title)
    )
}

/// Width and height of a row: a label and its value over a thin bar, which reads as well on a phone as on a desk.
const ROW: (f64, f64) = (480.0, 40.0);

/// A row whose bar is still empty, `top` below the plot's.
fn row_svg(svg: &mut String, top: f64, label: &str, shown: &str) {
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"{y:.1}\">{}</text><text x=\"{w}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
        escape(label),
        escape(shown),
        w = ROW.0,
        y = top + 14.0
    );
    bar_svg(svg, top, (0.0, 1.0), "opacity=\"0.09\"");
}

/// A stretch of a row's bar, in shares of its width.
fn bar_svg(svg: &mut String, top: f64, (from, to): (f64, f64), attributes: &str) {
    let _ = write!(
        svg,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"8\" rx=\"3\" fill=\"currentColor\" {attributes}/>",
        ROW.0 * from,
        top + 21.0,
        ROW.0 * (to - from).max(0.0)
    );
}

fn bars_svg(title: &str, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = opening("rows", ROW.0, ROW.1 * bars.len() as f64, title);
    for (i, bar) in bars.iter().enumerate() {
        let top = ROW.1 * i as f64;
        row_svg(&mut svg, top, &bar.label, &bar.shown);
        bar_svg(&mut svg, top, (0.0, bar.value / longest), &colour(0));
    }
    svg + "</svg>"
}

fn stages_svg(title: &str, parts: &[String], stages: &[Stage]) -> String {
    let all = stages.iter().map(Stage::total_s).sum::<f64>().max(f64::MIN_POSITIVE);
    let (head, foot) = (28.0, 18.0);
    let mut svg = opening("rows", ROW.0, head + ROW.1 * stages.len() as f64 + foot, title);
    for (i, name) in parts.iter().enumerate() {
        legend(&mut svg, ROW.0 / parts.len() as f64 * i as f64, i, name);
    }
    let mut start = 0.0;
    for (i, stage) in stages.iter().enumerate() {
        let top = head + ROW.1 * i as f64;
        row_svg(&mut svg, top, &stage.label, &stage.shown);
        for (part, seconds) in stage.seconds.iter().enumerate() {
            bar_svg(&mut svg, top, (start / all, (start + seconds) / all), &colour(part));
            start += seconds;
        }
    }
    let at = head + ROW.1 * stages.len() as f64 + 10.0;
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"{at:.1}\" opacity=\"0.6\">0</text><text x=\"{}\" y=\"{at:.1}\" text-anchor=\"end\" opacity=\"0.6\">{}</text></svg>",
        ROW.0,
        crate::text::duration(all)
    );
    svg
}

fn stages_text(title: &str, stages: &[Stage]) -> String {
    const WIDE: f64 = 40.0;
    let all = stages.iter().map(Stage::total_s).sum::<f64>().max(f64::MIN_POSITIVE);
    let width = stages.iter().map(|stage| stage.label.chars().count()).max().unwrap_or(0);
    let mut start = 0.0;
    let mut lines = vec![title.to_owned()];
    for stage in stages {
        let place = |s: f64| (WIDE * s / all).round() as usize;
        let (from, to) = (place(start), place(start + stage.total_s()).max(place(start) + 1));
        start += stage.total_s();
        let bar = format!("{}{}", " ".repeat(from), "█".repeat(to - from));
        lines.push(format!("  {:<width$}  {bar:<wide$} {}", stage.label, stage.shown, wide = WIDE as usize + 1));
    }
    lines.join("\n")
}

/// The ranges of a plot's axes.
struct Axes {
    log: bool,
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    fn of(curves: &[Curve], log: bool) -> Axes {
        let all = || curves.iter().flat_map(|curve| &curve.points);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if high > low { (low, high) } else { (low - 0.5 * low.abs() - 1e-9, high + 0.5 * high.abs() + 1e-9) }
        };
        let scale = move |v: f64| if log { v.max(1e-300).log10() } else { v };
        Axes { log, x: range(&mut all().map(|p| scale(p.0))), y: range(&mut all().map(|p| scale(p.1))) }
    }

    /// From 0 to 1 along each axis.
    fn place(&self, point: (f64, f64)) -> (f64, f64) {
        let scale = |v: f64| if self.log { v.max(1e-300).log10() } else { v };
        let along = |v: f64, (low, high): (f64, f64)| (scale(v) - low) / (high - low);
        (along(point.0, self.x), along(point.1, self.y))
    }

    /// Five values along an axis with their places.
    fn ticks(&self, (low, high): (f64, f64)) -> Vec<(f64, String)> {
        let tick = |i: usize| {
            let at = i as f64 / 4.0;
            let value = low + at * (high - low);
            (at, crate::text::si_or_small(if self.log { 10f64.powf(value) } else { value }))
        };
        (0..5).map(tick).collect()
    }
}

fn curves_svg(title: &str, (x, y): (&str, &str), axes: &Axes, curves: &[Curve]) -> String {
    let (width, height, left, right, top, bottom) = (760.0, 320.0, 70.0, 16.0, 30.0, 48.0);
    let (w, h) = (width - left - right, height - top - bottom);
    let mut svg = opening("plot", width, height, title);
    for (at, label) in axes.ticks(axes.y) {
        let level = top + h * (1.0 - at);
        let _ = write!(
            svg,
            "<line x1=\"{left}\" x2=\"{:.1}\" y1=\"{level:.1}\" y2=\"{level:.1}\" stroke=\"currentColor\" opacity=\"0.15\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left + w,
            left - 6.0,
            level + 4.0
        );
    }
    for (at, label) in axes.ticks(axes.x) {
        let place = left + w * at;
        let _ = write!(svg, "<text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", top + h + 16.0);
    }
    for (i, curve) in curves.iter().enumerate() {
        let colour = colour(i);
        let points: Vec<String> = curve
            .points
            .iter()
            .map(|p| axes.place(*p))
            .map(|(px, py)| format!("{:.1},{:.1}", left + w * px, top + h * (1.0 - py)))
            .collect();
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" {colour}/>",
            points.join(" ")
        );
        legend(&mut svg, left + 190.0 * i as f64, i, &curve.name);
        for point in points.iter().filter(|_| curve.points.len() <= 40) {
            if let Some((px, py)) = point.split_once(',') {
                let _ = write!(svg, "<circle cx=\"{px}\" cy=\"{py}\" r=\"3\" fill=\"currentColor\" {colour}/>");
            }
        }
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text transform=\"translate(13 {:.1}) rotate(-90)\" \
         text-anchor=\"middle\">{}</text></svg>",
        left + w / 2.0,
        height - 8.0,
        escape(x),
        top + h / 2.0,
        escape(y)
    );
    svg
}

fn grid(title: &str, x: &str, y: &str, axes: &Axes, curves: &[Curve]) -> String {
    const WIDE: usize = 60;
    const HIGH: usize = 12;
    const MARKS: [char; 6] = ['●', '○', '+', '×', '◆', '◇'];
    let mut cells = vec![vec![' '; WIDE]; HIGH];
    for (i, curve) in curves.iter().enumerate() {
        for point in &curve.points {
            let (px, py) = axes.place(*point);
            let column = (px * (WIDE - 1) as f64).round().clamp(0.0, (WIDE - 1) as f64) as usize;
            let row = ((1.0 - py) * (HIGH - 1) as f64).round().clamp(0.0, (HIGH - 1) as f64) as usize;
            cells[row][column] = MARKS[i % MARKS.len()];
        }
    }
    let value = |v: f64| crate::text::si_or_small(if axes.log { 10f64.powf(v) } else { v });
    let names: Vec<String> =
        curves.iter().enumerate().map(|(i, c)| format!("{} {}", MARKS[i % MARKS.len()], c.name)).collect();
    let mut lines = vec![format!("{title}   {}", names.join("   ")), format!("  {y}: {} at the top", value(axes.y.1))];
    lines.extend(cells.into_iter().map(|row| format!("  │{}", row.into_iter().collect::<String>().trim_end())));
    lines.push(format!("  └{} {x}: {} to {}", "─".repeat(WIDE), value(axes.x.0), value(axes.x.1)));
    lines.push(format!("  {y}: {} at the bottom", value(axes.y.0)));
    lines.join("\n")
}
