//! The noise of real typing: case, spaces, missing marks, slips of the finger.

use crate::rng::Rng;
use crate::task::Asked;

/// All of it, each rarely.
pub fn noise(asked: Asked, rng: &mut Rng) -> Asked {
    spaces(case(typo(asked, rng), rng), rng)
}

/// All lower case now and then, shouting rarely, the final mark left out often.
fn case(mut asked: Asked, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    if roll < 0.24 {
        asked.prompt = asked.prompt.to_lowercase();
    } else if roll < 0.255 {
        asked.prompt = asked.prompt.to_uppercase();
    }
    if asked.prompt.ends_with(['.', '?']) && rng.chance(0.2) {
        asked.prompt.pop();
    }
    asked
}

/// Spaces too many, in front, behind or inside.
pub fn spaces(mut asked: Asked, rng: &mut Rng) -> Asked {
    let roll = rng.unit();
    if roll < 0.01 {
        asked.prompt.insert(0, ' ');
    } else if roll < 0.03 {
        asked.prompt.push(' ');
    } else if roll < 0.05 {
        let gaps: Vec<usize> = asked.prompt.match_indices(' ').map(|(at, _)| at).collect();
        if !gaps.is_empty() {
            asked.prompt.insert(rng.pick(&gaps), ' ');
        }
    } else if roll < 0.055 {
        asked.prompt.push('\n');
    }
    asked
}

/// In few prompts, two neighbouring letters of a word change places, or one is lost. Digits are never touched.
fn typo(mut asked: Asked, rng: &mut Rng) -> Asked {
    if !rng.chance(0.02) {
        return asked;
    }
    let bytes = asked.prompt.as_bytes();
    // Inside a word of lower-case letters, so that no operator, name of a form or number is hit.
    let inside = |at: &usize| bytes[at - 1..at + 3].iter().all(u8::is_ascii_lowercase);
    let places: Vec<usize> = (1..bytes.len().saturating_sub(2)).filter(inside).collect();
    if places.is_empty() {
        return asked;
    }
    let at = rng.pick(&places);
    let letter = asked.prompt.remove(at);
    if rng.chance(0.6) {
        asked.prompt.insert(at + 1, letter);
    }
    asked
}
