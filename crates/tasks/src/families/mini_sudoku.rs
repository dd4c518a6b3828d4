//! Sudoku of 4 × 4: each row, column and 2 × 2 box holds 1 to 4.
//!
//! Any grid that keeps the rules and the given digits is right. The worked thinking goes through the empty cells, says
//! for each what its row, its column and the rest of its box hold, and fills the cells with one digit left; when a pass
//! fills none, it tries a digit, and takes it back when a cell has none left.

use crate::phrase::fill;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::grid;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Four to six empty cells, then up to nine, then up to twelve.
pub struct MiniSudoku;

/// Longest thinking that is shown.
const MAX_BYTES: usize = 2000;

/// Cells in reading order; 0 is empty.
type Grid = [u8; 16];

/// A grid with empty cells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    cells: Grid,
}

const TELLINGS: &[&str] = &[
    "Solve this 4x4 sudoku (_ is empty; rows, columns and 2x2 boxes hold 1 to 4):\n{g}",
    "{g}\nFill in the mini sudoku. Every row, column and 2x2 box has the digits 1 to 4 once.",
    "Mini sudoku, 4 by 4:\n{g}\nAnswer with the whole grid.",
    "Complete the grid so that each row, each column and each 2x2 box contains 1, 2, 3 and 4:\n{g}",
];

const CHINESE: &[&str] = &["解这个4x4数独（_为空格）：\n{g}", "{g}\n请填完这个四宫数独，每行、每列、每宫都是1到4。"];

impl Family for MiniSudoku {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "mini_sudoku"
    }

    fn about(&self) -> &'static str {
        "sudoku of 4 x 4 with up to 6, 9, then 12 empty cells"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let mut cells = full_grid(rng);
        let level = u64::from(difficulty);
        for _ in 0..rng.between(3 * level + 1, 3 * level + 3) {
            let filled: Vec<usize> = (0..16).filter(|&cell| cells[cell] > 0).collect();
            cells[rng.pick(&filled)] = 0;
        }
        Problem { cells }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("mini_sudoku {}", p.cells.map(|digit| digit.to_string()).concat())
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let tellings = if rng.chance(options.chinese) { CHINESE } else { TELLINGS };
        Asked::plain(fill(rng.pick(tellings), &[("g", &text(&p.cells))]))
    }

    fn answer(&self, p: &Problem) -> String {
        let mut cells = p.cells;
        if is_grid(&p.cells) && complete(&mut cells) { text(&cells) } else { String::new() }
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut search = Search { trace: Trace::new(), cells: p.cells };
        let is_solved = search.solve();
        let reasoning = search.trace.finish();
        (is_solved && reasoning.len() <= MAX_BYTES)
            .then(|| Demonstration { reasoning, answer_text: text(&search.cells) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !is_grid(&p.cells) {
            return Judgement::cannot_judge("the problem's cells are not digits from 0 to 4");
        }
        let rows = match grid::digits(answer_text, 4, 4) {
            Ok(rows) => rows,
            Err(reason) => return Judgement::wrong(reason),
        };
        let cells: Vec<u8> = rows.concat();
        for (cell, (&digit, &given)) in cells.iter().zip(&p.cells).enumerate() {
            if !(1..=4).contains(&digit) || (given > 0 && given != digit) {
                return Judgement::wrong(format!("{} holds {digit}", name(cell)));
            }
            if let Some(other) = (0..cell).find(|&other| sees(cell, other) && cells[other] == digit) {
                return Judgement::wrong(format!("{} and {} both hold {digit}", name(other), name(cell)));
            }
        }
        Judgement::right("the grid keeps all rules")
    }
}

fn is_grid(cells: &Grid) -> bool {
    cells.iter().all(|&digit| digit <= 4)
}

/// Two different cells that share a row, a column or a box.
fn sees(a: usize, b: usize) -> bool {
    let boxed = |cell: usize| (cell / 8, cell % 4 / 2);
    a != b && (a / 4 == b / 4 || a % 4 == b % 4 || boxed(a) == boxed(b))
}

fn label(cell: usize) -> String {
    format!("r{}c{}", cell / 4 + 1, cell % 4 + 1)
}

fn name(cell: usize) -> String {
    format!("row {} column {}", cell / 4 + 1, cell % 4 + 1)
}

/// Four lines of digits; `_` is empty.
fn text(cells: &Grid) -> String {
    let digit = |digit: &u8| if *digit == 0 { "_".to_string() } else { digit.to_string() };
    let rows = cells.chunks(4).map(|row| row.iter().map(digit).collect::<Vec<_>>().join(" "));
    rows.collect::<Vec<_>>().join("\n")
}

fn choices(cells: &Grid, cell: usize) -> Vec<u8> {
    (1..=4).filter(|digit| !(0..16).any(|other| sees(cell, other) && cells[other] == *digit)).collect()
}

/// Fills the empty cells in order, the smallest digits first.
fn complete(cells: &mut Grid) -> bool {
    let Some(cell) = cells.iter().position(|&digit| digit == 0) else { return true };
    for digit in choices(cells, cell) {
        cells[cell] = digit;
        if complete(cells) {
            return true;
        }
    }
    cells[cell] = 0;
    false
}

/// A random full grid: a random first row and box, the rest filled at random.
fn full_grid(rng: &mut Rng) -> Grid {
    loop {
        let mut cells = [0; 16];
        for cell in 0..16 {
            let choices = choices(&cells, cell);
            if choices.is_empty() {
                break;
            }
            cells[cell] = rng.pick(&choices);
        }
        if !cells.contains(&0) {
            return cells;
        }
    }
}

struct Search {
    trace: Trace,
    cells: Grid,
}

impl Search {
    fn solve(&mut self) -> bool {
        loop {
            self.trace.line(text(&self.cells));
            if !self.cells.contains(&0) {
                return true;
            }
            match self.pass() {
                None => return false,
                Some(0) => return self.guess(),
                Some(_) => {}
            }
        }
    }

    /// Looks at every empty cell once; the number of cells filled, `None` when a cell has no digit left.
    fn pass(&mut self) -> Option<usize> {
        let mut n_filled = 0;
        for cell in (0..16).filter(|&cell| self.cells[cell] == 0).collect::<Vec<_>>() {
            let choices = choices(&self.cells, cell);
            let said = match choices.as_slice() {
                [] => "none left, no".to_string(),
                choices => choices.iter().map(u8::to_string).collect::<Vec<_>>().join(" or "),
            };
            self.trace.line(format!("{}: {}: {said}", label(cell), self.seen(cell)));
            match choices.as_slice() {
                [] => return None,
                [digit] => {
                    self.cells[cell] = *digit;
                    n_filled += 1;
                }
                _ => {}
            }
        }
        Some(n_filled)
    }

    /// The digits of the cell's row, of its column, and of the one cell of its box that is in neither: `1 3, 4, 2`.
    fn seen(&self, cell: usize) -> String {
        let in_row = |other: usize| other / 4 == cell / 4;
        let in_column = |other: usize| other % 4 == cell % 4;
        let list = |is_listed: &dyn Fn(usize) -> bool| {
            let listed = (0..16).filter(|&other| sees(cell, other) && is_listed(other) && self.cells[other] > 0);
            let digits: Vec<String> = listed.map(|other| self.cells[other].to_string()).collect();
            if digits.is_empty() { "_".to_string() } else { digits.join(" ") }
        };
        let diagonal = list(&|other| !in_row(other) && !in_column(other));
        format!("{}, {}, {diagonal}", list(&in_row), list(&in_column))
    }

    /// Tries the digits of the first empty cell.
    fn guess(&mut self) -> bool {
        let before = self.cells;
        let cell = before.iter().position(|&digit| digit == 0).expect("a cell is empty");
        let label = label(cell);
        for digit in choices(&before, cell) {
            self.trace.line(format!("try {digit} at {label}"));
            self.cells = before;
            self.cells[cell] = digit;
            if self.solve() {
                return true;
            }
            self.trace.line(format!("so {label} is not {digit}"));
        }
        self.cells = before;
        false
    }
}

#[cfg(test)]
mod tests;
