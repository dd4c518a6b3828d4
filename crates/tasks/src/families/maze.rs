//! A maze on a small grid: a way from S to E, as moves. Any way that keeps to open cells is right; it is checked by
//! walking it.
//!
//! The thinking walks from cell to cell, each named by row and column, always to the open cell nearest to E as the crow
//! flies, and turns back at dead ends: every step is a local fact. The option `slips` makes it stray more often.

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::path::{self, Move};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Mazes of 3 to 5 rows.
pub struct Maze;

/// Rows of `#` (wall), `.` (open), `S` (start) and `E` (end), all of one width.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    rows: Vec<String>,
}

/// Row and column, from 0.
type Cell = (usize, usize);

const MAX_SIDE: usize = 32;
const MOVES: [(Move, &str); 4] = [(Move::Right, "right"), (Move::Down, "down"), (Move::Left, "left"), (Move::Up, "up")];

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    wholes: &[
        "Find a way from S to E in this maze. # is a wall. Answer with moves: up, down, left, right.\n{m}\n",
        "Maze (S start, E end, # wall, . open):\n{m}\nGive the moves from S to E.",
        "How do you get from S to E? You may go up, down, left, right, but not through #.\n{m}\n",
        "Solve the maze from S to E with the words up, down, left, right:\n{m}\n",
        "Maze:\n{m}\nWalk from S to E without crossing #. Which moves do you make?",
        "Write the moves (up, down, left, right) that lead from S to E:\n{m}\n",
    ],
    chinese: &[
        "在迷宫里从S走到E（#是墙），用up、down、left、right写出每一步：\n{m}\n",
        "迷宫：\n{m}\n从S到E怎么走？用up、down、left、right回答。",
    ],
    ..Wordings::NONE
};

impl Problem {
    fn at(&self, (row, column): Cell) -> Option<char> {
        self.rows.get(row)?.as_bytes().get(column).map(|b| char::from(*b))
    }

    fn find(&self, letter: char) -> Option<Cell> {
        self.rows.iter().enumerate().find_map(|(row, cells)| cells.find(letter).map(|column| (row, column)))
    }

    fn is_sound(&self) -> bool {
        let width = self.rows.first().map_or(0, String::len);
        let fits = |row: &String| row.len() == width && row.bytes().all(|b| b"#.SE".contains(&b));
        (1..=MAX_SIDE).contains(&width)
            && self.rows.len() <= MAX_SIDE
            && self.rows.iter().all(fits)
            && ['S', 'E'].iter().all(|letter| self.rows.concat().matches(*letter).count() == 1)
    }

    /// The open cell that a move leads to.
    fn step(&self, (row, column): Cell, to: Move) -> Option<Cell> {
        let next = match to {
            Move::Up => (row.checked_sub(1)?, column),
            Move::Down => (row + 1, column),
            Move::Left => (row, column.checked_sub(1)?),
            Move::Right => (row, column + 1),
        };
        self.at(next).filter(|cell| *cell != '#').map(|_| next)
    }

    /// Steps from each cell to E; `None` where there is no way.
    fn distances(&self) -> Vec<Vec<Option<usize>>> {
        let mut distances: Vec<Vec<Option<usize>>> = self.rows.iter().map(|row| vec![None; row.len()]).collect();
        let Some(end) = self.find('E') else { return distances };
        let mut queue = vec![end];
        distances[end.0][end.1] = Some(0);
        let mut next = 0;
        while let Some(&cell) = queue.get(next) {
            let here = distances[cell.0][cell.1].unwrap_or(0);
            for cell in MOVES.iter().filter_map(|(to, _)| self.step(cell, *to)) {
                if distances[cell.0][cell.1].is_none() {
                    distances[cell.0][cell.1] = Some(here + 1);
                    queue.push(cell);
                }
            }
            next += 1;
        }
        distances
    }

    /// The first shortest way, in the order right, down, left, up.
    fn solution(&self) -> Option<Vec<&'static str>> {
        let (distances, mut cell) = (self.distances(), self.find('S').filter(|_| self.is_sound())?);
        let mut moves = Vec::new();
        while let Some(left) = distances[cell.0][cell.1]?.checked_sub(1) {
            let nearer = |to: Move| self.step(cell, to).filter(|next| distances[next.0][next.1] == Some(left));
            let (next, word) = MOVES.iter().find_map(|(to, word)| Some((nearer(*to)?, *word)))?;
            moves.push(word);
            cell = next;
        }
        Some(moves)
    }
}

impl Family for Maze {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "maze"
    }

    fn about(&self) -> &'static str {
        "moves from S to E on a grid of 3, 4, 5 rows, checked by walking"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let side = usize::from(difficulty) + 2;
        let (low, high) = (2 + usize::from(difficulty) / 2, 4 + 2 * usize::from(difficulty));
        loop {
            let mut cells = vec![vec!['.'; side]; side];
            for cell in cells.iter_mut().flatten() {
                *cell = if rng.chance(0.38) { '#' } else { '.' };
            }
            let mut place = |letter: char| {
                let (row, column) = (rng.below(side as u64) as usize, rng.below(side as u64) as usize);
                cells[row][column] = letter;
            };
            place('S');
            place('E');
            let problem = Problem { rows: cells.iter().map(|row| row.iter().collect()).collect() };
            if !problem.solution().is_some_and(|moves| (low..=high).contains(&moves.len())) {
                continue;
            }
            // Not too many dead ends: the walk must fit.
            let mut trace = Trace::new();
            walk(&mut trace, &problem, rng, 0.0);
            if trace.finish().lines().count() <= high + 2 {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("maze {}", p.rows.join("/"))
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let spaced = |row: &String| row.chars().map(String::from).collect::<Vec<_>>().join(" ");
        let rows: Vec<String> = p.rows.iter().map(spaced).collect();
        WORDINGS.quote(&[("m", &rows.join("\n"))], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        p.solution().map(|moves| moves.join(", ")).unwrap_or_default()
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, rng: &mut Rng, options: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        for (row, place) in p.rows.iter().zip(1..) {
            let cells: Vec<String> = row.chars().map(String::from).collect();
            trace.line(format!("row {place}: {}", cells.join(" ")));
        }
        let moves = walk(&mut trace, p, rng, options.slips)?;
        let answer = moves.join(", ");
        Some(Demonstration { reasoning: trace.finish(), answer_text: asked.reply(&answer, format!("Moves: {answer}")) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if p.solution().is_none() {
            return Judgement::cannot_judge("the maze has no way from S to E, or is no maze");
        }
        let moves = match path::last_moves(answer_text) {
            Ok(moves) => moves,
            Err(reason) => return Judgement::wrong(reason),
        };
        let mut cell = p.find('S').expect("a sound maze has a start");
        for (to, number) in moves.iter().zip(1..) {
            match p.step(cell, *to) {
                Some(next) => cell = next,
                None => return Judgement::wrong(format!("move {number} runs into a wall or out of the maze")),
            }
        }
        if p.at(cell) == Some('E') {
            Judgement::right("the moves lead to E")
        } else {
            Judgement::wrong("the moves do not end at E")
        }
    }
}

/// Walks from S to E by the moves that seem nearest, some of them by chance instead; back from dead ends. Gives the
/// moves that were not taken back.
fn walk(trace: &mut Trace, p: &Problem, rng: &mut Rng, slips: f64) -> Option<Vec<&'static str>> {
    let (start, end) = (p.find('S')?, p.find('E')?);
    let (mut way, mut moves, mut seen) = (vec![start], Vec::new(), vec![start]);
    let shown = |(row, column): Cell| format!("{}-{}", row + 1, column + 1);
    trace.line(format!("S at {}, E at {}", shown(start), shown(end)));
    while let Some(&cell) = way.last().filter(|cell| p.at(**cell) != Some('E')) {
        let open: Vec<(Cell, &'static str)> = MOVES
            .iter()
            .filter_map(|(to, word)| Some((p.step(cell, *to)?, *word)))
            .filter(|(next, _)| !seen.contains(next))
            .collect();
        let names: Vec<&str> = open.iter().map(|(_, word)| *word).collect();
        if open.is_empty() {
            way.pop();
            moves.pop();
            trace.line(format!("{}: dead end, back to {}", shown(cell), shown(*way.last()?)));
            continue;
        }
        let distance = |((row, column), _): &(Cell, &str)| row.abs_diff(end.0) + column.abs_diff(end.1);
        let nearest = *open.iter().min_by_key(|step| distance(step))?;
        let (next, word) = if rng.chance(slips) { rng.pick(&open) } else { nearest };
        let kind = if p.at(next) == Some('E') { ", E" } else { "" };
        trace.line(format!("{}: {}, take {word} to {}{kind}", shown(cell), names.join(" "), shown(next)));
        seen.push(next);
        way.push(next);
        moves.push(word);
    }
    (!moves.is_empty()).then_some(moves)
}
