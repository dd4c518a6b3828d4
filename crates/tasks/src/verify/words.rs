//! Words that stand around an answer and change what it says: they take it back, weaken it, put another beside it, or make
//! another value of it. An answer with such a word is not taken; which other words stand around it does not matter.

/// What takes an answer back, weakens it or offers another, wherever it stands in the answer's clause. In order.
#[rustfmt::skip]
const DOUBTS: &[&str] = &[
    "aint", "almost", "also", "alternative", "alternatively", "among", "another", "approx", "approximately", "arent",
    "assume", "assuming", "avoid", "barely", "besides", "both", "but", "cancel", "cannot", "cant", "circa",
    "contrary", "could", "couldnt", "denied", "denies", "deny", "didnt", "disagree", "discard", "disregard", "doesnt",
    "dont", "doubt", "doubtful", "doubts", "either", "eliminate", "eliminated", "error", "etc", "except", "excluded", "excluding",
    "fail",
    "failed", "fails", "fake", "false", "fewer", "former", "guess", "guessing", "hardly", "ignore", "imagine",
    "impossible", "inaccurate", "incorrect", "instead", "invalid", "isnt", "jk", "joke", "joking", "kidding", "lie",
    "likely", "maybe", "might", "mistake", "mistaken", "nah", "nan", "nearly", "neither", "never", "no", "nobody",
    "non", "none", "nope", "nor", "not", "nothing", "null", "oder", "oops", "or", "otherwise", "ou", "oughtnt",
    "perhaps", "possibility", "possibly", "presumably", "pretend", "probably", "rather", "refuse", "reject",
    "rejected", "retract", "roughly", "scarcely", "several", "shouldnt", "somewhere", "suppose", "supposedly",
    "supposing", "tbd", "than", "though", "too", "trick", "uncertain", "undefined", "undo", "unknown", "unless",
    "unlike", "unlikely", "unsure", "untrue", "versus", "vs", "wait", "wasnt", "werent", "without", "wont", "would",
    "wouldnt", "wrong", "xor",
];

/// Two words in a row that do the same.
const DOUBTFUL_PAIRS: [(&str, &str); 16] = [
    ("and", "up"),
    ("as", "well"),
    ("at", "best"),
    ("at", "least"),
    ("at", "most"),
    ("close", "to"),
    ("far", "from"),
    ("is", "out"),
    ("may", "be"),
    ("more", "or"),
    ("one", "of"),
    ("per", "cent"),
    ("per", "mille"),
    ("ruled", "out"),
    ("so", "on"),
    ("up", "to"),
];

/// The same in Chinese, which has no spaces between words.
const CHINESE_DOUBTS: [&str; 39] = [
    "不",
    "没",
    "或",
    "要么",
    "还是",
    "也许",
    "可能",
    "大概",
    "大约",
    "约为",
    "约等于",
    "左右",
    "错",
    "除了",
    "之间",
    "至少",
    "至多",
    "最多",
    "超过",
    "以上",
    "以下",
    "未必",
    "而非",
    "并非",
    "吗",
    "将近",
    "接近",
    "几乎",
    "估计",
    "猜",
    "才怪",
    "差不多",
    "近似",
    "恐怕",
    "以内",
    "最少",
    "约莫",
    "约摸",
    "大抵",
];

/// What makes another value of what follows: `minus 6`, `the square root of 6`. In order.
#[rustfmt::skip]
const CHANGES_BEFORE: &[&str] = &[
    "about", "above", "abs", "add", "after", "around", "before", "below", "beyond", "complement", "cos", "cube", "divide",
    "divided", "double", "exceeding", "exceeds", "exp", "factorial", "half", "halved", "inverse", "less", "ln", "log",
    "minus", "mod", "modulo", "multiplied", "multiply", "negation", "negative", "opposite", "over", "past", "plus",
    "power", "predecessor", "quarter", "reciprocal", "reverse", "root", "sin", "sqrt", "square", "squared", "subtract",
    "successor", "tan", "third", "thrice", "times", "triple", "twice", "under",
];

/// What makes another value of what is in front: `6 squared`, `6 million`. In order.
#[rustfmt::skip]
const CHANGES_AFTER: &[&str] = &[
    "above", "backward", "backwards", "below", "billion", "billions", "bn", "choose", "crore", "cubed", "divided", "doubled", "dozen",
    "dozens", "eighths", "factorial", "fifths", "fourths", "gross", "half", "halved", "halves", "hundred", "hundreds",
    "hundredths", "if", "kilo", "lakh", "less", "max", "mil", "million", "millions", "millionths", "minus", "mn",
    "mod", "modulo", "multiplied", "negative", "off", "over", "percent", "pi", "plus", "quarters", "r", "remainder",
    "reversed", "score", "short", "squared", "st", "tens", "tenths", "thirds", "thousand", "thousands", "thousandths",
    "times", "to", "tops", "trillion", "trillions", "under", "unless", "x",
];

/// What an answer is said with: a number in front of one of these is no part of the answer. In order.
#[rustfmt::skip]
const LINKS: &[&str] = &[
    "answer", "are", "be", "become", "becomes", "contains", "earn", "earns", "equal", "equals", "get", "gets", "give",
    "gives", "has", "have", "is", "leave", "leaves", "make", "makes", "remain", "remainder", "remains", "result",
    "results", "so", "that", "then", "therefore", "thus", "total", "totals", "was", "were", "yields",
];

/// Chinese that makes another value of the number behind or in front of it.
const CHINESE_CHANGES: [&str; 29] = [
    "负", "减", "加", "乘", "除", "倍", "半", "十", "百", "千", "万", "亿", "萬", "億", "兆", "分之", "次方", "零",
    "一", "两", "三", "四", "五", "六", "七", "八", "九", "〇", "比",
];

/// The words of a text: letters, digits and inner apostrophes.
pub fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let ends = |c: char| !(c.is_alphanumeric() || c == '\'');
    text.split(ends).map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty())
}

/// Lower case, with one sort of apostrophe.
pub fn lower(text: &str) -> String {
    text.to_lowercase().replace(['’', '‘'], "'")
}

/// The first word that says that what stands beside it is not the answer, or not the only one; also what cannot be read:
/// letters of other scripts among Latin and Chinese, marks upon letters, characters that cannot be seen.
pub fn doubt(text: &str) -> Option<String> {
    if let Some(c) = text.chars().find(|c| is_strange(*c)) {
        return Some(format!("U+{:04X}", u32::from(c)));
    }
    let lower = lower(text);
    if let Some(word) = CHINESE_DOUBTS.iter().find(|word| lower.contains(**word)) {
        return Some((*word).to_string());
    }
    let mut previous = "";
    let mut all = words(&lower).peekable();
    while let Some(word) = all.next() {
        // "both sides" of an equation, "both ways" of a word: no two answers.
        let is_side = word == "both" && all.peek().is_some_and(|next| matches!(*next, "sides" | "ways" | "directions"));
        let is_negated = word.ends_with("n't") || (DOUBTS.binary_search(&word).is_ok() && !is_side);
        if is_negated || DOUBTFUL_PAIRS.contains(&(previous, word)) {
            return Some(word.to_string());
        }
        previous = word;
    }
    None
}

/// As [`doubt`], of what stands behind an answer: there, "no" denies it when it stands alone ("No, 7"), not in "no need to
/// go on".
pub fn doubt_behind(rest: &str) -> Option<String> {
    const DENIED: [&str; 8] = ["answer", "good", "idea", "longer", "solution", "such", "use", "way"];
    let lower = lower(rest);
    let mut plain = String::with_capacity(lower.len());
    let mut left = lower.as_str();
    while let Some(at) = left.find("no ") {
        let next = words(&left[at + 3..]).next().filter(|word| left[at + 3..].starts_with(word));
        let is_word = !left[..at].ends_with(char::is_alphanumeric);
        let is_determiner = is_word && next.is_some_and(|word| !DENIED.contains(&word));
        plain.push_str(&left[..at + if is_determiner { 0 } else { 3 }]);
        left = &left[at + 3..];
    }
    plain.push_str(left);
    doubt(&plain)
}

/// `rest` without the sentences that say of an answer that it keeps the rules: "No digit repeats in any row or column."
pub fn without_claims(rest: &str) -> String {
    const VERBS: [&str; 10] =
        ["appears", "applies", "apply", "attacks", "crossed", "crosses", "repeated", "repeats", "share", "twice"];
    // What such a sentence may deny.
    const DENIED: [&str; 10] = ["another", "cross", "crossing", "doesn't", "does", "no", "none", "not", "or", "repeat"];
    let is_claim = |sentence: &str| {
        let lower = lower(sentence);
        let all: Vec<&str> = words(&lower).collect();
        let opens = matches!(all.first(), Some(&("no" | "none" | "this" | "each"))) && all.len() > 2;
        let claims = all.iter().any(|word| VERBS.contains(word) || matches!(*word, "cross" | "repeat" | "attack"));
        let kept: Vec<&str> = all.iter().filter(|word| !DENIED.contains(word)).copied().collect();
        // "No, ...", "no wait", "this does not repeat the answer"
        let is_plain =
            doubt(&kept.join(" ")).is_none() && !kept.contains(&"answer") && !lower.contains(['?', ',', ':']);
        let is_list = ["row, column", "rows, columns"].iter().any(|list| lower.contains(list));
        opens && claims && (is_plain || (is_list && doubt(&kept.join(" ")).is_none()))
    };
    rest.split_inclusive(['\n', '.', '!', ';']).filter(|sentence| !is_claim(sentence)).collect()
}

/// Words that say that the answer is not known, in the sentence that it ends.
pub fn ignorance(sentence: &str) -> Option<&'static str> {
    const UNKNOWN: [&str; 9] = [
        "don't know",
        "dont know",
        "do not know",
        "no idea",
        "no clue",
        "not sure",
        "not certain",
        "can't tell",
        "n/a",
    ];
    let lower = lower(sentence);
    UNKNOWN.into_iter().find(|words| lower.contains(words))
}

/// As [`doubt`], of what stands in front of an answer: there, a condition is one of the answer.
pub fn doubt_in_front(clause: &str) -> Option<String> {
    const CONDITIONS: [&str; 8] = ["any", "anything", "candidate", "else", "if", "option", "options", "whether"];
    doubt(clause).or_else(|| {
        let lower = lower(clause);
        words(&lower).find(|word| CONDITIONS.contains(word)).map(str::to_string)
    })
}

/// The word at the end of `front` that makes another value of what follows it.
pub fn change_before(front: &str) -> Option<String> {
    let lower = lower(front);
    // "约42" is about 42, "公约数" a divisor.
    if let Some(word) = CHINESE_CHANGES
        .iter()
        .chain(&["约", "近", "超", "概", "几", "小于", "大于", "大致", "大体", "非", "无", "假"])
        .find(|word| lower.ends_with(**word))
    {
        return Some((*word).to_string());
    }
    let word = words(&lower).rev().find(|word| !matches!(*word, "of" | "the" | "a" | "an"))?;
    CHANGES_BEFORE.binary_search(&word).is_ok().then(|| word.to_string())
}

/// A word that says that what stands beside it, a list or a path, is to be read in another order.
pub fn reversal(text: &str) -> Option<&str> {
    const REVERSALS: [&str; 10] = [
        "backward",
        "backwards",
        "inverse",
        "inverted",
        "mirror",
        "mirrored",
        "opposite",
        "reverse",
        "reversed",
        "swap",
    ];
    words(text).find(|word| REVERSALS.contains(&word.to_lowercase().as_str()))
}

/// The word at the start of `rest` that makes another value of what is in front of it.
pub fn change_after(rest: &str) -> Option<String> {
    let start: String = rest.trim_start().chars().take(24).collect();
    let lower = lower(&start);
    // "17的一半" is half of it.
    let is_unit = ["千米", "千克"].iter().any(|unit| lower.starts_with(unit));
    const MORE: [&str; 11] = ["的", "成", "多", "余", "来", "几", "上下", "前后", "出头", "以外", "开外"];
    let changes = CHINESE_CHANGES.iter().chain(&MORE).filter(|_| !is_unit);
    let chinese = changes.copied().find(|word| lower.starts_with(word));
    // "17个多", "18天半"
    let measured = lower.strip_prefix(['个', '只', '本', '元', '天', '次', '条', '页', '米', '岁', '年']);
    let chinese =
        chinese.or(measured.and_then(|rest| ["多", "半", "余"].into_iter().find(|word| rest.starts_with(word))));
    let mut words = words(&lower);
    let (first, second) = (words.next(), words.next());
    if first == Some("and") && (second == Some("half") || (second == Some("a") && words.next() == Some("half"))) {
        return Some("half".to_string());
    }
    let in_base = first == Some("in") && second.is_some_and(|word| matches!(word, "base" | "binary" | "hex" | "octal"));
    let word = first.filter(|word| in_base || CHANGES_AFTER.binary_search(word).is_ok());
    chinese.or(word).map(str::to_string)
}

/// A word says that what follows is the answer, not a second number: "9 and 3 *make* 12".
pub fn links(text: &str) -> bool {
    let lower = lower(text);
    lower.contains("等于")
        || lower.contains(['=', '：', '是', '为', '得', '有', '共', '余'])
        || [": ", ":**", ":\n"].iter().any(|mark| lower.contains(mark))
        || words(&lower).any(|word| LINKS.binary_search(&word).is_ok())
}

/// Chinese and Japanese, which write words without spaces.
pub fn is_east_asian(c: char) -> bool {
    matches!(u32::from(c), 0x3005..=0x30ff | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// A word as mathematics writes factors (`6 x`, `6 ab`): one or two letters that are no word and no unit.
pub fn is_factor(word: &str) -> bool {
    const SHORT: [&str; 35] = [
        "a", "am", "an", "as", "at", "be", "by", "cm", "ft", "g", "gb", "he", "hr", "in", "is", "it", "kg", "km", "l",
        "lb", "m", "me", "mg", "ml", "mm", "my", "of", "on", "oz", "s", "so", "to", "up", "us", "we",
    ];
    let is_short = word.len() <= 2 && word.bytes().all(|b| b.is_ascii_alphabetic());
    is_short && word != "I" && !SHORT.contains(&word.to_ascii_lowercase().as_str())
}

/// Letters that are neither Latin, Greek, Chinese nor Japanese, marks upon letters, and what cannot be seen.
pub fn is_strange(c: char) -> bool {
    if c.is_ascii() {
        return c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    }
    let known = matches!(u32::from(c), 0xaa..=0x24f | 0x370..=0x3ff | 0x1f00..=0x1fff | 0x3005..=0x30ff | 0x3400..=0x9fff
        | 0xf900..=0xfaff | 0xff21..=0xff3a | 0xff41..=0xff5a | 0x20000..=0x3ffff);
    let is_mark = matches!(u32::from(c), 0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff);
    is_mark || super::clean::is_invisible(c) || (c.is_alphabetic() && !known)
}

#[cfg(test)]
mod tests;
