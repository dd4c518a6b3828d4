//! Two linear equations in two unknowns, by making the coefficients of one unknown equal and subtracting.

use super::linear_equation::{airy, side, term};
use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::values;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Systems with one whole solution.
pub struct LinearSystem;

/// `a x + b y = c` and `d x + e y = f`, as `[a, b, c]` and `[d, e, f]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    letters: [char; 2],
    first: [i64; 3],
    second: [i64; 3],
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Sentence,
    orders: &[
        "solve the system {p}, {q}",
        "solve the system of equations {p} and {q}",
        "solve {p} and {q}",
        "solve for {x} and {y}: {p}, {q}",
        "find {x} and {y}: {p}, {q}",
        "find {x} and {y} if {p} and {q}",
        "solve:\n{p}\n{q}",
        "determine {x} and {y} from {p} and {q}",
    ],
    nouns: &["the solution of {p}, {q}", "the solution of the system {p} and {q}"],
    questions: &[
        "what are {x} and {y} if {p} and {q}",
        "if {p} and {q}, what are {x} and {y}",
        "which {x} and {y} satisfy {p} and {q}",
    ],
    wholes: &[],
    chinese: &["解方程组：{p}，{q}", "已知{p}，{q}，求{x}和{y}。", "求方程组{p}，{q}的解。"],
};

impl Problem {
    /// The solution by Cramer's rule; `None` when there is no single whole one.
    fn solution(&self) -> Option<[i64; 2]> {
        let ([a, b, c], [d, e, f]) = (self.first, self.second);
        let det = |a: i64, b: i64, d: i64, e: i64| a.checked_mul(e)?.checked_sub(b.checked_mul(d)?);
        let all = det(a, b, d, e)?;
        let whole = |n: i64| (n.checked_rem(all)? == 0).then(|| n / all);
        Some([whole(det(c, b, f, e)?)?, whole(det(a, c, d, f)?)?])
    }

    fn text(&self, [a, b, c]: [i64; 3]) -> String {
        let [x, y] = self.letters;
        format!("{}={c}", side(&[(a, x), (b, y)], 0))
    }
}

impl Family for LinearSystem {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "linear_system"
    }

    fn about(&self) -> &'static str {
        "two equations in two unknowns: sum and difference, then coefficients up to 3, then 5"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let letters = rng.pick(&[['x', 'y'], ['x', 'y'], ['x', 'y'], ['a', 'b'], ['m', 'n'], ['s', 't']]);
        let signed = |rng: &mut Rng, most: u64| {
            let size = rng.between(1, most) as i64;
            if rng.chance(0.3) { -size } else { size }
        };
        loop {
            let ([a, b], [d, e]) = match difficulty {
                1 => ([1, 1], [1, -1]),
                2 => ([1, signed(rng, 3)], [rng.between(1, 3) as i64, signed(rng, 3)]),
                _ => ([rng.between(1, 5) as i64, signed(rng, 5)], [rng.between(1, 5) as i64, signed(rng, 5)]),
            };
            let (x, y) = (rng.between(1, 12) as i64, rng.between(1, 12) as i64);
            let x = if difficulty == 3 && rng.chance(0.3) { -x } else { x };
            if a * e != b * d {
                return Problem { letters, first: [a, b, a * x + b * y], second: [d, e, d * x + e * y] };
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        let mut rows = [p.first, p.second];
        rows.sort_unstable();
        format!("system {rows:?}")
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let spaced = rng.chance(0.7);
        let written = [p.first, p.second].map(|row| if spaced { airy(&p.text(row)) } else { p.text(row) });
        let [x, y] = p.letters.map(String::from);
        WORDINGS.quote(&[("p", &written[0]), ("q", &written[1]), ("x", &x), ("y", &y)], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        let [x, y] = p.letters;
        p.solution().map(|[m, n]| format!("{x} = {m}, {y} = {n}")).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::with_slips(rng, options.slips);
        eliminate(&mut trace, p, p.solution()?);
        Some(Demonstration { reasoning: trace.finish(), answer_text: self.answer(p) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        let Some(solution) = p.solution() else {
            return Judgement::cannot_judge("the system has no single whole solution");
        };
        let names = p.letters.map(String::from);
        values::judge(&[(&names[0], solution[0]), (&names[1], solution[1])], answer_text)
    }
}

/// Scales both rows so that the first unknown goes away, solves for the second, and puts it into the first row.
fn eliminate(trace: &mut Trace, p: &Problem, [_, y_value]: [i64; 2]) {
    let [x, y] = p.letters;
    let mut rows = [p.first, p.second];
    for (idx, row) in rows.iter().enumerate() {
        trace.line(format!("{}: {}", idx + 1, p.text(*row)));
    }
    let factors = if p.first[0] == p.second[0] { [1, 1] } else { [p.second[0], p.first[0]] };
    for ((row, factor), place) in rows.iter_mut().zip(factors).zip(1..) {
        if factor != 1 {
            *row = row.map(|n| n * factor);
            trace.line(format!("{place} times {factor}: {}", p.text(*row)));
        }
    }
    trace.line(format!("1-2, {x} goes"));
    let left = trace.brief(rows[0][1], '-', rows[1][1]);
    let right = trace.brief(rows[0][2], '-', rows[1][2]);
    trace.line(format!("{}={right}", term(left, y)));
    if left != 1 {
        let divisor = if left < 0 { format!("({left})") } else { left.to_string() };
        trace.line(format!("{y}={right}÷{divisor}"));
    }
    trace.line(format!("{y}={y_value}"));
    let [a, b, c] = p.first;
    trace.line(format!("into 1: {}", p.text(p.first)));
    let part = trace.brief(b, '×', y_value);
    trace.line(format!("{}={c}-{}", term(a, x), if part < 0 { format!("({part})") } else { part.to_string() }));
    let rest = trace.brief(c, '-', part);
    if a != 1 {
        trace.line(format!("{}={rest}", term(a, x)));
        trace.line(format!("{x}={rest}÷{a}"));
    }
    trace.line(format!("{x}={}", rest / a));
}
