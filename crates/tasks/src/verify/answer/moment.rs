//! Times of day and dates, which are equal in whatever spelling: `7:30 PM` and `19:30`, `2023-07-04` and `July 4, 2023`.

use crate::verify::clean::trim;
use crate::verify::number::units::MONTHS;

/// A time of day in minutes, or a date as year, month and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Time(u32),
    Date(u32, u32, u32),
}

/// Whether `answer` is the moment that `gold` is. A time without its half of the day (`7:30`) is none.
pub fn is_same(gold: &str, answer: &str) -> bool {
    read(gold).is_some_and(|gold| read(answer) == Some(gold))
}

fn read(text: &str) -> Option<Moment> {
    let lower = trim(text).to_lowercase().replace(['{', '}', ','], "");
    time(&lower).or_else(|| date(&lower))
}

fn whole(text: &str) -> Option<u32> {
    let is_short = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_short { text.parse().ok() } else { None }
}

fn time(text: &str) -> Option<Moment> {
    let half = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    let (hour, minute) = text[..text.len() - half.len()].split_once(':').filter(|(_, minute)| minute.len() == 2)?;
    let (hour, minute) = (whole(hour)?, whole(minute)?);
    let hour = match (half.replace(['.', ' '], "").as_str(), hour) {
        ("am", 1..=12) => hour % 12,
        ("pm", 1..=12) => hour % 12 + 12,
        ("", 13..=23) => hour,
        _ => return None,
    };
    (minute < 60).then_some(Moment::Time(60 * hour + minute))
}

fn date(text: &str) -> Option<Moment> {
    let month_of =
        |word: &str| MONTHS.iter().position(|month| *month == word).and_then(|at| u32::try_from(at + 1).ok());
    let words: Vec<&str> = text.split_whitespace().collect();
    let (year, month, day) = match words.as_slice() {
        [month, day, year] if month_of(month).is_some() => (*year, month_of(month)?, *day),
        [day, month, year] => (*year, month_of(month)?, *day),
        [numbers] => {
            let plain = numbers.strip_suffix('日').map(|date| date.replace(['年', '月'], "-"));
            let plain = plain.unwrap_or_else(|| numbers.to_string());
            let sign = plain.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
            return match plain.split(sign).collect::<Vec<_>>().as_slice() {
                [year, month, day] if year.len() == 4 => Some(Moment::Date(whole(year)?, whole(month)?, whole(day)?)),
                _ => None,
            };
        }
        _ => return None,
    };
    (year.len() == 4).then_some(Moment::Date(whole(year)?, month, whole(day)?))
}

#[cfg(test)]
mod tests;
