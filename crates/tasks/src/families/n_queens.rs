//! Queens on a board: one in each row and column, no two on a diagonal; some are placed already.
//!
//! Any placement that keeps the placed ones is right. The worked thinking goes row by row, says which columns the queens
//! so far attack, takes the first free one, and goes back a row when none is free.

use crate::phrase::fill;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::grid;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Boards of 5 or 6, then 7, then 8.
pub struct NQueens;

/// For each row, the column of its queen from 1 up, or 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    columns: Vec<usize>,
}

/// Largest board that is judged.
const MAX_BOARD: usize = 20;
/// Visits of rows after which a search is too long to be shown.
const MAX_VISITS: usize = 20;

const TELLINGS: &[&str] = &[
    "Place {n} queens on {a} {n}x{n} board so that none attacks another. {p} Give the column of the queen in each row, as {n} numbers.",
    "{n} queens on {a} {n} by {n} board, no two in one row, column or diagonal. {p} Which columns, row by row?",
    "Solve the {n}-queens puzzle. {p} Answer with the {n} columns from row 1 to row {n}.",
];

const CHINESE: &[&str] = &["{n}皇后问题：{n}x{n}棋盘，互不攻击。{p} 请按行给出{n}个列号。"];

impl Family for NQueens {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "n_queens"
    }

    fn about(&self) -> &'static str {
        "complete a board of 5 or 6, then 7, then 8 queens of which some are placed"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n = if difficulty == 1 { rng.between(5, 6) } else { u64::from(difficulty) + 5 } as usize;
        loop {
            let mut columns = random_solution(n, rng);
            let n_placed = rng.between(1, n as u64 / 2) as usize;
            let mut rows: Vec<usize> = (0..n).collect();
            while rows.len() > n_placed {
                let row = rows.swap_remove(rng.below(rows.len() as u64) as usize);
                columns[row] = 0;
            }
            let problem = Problem { columns };
            if search(&problem, &mut Trace::new()).is_some() {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("n_queens {:?}", p.columns)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let chinese = rng.chance(options.chinese);
        let placed = p.columns.iter().enumerate().filter(|(_, column)| **column > 0);
        let placed: Vec<String> = placed
            .map(|(row, column)| match chinese {
                true => format!("第{}行在第{column}列", row + 1),
                false => format!("row {} has column {column}", row + 1),
            })
            .collect();
        let placed = match chinese {
            true => format!("已放置：{}。", placed.join("，")),
            false => format!("Placed already: {}.", placed.join(", ")),
        };
        let n = p.columns.len().to_string();
        let tellings = if chinese { CHINESE } else { TELLINGS };
        Asked::plain(fill(rng.pick(tellings), &[("n", &n), ("p", &placed), ("a", if n == "8" { "an" } else { "a" })]))
    }

    fn answer(&self, p: &Problem) -> String {
        if !p.is_valid() || p.columns.len() > 8 {
            return String::new();
        }
        let mut columns = p.columns.clone();
        if complete(&mut columns) { text(&columns) } else { String::new() }
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let columns = search(p, &mut trace)?;
        Some(Demonstration { reasoning: trace.finish(), answer_text: text(&columns) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_valid() {
            return Judgement::cannot_judge(format!("the problem is not a board of 1 to {MAX_BOARD} rows"));
        }
        let n = p.columns.len();
        let columns = match grid::numbers(answer_text, n) {
            Ok(columns) => columns,
            Err(reason) => return Judgement::wrong(reason),
        };
        for (row, (&column, &placed)) in columns.iter().zip(&p.columns).enumerate() {
            if !(1..=n).contains(&column) || (placed > 0 && placed != column) {
                return Judgement::wrong(format!("row {} has column {column}", row + 1));
            }
            if let Some(other) = (0..row).find(|&other| attacks((other, columns[other]), (row, column))) {
                return Judgement::wrong(format!("the queens of rows {} and {} attack each other", other + 1, row + 1));
            }
        }
        Judgement::right("no queen attacks another")
    }
}

impl Problem {
    fn is_valid(&self) -> bool {
        (1..=MAX_BOARD).contains(&self.columns.len()) && self.columns.iter().all(|&c| c <= self.columns.len())
    }
}

fn attacks((row, column): (usize, usize), (other_row, other_column): (usize, usize)) -> bool {
    row == other_row || column == other_column || row.abs_diff(other_row) == column.abs_diff(other_column)
}

fn text(columns: &[usize]) -> String {
    columns.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

/// The columns that a queen at `queen` attacks in `row`, on a board of `n`.
fn attacked(queen: (usize, usize), row: usize, n: usize) -> Vec<usize> {
    (1..=n).filter(|&column| attacks(queen, (row, column))).collect()
}

/// Fills the rows without a queen, smallest columns first.
fn complete(columns: &mut [usize]) -> bool {
    let n = columns.len();
    let Some(row) = columns.iter().position(|&column| column == 0) else { return true };
    for column in 1..=n {
        let free = (0..n).all(|other| columns[other] == 0 || !attacks((other, columns[other]), (row, column)));
        if free {
            columns[row] = column;
            if complete(columns) {
                return true;
            }
            columns[row] = 0;
        }
    }
    false
}

/// A solution that starts with a random queen.
fn random_solution(n: usize, rng: &mut Rng) -> Vec<usize> {
    loop {
        let mut columns = vec![0; n];
        for _ in 0..2 {
            columns[rng.below(n as u64) as usize] = rng.between(1, n as u64) as usize;
        }
        let queens: Vec<(usize, usize)> = columns.iter().copied().enumerate().filter(|(_, c)| *c > 0).collect();
        let apart = queens.iter().enumerate().all(|(i, a)| queens[..i].iter().all(|b| !attacks(*a, *b)));
        if apart && complete(&mut columns) {
            return columns;
        }
    }
}

/// The search written out; `None` when it takes more than [`MAX_VISITS`] visits of rows.
fn search(p: &Problem, trace: &mut Trace) -> Option<Vec<usize>> {
    let n = p.columns.len();
    let open: Vec<usize> = (0..n).filter(|&row| p.columns[row] == 0).collect();
    let mut columns = p.columns.clone();
    // Columns to be tried in each open row; only those after the one that failed.
    let mut at = 0;
    let mut after = vec![0; open.len() + 1];
    for _ in 0..MAX_VISITS {
        trace.line(format!("board {}", board(&columns)));
        let Some(&row) = open.get(at) else { return Some(columns) };
        let queens = (0..n).filter(|&other| columns[other] > 0).map(|other| (other, columns[other]));
        let hits: Vec<(usize, Vec<usize>)> =
            queens.map(|queen| (queen.0, attacked(queen, row, n))).filter(|(_, hit)| !hit.is_empty()).collect();
        let said: Vec<String> =
            hits.iter().map(|(other, hit)| format!("row {} hits {}", other + 1, text(hit))).collect();
        let free = |column: &usize| !hits.iter().any(|(_, hit)| hit.contains(column));
        let free: Vec<usize> = (1..=n).filter(free).collect();
        let next = free.iter().copied().find(|&column| column > after[at]);
        let named = if free.is_empty() { "none".to_string() } else { text(&free) };
        trace.line(format!("row {}: {}: free {named}", row + 1, said.join(", ")));
        match next {
            Some(column) => {
                trace.line(match after[at] {
                    0 => format!("take {column}"),
                    failed => format!("after {failed} take {column}"),
                });
                columns[row] = column;
                after[at] = column;
                at += 1;
                after[at] = 0;
            }
            None => {
                at = at.checked_sub(1)?;
                let failed = std::mem::take(&mut columns[open[at]]);
                trace.line(format!("no, back to row {}: {failed} was wrong", open[at] + 1));
            }
        }
    }
    None
}

/// `4 _ 1 _`
fn board(columns: &[usize]) -> String {
    let shown = columns.iter().map(|&c| if c == 0 { "_".to_string() } else { c.to_string() });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
