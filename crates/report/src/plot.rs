//! Line charts as SVG text: axes with round numbers, noisy curves with their moving mean, bands for intervals. Colours come
//! from the page's style (`.c0` .. `.c7`), so that one drawing serves light, dark and paper; the points travel along in
//! `data-chart` for whoever wants to show values under the pointer.

#[cfg(test)]
mod tests;

use crate::curves::Curve;
use serde_json::{Value, json};
use std::fmt::Write;

/// Size of the drawing in its own units.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 210.0;

/// The frame of the plot: left, right, top, bottom.
const FRAME: (f64, f64, f64, f64) = (46.0, 452.0, 10.0, 186.0);

/// Points that are drawn of one curve; more cannot be told apart.
const MAX_POINTS: usize = 240;

/// Curves longer than this are noisy enough for a moving mean.
const SMOOTHED_FROM: usize = 40;

/// Colours that the style has.
const N_COLOURS: usize = 8;

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// As they are.
    #[default]
    Plain,
    /// A share, as percent.
    Share,
    /// Dollars.
    Dollars,
    /// Seconds, as minutes or hours.
    Seconds,
}

impl Unit {
    /// A value in words.
    pub fn show(self, x: f64) -> String {
        match self {
            Unit::Plain => cost::text::value(x),
            Unit::Share => format!("{}%", cost::text::value(100.0 * x)),
            Unit::Dollars => cost::text::dollars(x),
            Unit::Seconds => cost::text::duration(x),
        }
    }
}

/// One curve of a chart.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its name in the legend.
    pub label: String,
    /// The values.
    pub curve: Curve,
    /// Lower and upper end of an interval around them.
    pub band: Option<(Curve, Curve)>,
    /// Measured now and then: each value gets a dot, and none is smoothed.
    pub is_sparse: bool,
    /// Number of the colour; by default the line's place in the chart.
    pub colour: Option<usize>,
}

impl Line {
    /// A curve that has a value at every step.
    pub fn dense(label: &str, curve: &Curve) -> Line {
        Line { label: label.to_owned(), curve: curve.clone(), ..Line::default() }
    }

    /// A curve of evaluations.
    pub fn sparse(label: &str, curve: &Curve) -> Line {
        Line { is_sparse: true, ..Line::dense(label, curve) }
    }

    /// With an interval around each value.
    pub fn with_band(mut self, low: &Curve, high: &Curve) -> Line {
        if !low.is_empty() && low.len() == high.len() {
            self.band = Some((low.clone(), high.clone()));
        }
        self
    }
}

/// A chart over steps.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// One sentence that says how to read it; may be empty.
    pub note: String,
    /// How values are written.
    pub unit: Unit,
    /// The curves; those without a value are left out.
    pub lines: Vec<Line>,
}

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| !line.curve.values.iter().any(|v| v.is_finite()))
    }

    /// The drawing.
    pub fn svg(&self) -> String {
        let lines: Vec<(usize, &Line)> = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.curve.values.iter().any(|v| v.is_finite()))
            .map(|(idx, line)| (line.colour.unwrap_or(idx) % N_COLOURS, line))
            .collect();
        let scale = Scale::of(&lines, self.unit);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\" data-chart=\"{}\">",
            escape(&self.title),
            escape(&self.data(&lines, &scale).to_string())
        );
        scale.draw_axes(&mut svg, self.unit);
        for (colour, line) in &lines {
            draw_line(&mut svg, &scale, *colour, line);
        }
        svg.push_str("</svg>");
        svg
    }

    /// The chart with its title and legend, as a figure of the page.
    pub fn figure(&self) -> String {
        let drawn: Vec<(usize, &Line)> = self.lines.iter().enumerate().filter(|(_, l)| !l.curve.is_empty()).collect();
        let mut html = format!("<figure><figcaption><b>{}</b>", escape(&self.title));
        if drawn.len() == 1 {
            let last = drawn[0].1.curve.last().unwrap_or(f64::NAN);
            let _ = write!(html, "<span class=\"now\">{}</span>", escape(&self.unit.show(last)));
        } else {
            html.push_str("<span class=\"legend\">");
            for (idx, line) in &drawn {
                let colour = line.colour.unwrap_or(*idx) % N_COLOURS;
                let _ = write!(html, "<span class=\"c{colour}\">{}</span>", escape(&line.label));
            }
            html.push_str("</span>");
        }
        html.push_str("</figcaption>");
        html += &self.svg();
        if !self.note.is_empty() {
            let _ = write!(html, "<p class=\"note\">{}</p>", escape(&self.note));
        }
        html + "</figure>"
    }

    /// What the pointer may ask for: the frame, the ranges and the points.
    fn data(&self, lines: &[(usize, &Line)], scale: &Scale) -> Value {
        let curves: Vec<Value> = lines
            .iter()
            .map(|(colour, line)| {
                let points = if line.is_sparse { line.curve.clone() } else { buckets(&line.curve, MAX_POINTS) };
                let points: Vec<Value> = points
                    .points()
                    .filter(|(_, v)| v.is_finite())
                    .map(|(step, v)| json!([step, scale.y(v).round(), self.unit.show(v)]))
                    .collect();
                json!({ "label": line.label, "colour": colour, "points": points })
            })
            .collect();
        json!({ "left": FRAME.0, "right": FRAME.1, "from": scale.x_from, "to": scale.x_to, "lines": curves })
    }
}

/// From steps and values to places.
struct Scale {
    x_from: f64,
    x_to: f64,
    y_from: f64,
    y_to: f64,
}

impl Scale {
    fn of(lines: &[(usize, &Line)], unit: Unit) -> Scale {
        let steps = || lines.iter().map(|(_, line)| line.curve.span());
        let x_from = steps().map(|(first, _)| first).min().unwrap_or(0) as f64;
        let x_to = steps().map(|(_, last)| last).max().unwrap_or(1) as f64;
        let mut values: Vec<f64> = Vec::new();
        for (_, line) in lines {
            values.extend(central(&line.curve.values));
            for end in line.band.iter().flat_map(|(low, high)| [low, high]) {
                values.extend(end.values.iter().filter(|v| v.is_finite()));
            }
        }
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (y_from, y_to) = range(low, high, unit);
        Scale { x_from, x_to: if x_to > x_from { x_to } else { x_from + 1.0 }, y_from, y_to }
    }

    fn x(&self, step: f64) -> f64 {
        FRAME.0 + (step - self.x_from) / (self.x_to - self.x_from) * (FRAME.1 - FRAME.0)
    }

    /// Values outside the range are drawn at its edge.
    fn y(&self, value: f64) -> f64 {
        let share = ((value - self.y_from) / (self.y_to - self.y_from)).clamp(0.0, 1.0);
        FRAME.3 - share * (FRAME.3 - FRAME.2)
    }

    fn draw_axes(&self, svg: &mut String, unit: Unit) {
        // Round minutes are no round numbers of seconds.
        let whole = if unit == Unit::Seconds { time_unit(self.y_to) } else { 1.0 };
        for tick in ticks(self.y_from / whole, self.y_to / whole, 4).into_iter().map(|tick| tick * whole) {
            let y = self.y(tick);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                FRAME.0,
                FRAME.1,
                FRAME.0 - 6.0,
                y + 3.5,
                escape(&tick_text(tick, unit))
            );
        }
        for tick in ticks(self.x_from, self.x_to, 5).into_iter().filter(|tick| tick.fract() == 0.0) {
            let text = cost::text::thousands(tick.max(0.0) as u64);
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                self.x(tick),
                HEIGHT - 8.0
            );
        }
    }
}

/// Seconds of the unit in which a time of this length is counted.
fn time_unit(seconds: f64) -> f64 {
    match seconds {
        s if s >= 2.0 * 3600.0 => 3600.0,
        s if s >= 120.0 => 60.0,
        _ => 1.0,
    }
}

/// What a tick says: short.
fn tick_text(x: f64, unit: Unit) -> String {
    match unit {
        Unit::Plain if x.abs() >= 1e4 => cost::text::si(x),
        Unit::Seconds if x == 0.0 => "0".to_owned(),
        Unit::Seconds if x >= 3600.0 => format!("{} h", cost::text::value(x / 3600.0)),
        Unit::Seconds if x >= 60.0 => format!("{} min", cost::text::value(x / 60.0)),
        Unit::Dollars if x == 0.0 => "$0".to_owned(),
        Unit::Dollars => format!("${}", cost::text::value(x)),
        unit => unit.show(x),
    }
}

fn draw_line(svg: &mut String, scale: &Scale, colour: usize, line: &Line) {
    if let Some((low, high)) = &line.band {
        let there = high.points().map(|(step, v)| place(scale, step, v));
        let back = low.points().rev().map(|(step, v)| place(scale, step, v));
        let corners: Vec<String> = there.chain(back).collect();
        let _ = write!(svg, "<polygon class=\"band c{colour}\" points=\"{}\"/>", corners.join(" "));
    }
    if line.is_sparse {
        draw_path(svg, scale, &format!("line c{colour}"), &line.curve);
        for (step, v) in line.curve.points().filter(|(_, v)| v.is_finite()) {
            let (x, y) = (scale.x(step as f64), scale.y(v));
            let _ = write!(svg, "<circle class=\"dot c{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
        }
        return;
    }
    let points = buckets(&line.curve, MAX_POINTS);
    if points.len() < SMOOTHED_FROM || !is_noisy(&points.values) {
        draw_path(svg, scale, &format!("line c{colour}"), &points);
        return;
    }
    draw_path(svg, scale, &format!("raw c{colour}"), &points);
    draw_path(svg, scale, &format!("line c{colour}"), &moving_mean(&points, points.len() / 16));
}

/// The curve as one path; a value that is not finite interrupts it.
fn draw_path(svg: &mut String, scale: &Scale, class: &str, curve: &Curve) {
    let mut path = String::new();
    let mut is_down = false;
    for (step, v) in curve.points() {
        if v.is_finite() {
            let _ = write!(path, "{}{}", if is_down { "L" } else { "M" }, place(scale, step, v));
        }
        is_down = v.is_finite();
    }
    let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
}

fn place(scale: &Scale, step: u64, v: f64) -> String {
    format!("{:.1},{:.1}", scale.x(step as f64), scale.y(v))
}

/// Means of neighbours, at most `n` of them, each at its last step.
fn buckets(curve: &Curve, n: usize) -> Curve {
    if curve.len() <= n {
        return curve.clone();
    }
    let ends = (1..=n).map(|b| b * curve.len() / n);
    Curve { steps: ends.map(|end| curve.steps[end - 1]).collect(), values: crate::stats::block_means(&curve.values, n) }
}

/// Means over `reach` neighbours on either side, fewer at the ends. Values that are not finite count for nothing.
fn moving_mean(curve: &Curve, reach: usize) -> Curve {
    let around = |idx: usize| {
        let part = &curve.values[idx.saturating_sub(reach)..(idx + reach + 1).min(curve.len())];
        let finite: Vec<f64> = part.iter().copied().filter(|v| v.is_finite()).collect();
        crate::stats::mean(&finite)
    };
    Curve { steps: curve.steps.clone(), values: (0..curve.len()).map(around).collect() }
}

/// Whether a curve goes up and down many times its range, so that a mean shows more than it hides.
fn is_noisy(values: &[f64]) -> bool {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let way: f64 = finite.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let (low, high) = finite.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    way > 3.0 * (high - low)
}

/// The finite values; of many, without the outermost of a hundred on either side, so that one spike does not flatten the
/// rest.
fn central(values: &[f64]) -> Vec<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    let cut = finite.len() / 100;
    finite[cut..finite.len() - cut].to_vec()
}

/// A range with some air, from 0 where that is near; a share stays within 0 and 1.
fn range(low: f64, high: f64, unit: Unit) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    if low == high {
        let reach = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
        return (if low == 0.0 { 0.0 } else { low - reach }, high + reach);
    }
    let air = 0.06 * (high - low);
    let from = if low >= 0.0 && low < 0.4 * high { 0.0 } else { low - air };
    let to = high + air;
    if unit == Unit::Share { (from.max(0.0), if high <= 1.0 { to.min(1.0) } else { to }) } else { (from, to) }
}

/// Round numbers within a range, about `n` of them.
fn ticks(from: f64, to: f64, n: usize) -> Vec<f64> {
    let rough = (to - from) / n as f64;
    let power = 10.0_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|f| f * power >= rough * 0.999).unwrap_or(10.0);
    let step = factor * power;
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    // Multiplying keeps 0.3 from becoming 0.30000000000000004 more often than adding; the text is rounded anyway.
    (first..=last.min(first + 20)).map(|k| k as f64 * step).collect()
}

/// Text that is safe in HTML, in an attribute too.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
