//! The native families by name, and users' own problems by file.

use crate::families;
use crate::jsonl::JsonlTask;
use crate::task::{Native, Task, TaskError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

/// All native families, in the order of `penseur tasks list`.
pub fn registry() -> Vec<Arc<dyn Task>> {
    vec![
        Arc::new(Native(families::addition::Addition)),
        Arc::new(Native(families::subtraction::Subtraction)),
        Arc::new(Native(families::multiplication::Multiplication)),
        Arc::new(Native(families::division::Division)),
        Arc::new(Native(families::signed::Signed)),
        Arc::new(Native(families::chain::Chain)),
        Arc::new(Native(families::comparison::Comparison)),
        Arc::new(Native(families::digits::Digits)),
        Arc::new(Native(families::linear_equation::LinearEquation)),
        Arc::new(Native(families::linear_system::LinearSystem)),
        Arc::new(Native(families::polynomial_evaluation::PolynomialEvaluation)),
        Arc::new(Native(families::simplify::Simplify)),
        Arc::new(Native(families::gcd::Gcd)),
        Arc::new(Native(families::lcm::Lcm)),
        Arc::new(Native(families::prime_factorization::PrimeFactorization)),
        Arc::new(Native(families::modular_arithmetic::ModularArithmetic)),
        Arc::new(Native(families::base_conversion::BaseConversion)),
        Arc::new(Native(families::count_bits::CountBits)),
        Arc::new(Native(families::list_sort::ListSort)),
        Arc::new(Native(families::list_filter::ListFilter)),
        Arc::new(Native(families::list_max::ListMax)),
        Arc::new(Native(families::running_sums::RunningSums)),
        Arc::new(Native(families::spell_backward::SpellBackward)),
        Arc::new(Native(families::letter_counting::LetterCounting)),
        Arc::new(Native(families::caesar_cipher::CaesarCipher)),
        Arc::new(Native(families::palindrome::Palindrome)),
        Arc::new(Native(families::string_rewriting::StringRewriting)),
        Arc::new(Native(families::knights_knaves::KnightsKnaves)),
        Arc::new(Native(families::propositional::Propositional)),
        Arc::new(Native(families::syllogism::Syllogism)),
        Arc::new(Native(families::shortest_path::ShortestPath)),
        Arc::new(Native(families::graph_connectivity::GraphConnectivity)),
        Arc::new(Native(families::maze::Maze)),
        Arc::new(Native(families::day_of_week::DayOfWeek)),
        Arc::new(Native(families::date_difference::DateDifference)),
        Arc::new(Native(families::unit_conversion::UnitConversion)),
        Arc::new(Native(families::word_problems::WordProblems)),
        Arc::new(Native(families::multi_step::MultiStep)),
        Arc::new(Native(families::countdown::Countdown)),
        Arc::new(Native(families::game24::Game24)),
        Arc::new(Native(families::mini_sudoku::MiniSudoku)),
        Arc::new(Native(families::tower_of_hanoi::TowerOfHanoi)),
        Arc::new(Native(families::n_queens::NQueens)),
        Arc::new(Native(families::instructions::Instructions)),
        Arc::new(Native(families::conversation::Conversation)),
        Arc::new(Native(families::out_of_scope::OutOfScope)),
    ]
}

/// The native family called `name`.
///
/// # Errors
/// [`TaskError::UnknownName`], which names the nearest one.
pub fn find(name: &str) -> Result<Arc<dyn Task>, TaskError> {
    let tasks = registry();
    if let Some(task) = tasks.iter().find(|task| task.name() == name) {
        return Ok(Arc::clone(task));
    }
    let names: Vec<&str> = tasks.iter().map(|task| task.name()).collect();
    Err(unknown("task", name, &names))
}

/// The task that `name` stands for: a native family, or a user's own problems ([`crate::jsonl`]) by the name of their
/// file, with the verifier behind a `#` where it is not `answer`: `file:problems.jsonl#integer`. See [`file_of`].
///
/// A file is read once: later changes are not seen by this process.
///
/// # Errors
/// As [`find`]; a file that cannot be read.
pub fn open(name: &str) -> Result<Arc<dyn Task>, TaskError> {
    static FILES: LazyLock<Mutex<BTreeMap<String, Arc<dyn Task>>>> = LazyLock::new(Mutex::default);
    let Some((path, verifier)) = file_of(name) else { return find(name) };
    let mut files = FILES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(task) = files.get(name) {
        return Ok(Arc::clone(task));
    }
    let task: Arc<dyn Task> = Arc::new(JsonlTask::open(name, Path::new(path), verifier)?);
    files.insert(name.to_string(), Arc::clone(&task));
    Ok(task)
}

/// Path and verifier, where `name` stands for a problem file: `file:PATH`, or any name that ends in `.jsonl`, and
/// `#VERIFIER` or `:VERIFIER` behind it.
pub fn file_of(name: &str) -> Option<(&str, &str)> {
    // The most general verifier stands first.
    let general = crate::verify::NAMES[0];
    let bare = name.strip_prefix("file:");
    let place = bare.unwrap_or(name);
    let (path, verifier) = match place.rsplit_once(['#', ':']) {
        Some((path, verifier)) if path.ends_with(".jsonl") || (bare.is_some() && place.contains('#')) => {
            (path, verifier)
        }
        _ => (place, general),
    };
    (bare.is_some() || path.ends_with(".jsonl")).then_some((path, verifier))
}

/// Known names that an error lists.
const MAX_LISTED: usize = 8;

/// The error for a name that is not known; lists the nearest known ones.
pub(crate) fn unknown(kind: &'static str, name: &str, known: &[&str]) -> TaskError {
    let name: String = name.chars().take(80).collect();
    let mut near = known.to_vec();
    near.sort_by_key(|known| edits(&name, known));
    let more = if near.len() > MAX_LISTED { ", …" } else { "" };
    let nearest = near.first().copied().unwrap_or_default().to_string();
    near.truncate(MAX_LISTED);
    TaskError::UnknownName { kind, nearest, known: near.join(", ") + more, name }
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
