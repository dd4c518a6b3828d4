//! The search for who is what, written out: suppose, follow, contradict, take back.

use super::statement::Statement;

/// What is known of each person: knight, knave or nothing.
type Kinds = Vec<Option<bool>>;

/// `knight` or `knave`
pub fn kind(knight: bool) -> &'static str {
    if knight { "knight" } else { "knave" }
}

/// Worked thinking that ends with what everyone is; `None` when nothing fits.
pub fn write(names: &[String], says: &[Statement]) -> Option<String> {
    let mut writer = Writer { names, says, lines: Vec::new() };
    for (name, statement) in names.iter().zip(says) {
        writer.lines.push(format!("{name} says {}", statement.plain(names)));
    }
    let kinds = writer.search(vec![None; names.len()], vec![false; says.len()])?;
    let result: Vec<String> =
        names.iter().zip(&kinds).map(|(name, knight)| format!("{name} {}", kind(knight.unwrap_or(false)))).collect();
    writer.lines.push(format!("all fits: {}", result.join(", ")));
    Some(writer.lines.join("\n"))
}

struct Writer<'a> {
    names: &'a [String],
    says: &'a [Statement],
    lines: Vec<String>,
}

impl Writer<'_> {
    /// Supposes the first unknown person a knight, then a knave, and follows each supposition. What was `checked` says
    /// nothing new.
    fn search(&mut self, known: Kinds, checked: Vec<bool>) -> Option<Kinds> {
        let Some(unknown) = known.iter().position(Option::is_none) else { return Some(known) };
        for knight in [true, false] {
            let (mut kinds, mut checked) = (known.clone(), checked.clone());
            kinds[unknown] = Some(knight);
            let word = if knight { "suppose" } else { "so" };
            self.lines.push(format!("{word} {} {}", self.names[unknown], kind(knight)));
            if let Some(found) = self.follow(&mut kinds, &mut checked).then(|| self.search(kinds, checked)).flatten() {
                return Some(found);
            }
        }
        None
    }

    /// Draws every conclusion that one statement allows; false after a contradiction.
    fn follow(&mut self, kinds: &mut Kinds, checked: &mut [bool]) -> bool {
        let mut again = true;
        while std::mem::take(&mut again) {
            for speaker in 0..self.says.len() {
                let Some(truth) = kinds[speaker].filter(|_| !checked[speaker]) else { continue };
                let statement = self.says[speaker];
                let fitting = fitting(statement, truth, kinds);
                let (a, b) = statement.about();
                let open: Vec<usize> = [Some(a), b].into_iter().flatten().filter(|&idx| kinds[idx].is_none()).collect();
                let said = format!("{} {} says {}", self.names[speaker], kind(truth), statement.plain(self.names));
                let told = if truth { "true" } else { "a lie" };
                if fitting.is_empty() {
                    self.lines.push(format!("{said}: not {told}, contradiction"));
                    return false;
                }
                // What all fitting cases agree on is known now.
                let agreed = |idx: usize| fitting.iter().all(|case| case[idx] == fitting[0][idx]);
                let forced: Vec<usize> = open.iter().copied().filter(|&idx| agreed(idx)).collect();
                let news: Vec<String> = forced
                    .iter()
                    .map(|&idx| format!("{} {}", self.names[idx], kind(fitting[0][idx].unwrap_or(false))))
                    .collect();
                for &idx in &forced {
                    kinds[idx] = fitting[0][idx];
                }
                if !news.is_empty() {
                    self.lines.push(format!("{said}: {told}, {}", news.join(", ")));
                    again = true;
                } else if open.is_empty() {
                    self.lines.push(format!("{said}: {told}, fits"));
                }
                checked[speaker] = forced.len() == open.len();
            }
        }
        true
    }
}

/// The ways to fill in the persons of a statement so that it is as true as it must be.
fn fitting(statement: Statement, truth: bool, kinds: &Kinds) -> Vec<Kinds> {
    let (a, b) = statement.about();
    let persons: Vec<usize> = [Some(a), b].into_iter().flatten().collect();
    let mut cases = vec![kinds.clone()];
    for person in persons {
        let options: Vec<bool> = kinds[person].map_or(vec![true, false], |knight| vec![knight]);
        cases = cases
            .iter()
            .flat_map(|case| {
                options.iter().map(move |&knight| {
                    let mut case = case.clone();
                    case[person] = Some(knight);
                    case
                })
            })
            .collect();
    }
    let holds = |case: &Kinds| {
        let filled: Vec<bool> = case.iter().map(|knight| knight.unwrap_or(false)).collect();
        statement.holds(&filled) == truth
    };
    cases.retain(holds);
    cases
}
