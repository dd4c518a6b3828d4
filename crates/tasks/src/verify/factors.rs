//! Products of primes: the last product of the answer must have exactly the expected factors, in any order. Powers
//! (`2^3 × 5`, `2³ × 5`) and the signs `×`, `*`, `·`, `x` and `\times` are read; so is a list with commas.

use crate::task::Judgement;

/// Longest product that is read.
const MAX_BYTES: usize = 1_000;

/// Judges the last product of `answer_text` against `primes`, in ascending order.
pub fn judge(primes: &[u64], answer_text: &str) -> Judgement {
    let text = answer_text.trim().trim_end_matches(['.', '!', '。']);
    let text = text.replace("\\times", "×").replace("\\cdot", "×").replace("**", "^");
    let start =
        text.rfind(['=', ':', '：', '\n']).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let product = text[start..].trim_end_matches(['.', '$', '`', '*', ']', ')']);
    if product.len() > MAX_BYTES {
        return Judgement::wrong(format!("the last product has {} bytes", product.len()));
    }
    match read(product) {
        Err(reason) => Judgement::wrong(reason),
        Ok(mut found) => {
            found.sort_unstable();
            if found == primes {
                Judgement::right("the factors are the expected primes")
            } else {
                Judgement::wrong("the factors are not the expected primes")
            }
        }
    }
}

/// The factors of a product; words in front of it are left out.
fn read(product: &str) -> Result<Vec<u64>, String> {
    let is_word = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() > 1;
    let words: Vec<&str> = product.split(|c: char| c.is_whitespace() || c == '{' || c == '[').collect();
    let first = words.iter().rposition(is_word).map_or(0, |idx| idx + 1);
    // A brace that opened with a word (`\boxed{`) closes behind the product.
    let tight = words[first..].join(" ").replace(['$', '}', '(', ')', ']', '`'], " ");
    let mut factors = Vec::new();
    for item in tight.split(['×', '*', '·', 'x', 'X', ',', '，']) {
        factors.extend(power(item.trim())?);
        if factors.len() > 64 {
            return Err("there are more than 64 factors".to_string());
        }
    }
    Ok(factors)
}

/// `7`, `2^3` or `2³`, as repeated factors.
fn power(item: &str) -> Result<Vec<u64>, String> {
    const SMALL: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let refused = || format!("`{}` is no factor", item.chars().take(40).collect::<String>());
    let raised = item.char_indices().find(|(_, c)| SMALL.contains(c)).map(|(at, _)| at);
    let (base, exponent) = match raised {
        Some(at) => {
            let digit = |c: char| SMALL.iter().position(|small| *small == c).map(|d| d.to_string());
            (&item[..at], item[at..].chars().map(digit).collect::<Option<String>>().ok_or_else(refused)?)
        }
        None => item.split_once('^').map_or((item, "1".to_string()), |(base, e)| (base, e.trim().to_string())),
    };
    let whole =
        |text: &str| -> Option<u64> { if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None } };
    let base = whole(base.trim()).ok_or_else(refused)?;
    let exponent = whole(&exponent).filter(|e| *e <= 64).ok_or_else(refused)?;
    Ok(vec![base; exponent as usize])
}

#[cfg(test)]
mod tests;
