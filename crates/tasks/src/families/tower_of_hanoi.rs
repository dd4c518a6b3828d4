//! Tower of Hanoi between any two states: disks on three pegs, one moved at a time, never on a smaller one.
//!
//! Any legal moves that end in the wanted state are right. The worked thinking says the state before each move and looks
//! from the largest disk down for the first that must go elsewhere: the smaller ones have to wait on the third peg, so
//! each of them is asked in turn, until one is free to go.

use crate::phrase::fill;
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::{extract, surroundings, words};
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Three, four, then five disks.
pub struct TowerOfHanoi;

/// Where each disk is and where it should be: index 0 is the smallest disk, pegs are 0 to 2.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    start: Vec<u8>,
    goal: Vec<u8>,
}

/// Most disks and moves that are judged.
const MAX_DISKS: usize = 12;
const MAX_MOVES: usize = 10_000;

const TELLINGS: &[&str] = &[
    "Tower of Hanoi with {n} disks, 1 the smallest. Now {s}. Wanted: {g}. Move one disk at a time, never onto a smaller \
     one. Give the moves, one a line, such as: 1 A to B",
    "Disks 1 (small) to {n} (large) on pegs A, B and C.\nStart: {s}\nGoal: {g}\nOnly a top disk may move, and not onto a \
     smaller disk. List the moves like this: 1 A to B",
    "Hanoi puzzle, {n} disks. Start: {s}. Goal: {g}. Which moves, one a line (1 A to B)?",
];

const CHINESE: &[&str] = &["汉诺塔，{n}个盘子，1最小。现在：{s}。目标：{g}。每行写一步，例如：1 A to B"];

impl Family for TowerOfHanoi {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "tower_of_hanoi"
    }

    fn about(&self) -> &'static str {
        "move 3, 4, then 5 disks on three pegs from one state to another"
    }

    fn levels(&self) -> u8 {
        3
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let n_disks = usize::from(difficulty) + 2;
        let mut state = || {
            let tower = rng.chance(0.3);
            let first = rng.below(3) as u8;
            (0..n_disks).map(|_| if tower { first } else { rng.below(3) as u8 }).collect::<Vec<u8>>()
        };
        loop {
            let problem = Problem { start: state(), goal: state() };
            if problem.start != problem.goal {
                return problem;
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("tower_of_hanoi {:?} {:?}", p.start, p.goal)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        let tellings = if rng.chance(options.chinese) { CHINESE } else { TELLINGS };
        let n = p.start.len().to_string();
        let values = [("n", n.as_str()), ("s", &state_text(&p.start)), ("g", &state_text(&p.goal))];
        Asked::plain(fill(rng.pick(tellings), &values))
    }

    fn answer(&self, p: &Problem) -> String {
        match p.is_valid() {
            true => moves_text(&solve(p, &mut Trace::new())),
            false => String::new(),
        }
    }

    fn demonstrate(&self, p: &Problem, _: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let moves = solve(p, &mut trace);
        Some(Demonstration { reasoning: trace.finish(), answer_text: moves_text(&moves) })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !p.is_valid() {
            return Judgement::cannot_judge(format!("the problem is not two states of 1 to {MAX_DISKS} disks"));
        }
        let moves = match read_moves(answer_text) {
            Ok(moves) => moves,
            Err(reason) => return Judgement::wrong(reason),
        };
        let mut state = p.start.clone();
        for (idx, step) in moves.iter().enumerate() {
            if let Err(reason) = apply(&mut state, *step) {
                return Judgement::wrong(format!("move {}: {reason}", idx + 1));
            }
        }
        if state == p.goal {
            Judgement::right(format!("{} legal moves reach the goal", moves.len()))
        } else {
            Judgement::wrong(format!("the moves end in {}", state_text(&state)))
        }
    }
}

impl Problem {
    fn is_valid(&self) -> bool {
        let is_state = |state: &[u8]| state.iter().all(|&peg| peg < 3);
        (1..=MAX_DISKS).contains(&self.start.len())
            && self.start.len() == self.goal.len()
            && is_state(&self.start)
            && is_state(&self.goal)
    }
}

/// A disk (0 the smallest) from one peg to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Move {
    disk: Option<usize>,
    from: u8,
    to: u8,
}

fn peg(peg: u8) -> char {
    char::from(b'A' + peg)
}

/// `A 3 2, B 1, C empty`: bottom to top.
fn state_text(state: &[u8]) -> String {
    let on_peg = |at: u8| {
        let disks: String =
            (0..state.len()).rev().filter(|&disk| state[disk] == at).map(|disk| format!(" {}", disk + 1)).collect();
        format!("{}{}", peg(at), if disks.is_empty() { " empty" } else { &disks })
    };
    [0, 1, 2].map(on_peg).join(", ")
}

fn moves_text(moves: &[Move]) -> String {
    let text = |step: &Move| {
        format!("{} {} to {}", step.disk.expect("a solution names disks") + 1, peg(step.from), peg(step.to))
    };
    moves.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// The moves from start to goal, with the thinking behind each.
fn solve(p: &Problem, trace: &mut Trace) -> Vec<Move> {
    let mut state = p.start.clone();
    let mut moves = Vec::new();
    while state != p.goal {
        trace.line(state_text(&state));
        let step = next_move(&state, &p.goal, trace);
        apply(&mut state, step).expect("the search makes legal moves");
        moves.push(step);
    }
    trace.line(format!("{}: done", state_text(&state)));
    moves
}

/// From the largest disk down: a disk that must go elsewhere sends all smaller ones to the third peg.
fn next_move(state: &[u8], goal: &[u8], trace: &mut Trace) -> Move {
    let mut waiting = None;
    let mut step = None;
    for disk in (0..state.len()).rev() {
        let to = waiting.unwrap_or(goal[disk]);
        let from = state[disk];
        if from == to {
            trace.line(format!("{} on {} stays", disk + 1, peg(from)));
        } else {
            trace.line(format!("{} on {} to {}", disk + 1, peg(from), peg(to)));
            waiting = Some(3 - from - to);
            step = Some(Move { disk: Some(disk), from, to });
        }
    }
    let step = step.expect("some disk is not where it should be");
    trace.line(format!("move {} {} to {}", step.disk.map_or(0, |disk| disk + 1), peg(step.from), peg(step.to)));
    step
}

fn apply(state: &mut [u8], step: Move) -> Result<(), String> {
    let top = |at: u8| state.iter().position(|&peg| peg == at);
    let Some(disk) = top(step.from) else { return Err(format!("peg {} is empty", peg(step.from))) };
    if step.disk.is_some_and(|named| named != disk) {
        return Err(format!("disk {} is on top of {}", disk + 1, peg(step.from)));
    }
    if step.from == step.to {
        return Err("it goes nowhere".to_string());
    }
    if let Some(under) = top(step.to).filter(|&under| under < disk) {
        return Err(format!("disk {} would lie on disk {}", disk + 1, under + 1));
    }
    state[disk] = step.to;
    Ok(())
}

/// The moves of an answer: the lines at its end that are moves and nothing else (`1 A to B`, `A to B`, `Move disk 1 from
/// A to B.`, `3. A B`).
fn read_moves(text: &str) -> Result<Vec<Move>, String> {
    let text = extract::answer_text(text)?;
    let text = extract::enclosed(text)?.unwrap_or(text);
    let is_fence = |line: &str| line.trim().is_empty() || line.trim().starts_with("```");
    let mut moves = Vec::new();
    for line in text.lines().rev().filter(|line| !is_fence(line)) {
        match read_line(line) {
            Some(steps) => moves.extend(steps.into_iter().rev()),
            // "Done."
            None if moves.is_empty() && says_nothing(line) => {}
            None if moves.is_empty() => return Err("the last line is no move".to_string()),
            // "Not these:" in front.
            None => {
                surroundings::before(line)?;
                if let Some(word) = words::reversal(line) {
                    return Err(format!("`{word}` stands in front of the moves"));
                }
                break;
            }
        }
        if moves.len() > MAX_MOVES {
            return Err(format!("more than {MAX_MOVES} moves"));
        }
    }
    moves.reverse();
    if moves.is_empty() { Err("there are no moves".to_string()) } else { Ok(moves) }
}

/// Neither peg nor number, and no doubt.
fn says_nothing(line: &str) -> bool {
    let is_peg = |word: &str| matches!(word, "A" | "B" | "C") || word.bytes().any(|b| b.is_ascii_digit());
    !words::words(line).any(is_peg) && words::doubt(line).is_none() && words::reversal(line).is_none()
}

/// The moves of a line: one, or several with commas between.
fn read_line(line: &str) -> Option<Vec<Move>> {
    if let Some(step) = read_move(line) {
        return Some(vec![step]);
    }
    let pieces =
        line.split([',', ';', '，', '；', '、']).map(str::trim).filter(|piece| !piece.is_empty() && *piece != ".");
    let steps: Vec<Move> = pieces.map(read_move).collect::<Option<_>>()?;
    (!steps.is_empty()).then_some(steps)
}

fn read_move(line: &str) -> Option<Move> {
    if line.len() > 80 {
        return None;
    }
    let line = line.replace("**", "");
    let mut pegs = Vec::new();
    let mut numbers = Vec::new();
    // `3.`, `3)`, `Step 3:`, `第3步：`
    let lower = line.trim_start().to_ascii_lowercase();
    let step = lower.strip_prefix("step").or(lower.strip_prefix('第')).map(str::trim_start);
    let count = step.unwrap_or(&lower).trim_start_matches(|c: char| c.is_ascii_digit());
    let is_counted = count.len() < step.unwrap_or(&lower).len();
    let ends: &[char] = if step.is_some() { &[':', '：', '.', ')', '步'] } else { &['.', ')'] };
    let numbered = is_counted && count.starts_with(ends);
    let line = if numbered {
        line[line.len() - count.len()..].trim_start_matches(['步', ':', '：', '.', ')'])
    } else {
        line.as_str()
    };
    let line = line.replace(CHINESE_WORDS, " ");
    for word in line.split(|c: char| c.is_whitespace() || ",.:->→()*".contains(c)).filter(|word| !word.is_empty()) {
        match word {
            "A" | "B" | "C" => pegs.push(word.as_bytes()[0] - b'A'),
            _ if word.bytes().all(|b| b.is_ascii_digit()) => numbers.push(word.parse::<usize>().ok()?),
            _ if WORDS.contains(&word.to_lowercase().as_str()) => {}
            _ => return None,
        }
    }
    let disk = match (numbers.as_slice(), numbered) {
        ([], _) => None,
        ([disk], _) if (1..=MAX_DISKS).contains(disk) => Some(disk - 1),
        _ => return None,
    };
    let [from, to] = pegs.as_slice() else { return None };
    Some(Move { disk, from: *from, to: *to })
}

/// Words that a move may be told with.
const WORDS: [&str; 10] = ["move", "disk", "disc", "from", "to", "peg", "step", "rod", "the", "then"];

/// The same in Chinese: 把1号盘从A移到C.
const CHINESE_WORDS: [char; 13] = ['把', '将', '号', '圆', '盘', '子', '从', '柱', '移', '动', '到', '上', '。'];

#[cfg(test)]
mod tests;
