//! Products of primes: the last product of the answer must have exactly the expected factors, in any order. Powers
//! (`2^3 × 5`, `2³ × 5`) and the signs `×`, `*`, `·`, `x` and `\times` are read; so is a list with commas.

use super::extract;
use super::surroundings;
use crate::task::Judgement;

/// Longest product that is read.
const MAX_BYTES: usize = 1_000;

/// Judges the last product of `answer_text` against `primes`, in ascending order.
pub fn judge(primes: &[u64], answer_text: &str) -> Judgement {
    // Of a problem from a file, the product may be too large.
    let n = primes.iter().try_fold(1u64, |n, prime| n.checked_mul(*prime)).unwrap_or(0);
    match extract::claim(answer_text).and_then(|text| last(text, n)) {
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

/// `2 × 2 × 3 = 12` without what it is equal to; in front of the sign must stand a product.
fn without_product(text: &str, n: u64) -> &str {
    let bare = text.trim_end_matches(|c: char| c.is_whitespace() || ".。*`$\"”)]}\\".contains(c));
    let Some(product) = bare.strip_suffix(&n.to_string()).and_then(|front| front.trim_end().strip_suffix('=')) else {
        return text;
    };
    let product = product.trim_end();
    let is_product = product
        .rsplit(['=', '\n'])
        .next()
        .is_some_and(|side| side.contains(['×', '*', '·', '⋅', '^', 'x', '³', '²', '\\']));
    if is_product { product } else { text }
}

/// The factors of the last product. Words in front of it are left out, unless they change it.
fn last(text: &str, n: u64) -> Result<Vec<u64>, String> {
    let enclosed = extract::enclosed(text)?;
    let text = without_product(enclosed.unwrap_or(text).trim(), n);
    let signs = text
        .replace("\\times", "×")
        .replace('∗', "×")
        .replace("\\cdot", "×")
        .replace("\\(", "$")
        .replace("\\)", "$")
        .replace("\\[", "$");
    let signs = signs.replace("\\]", "$").replace(", and ", ", ").replace(" times ", " × ");
    let marks = |c: char| c.is_whitespace() || ".。*`$\"”".contains(c);
    let bare = signs.trim_end_matches(marks);
    // Bold text ends, or a list.
    let bare = bare.strip_suffix([']', ')']).unwrap_or(bare);
    let bare = bare.strip_prefix('{').and_then(|bare| bare.strip_suffix('}')).unwrap_or(bare);
    let is_sign = |c: char| " \t×*·⋅•^,，、x X{}²³⁴⁵⁶⁷⁸⁹".contains(c);
    let is_part = |c: char| c.is_ascii_digit() || is_sign(c);
    let mut start =
        bare.rfind(|c: char| !is_part(c)).map_or(0, |at| at + bare[at..].chars().next().map_or(1, char::len_utf8));
    // An x that ends a word in front, and bold marks.
    while let Some(c) = bare[start..].chars().next().filter(|c| !c.is_ascii_digit()) {
        start += c.len_utf8();
    }
    let (front, product) = bare.split_at(start);
    if product.len() > MAX_BYTES {
        return Err(format!("the last product has {} bytes", product.len()));
    }
    let is_led = |front: &str| front.trim_end_matches([' ', '\t']).ends_with(['×', '·', '⋅', '•', '^', '、', '²', '³']);
    if is_led(front) || front.trim_end().trim_end_matches("**").ends_with('*') {
        return Err("a sign stands in front of the product".to_string());
    }
    surroundings::before(front.trim_end_matches(['{', '\\']))?;
    read(&product.replace("**", "^"))
}

fn read(product: &str) -> Result<Vec<u64>, String> {
    let mut factors = Vec::new();
    for item in product.split(['×', '*', '·', '⋅', '•', 'x', 'X', ',', '，', '、']) {
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
    let whole = |text: &str| -> Option<u64> {
        let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        if is_plain { text.parse().ok() } else { None }
    };
    let base = whole(base.trim()).ok_or_else(refused)?;
    let exponent = exponent.strip_prefix('{').and_then(|e| e.strip_suffix('}')).unwrap_or(&exponent);
    let exponent = whole(exponent).filter(|e| (1..=64).contains(e)).ok_or_else(refused)?;
    Ok(vec![base; exponent as usize])
}

#[cfg(test)]
mod tests;
