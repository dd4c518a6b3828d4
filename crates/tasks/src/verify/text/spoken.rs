//! Other ways of saying one of two words: in Chinese, or in a sentence that has neither of them ("They are connected").
//!
//! Strict: a clause counts when it is such a phrase or ends in one, and nothing else in it denies. All clauses that say
//! one of the two must say the same.

use crate::verify::words;

/// One of two words, and phrases that say it. A phrase of the second may hold one of the first ("not connected").
struct Pair {
    words: [&'static str; 2],
    /// Whole clauses, in Chinese and English.
    alone: [&'static [&'static str]; 2],
    /// Ends of clauses in Chinese.
    ends: [&'static [&'static str]; 2],
    /// Ends of clauses in English.
    english: [&'static [&'static str]; 2],
}

const PAIRS: [Pair; 3] = [
    Pair {
        words: ["yes", "no"],
        alone: [
            &[
                "是",
                "是的",
                "对",
                "对的",
                "能",
                "能的",
                "可以",
                "可以的",
                "有",
                "有的",
                "会",
                "会的",
                "正确",
                "成立",
                "没错",
                "连通",
                "连通的",
                "当然",
                "true",
                "yep",
                "yeah",
            ],
            &[
                "否",
                "不",
                "不是",
                "不是的",
                "不对",
                "不能",
                "不可以",
                "没有",
                "不会",
                "不行",
                "不正确",
                "不成立",
                "错误",
                "不连通",
                "走不到",
                "false",
                "nope",
            ],
        ],
        ends: [
            &[
                "是回文",
                "是回文词",
                "是一个回文",
                "是个回文",
                "是回文单词",
                "是一个回文词",
                "读一样",
                "读都一样",
                "是连通的",
                "能走到",
                "可以走到",
                "能到达",
                "可以到达",
                "有路",
                "有路径",
                "有一条路",
                "有一条路径",
                "能推出",
                "可以推出",
                "可以推出结论",
                "能推出结论",
                "结论成立",
                "结论是成立的",
            ],
            &[
                "不是回文",
                "不是回文词",
                "不是一个回文",
                "不是个回文",
                "不是回文单词",
                "读不一样",
                "不连通",
                "不是连通的",
                "不能走到",
                "走不到",
                "不能到达",
                "无法到达",
                "没有路",
                "没有路径",
                "没有连通",
                "不能推出",
                "推不出",
                "无法推出",
                "不能推出结论",
                "推不出结论",
                "结论不成立",
                "不一定成立",
            ],
        ],
        english: [
            &[
                "is a palindrome",
                "are connected",
                "is reachable",
                "there is a path",
                "it follows",
                "the conclusion follows",
            ],
            &[
                "not a palindrome",
                "isn't a palindrome",
                "aren't connected",
                "are disconnected",
                "in different components",
                "cannot reach",
                "can't reach",
                "there is no way",
                "isn't reachable",
                "not connected",
                "are unconnected",
                "not reachable",
                "is unreachable",
                "there is no path",
                "does not follow",
                "doesn't follow",
            ],
        ],
    },
    Pair {
        words: ["true", "false"],
        alone: [
            &["真", "真的", "是真", "是真的", "为真", "t", "⊤"],
            &["假", "假的", "是假", "是假的", "为假", "不是真的", "不为真", "f", "⊥"],
        ],
        ends: [&["是真", "是真的", "为真", "是真命题"], &["是假", "是假的", "为假", "是假命题"]],
        english: [&[], &[]],
    },
    Pair {
        words: ["even", "odd"],
        alone: [&["偶", "偶数", "双数"], &["奇", "奇数", "单数"]],
        ends: [
            &["是偶数", "为偶数", "是双数", "是一个偶数", "是个偶数"],
            &["是奇数", "为奇数", "是单数", "是一个奇数", "是个奇数"],
        ],
        english: [&[], &[]],
    },
];

/// Of a clause, what may stand in front of such an end. Longer ones first.
const NEUTRAL: [&str; 40] = [
    "这个单词",
    "字符串",
    "这个词",
    "表达式",
    "这个",
    "单词",
    "公式",
    "命题",
    "结论",
    "结果",
    "真值",
    "正着",
    "倒着",
    "反着",
    "确实",
    "显然",
    "这里",
    "我们",
    "因为",
    "由于",
    "可以",
    "之间",
    "数字",
    "节点",
    "存在",
    "图中",
    "它",
    "这",
    "该",
    "词",
    "的",
    "从",
    "到",
    "和",
    "与",
    "数",
    "也",
    "都",
    "读",
    "值",
];

/// A text without the neutral words at its start.
fn without_neutral(text: &str) -> &str {
    let mut rest = text;
    while let Some(after) = NEUTRAL.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = after;
    }
    rest
}

/// What makes a Chinese text no plain answer, wherever it stands.
const HEDGES: [&str; 30] = [
    "或",
    "要么",
    "还是",
    "也许",
    "可能",
    "大概",
    "大约",
    "除了",
    "未必",
    "而非",
    "并非",
    "吗",
    "是否",
    "是不是",
    "能不能",
    "有没有",
    "吧",
    "猜",
    "估计",
    "才怪",
    "骗",
    "玩笑",
    "如果",
    "假如",
    "不确定",
    "不知道",
    "据说",
    "似乎",
    "好像",
    "其实",
];

/// Characters that deny.
const DENIALS: [char; 12] = ['不', '没', '无', '非', '否', '未', '假', '错', '别', '莫', '勿', '难'];

/// The index of the one of `choices` that `text`, in lower case, says in other words.
///
/// # Errors
/// Says in words why what it says is not taken.
pub fn said(choices: &[&str], text: &str) -> Result<Option<usize>, String> {
    let Some(pair) = PAIRS.iter().find(|pair| pair.words == choices) else { return Ok(None) };
    match text.contains(words::is_east_asian) {
        true => chinese(pair, text),
        false => english(pair, text),
    }
}

fn chinese(pair: &Pair, text: &str) -> Result<Option<usize>, String> {
    if let Some(hedge) = HEDGES.iter().find(|hedge| text.contains(**hedge)) {
        return Err(format!("the answer is said with `{hedge}`"));
    }
    if text.contains(['?', '？', '¬', '≠']) || text.contains(words::is_strange) {
        return Err("the answer is a question".to_string());
    }
    let mut found: Option<usize> = None;
    let mut denied = false;
    for clause in text.split(['，', '。', '；', '！', '：', '\n', ',', '.', ';', '!', ':']) {
        match chinese_clause(pair, clause) {
            Some(idx) if found.is_some_and(|before| before != idx) => {
                return Err("the answer says several of the words".to_string());
            }
            Some(idx) => found = Some(idx),
            None => {
                let turns = ["但", "不过", "然而", "却"].iter().any(|word| clause.contains(word));
                let says = pair.ends.iter().any(|ends| ends.iter().any(|end| clause.contains(end)));
                denied |= clause.contains(DENIALS) || turns || says;
            }
        }
    }
    match found {
        Some(_) if denied => Err("the answer is denied".to_string()),
        found => Ok(found),
    }
}

/// What a clause says, when it is such a phrase or ends in one.
fn chinese_clause(pair: &Pair, clause: &str) -> Option<usize> {
    let is_mark = |c: char| c.is_whitespace() || "*`\"'“”「」$\\(){}[]（）".contains(c);
    let plain = clause.replace("\\text", "").replace("\\boxed", "");
    let plain: String = plain.chars().filter(|c| !is_mark(*c)).collect();
    let mut bare = plain.as_str();
    while let Some(rest) =
        ["所以", "因此", "答案是", "答案为", "答案", "结论是", "结论", "答"].iter().find_map(|lead| {
            // "答案是" alone answers nothing; "结论成立" is a clause.
            bare.strip_prefix(lead).filter(|rest| !rest.is_empty() && !pair.ends.concat().contains(&bare))
        })
    {
        bare = rest;
    }
    if let Some(idx) = pair.alone.iter().position(|phrases| phrases.contains(&bare)) {
        return Some(idx);
    }
    // A letter's value is not the formula's.
    if bare.chars().filter(char::is_ascii_alphabetic).count() == 1 && pair.words[0] == "true" {
        return None;
    }
    let spoken: String = bare.chars().filter(|c| words::is_east_asian(*c)).collect();
    let longest = |idx: usize| {
        let ends = pair.ends[idx].iter().filter(|end| spoken.ends_with(**end));
        ends.max_by_key(|end| end.len()).map(|end| (end.len(), idx))
    };
    let (length, idx) = longest(0).max(longest(1))?;
    let front = without_neutral(&spoken[..spoken.len() - length]);
    let says_other = pair.ends[1 - idx].iter().any(|end| spoken[..spoken.len() - length].contains(end));
    let computes = pair.words[0] == "even" && bare.contains(['+', '-', '*', '/', '×', '÷', '^']);
    (front.is_empty() && !says_other && !computes).then_some(idx)
}

fn english(pair: &Pair, text: &str) -> Result<Option<usize>, String> {
    let sentences = text
        .split(['.', '!', '?', ';', '\n', ','])
        .map(|sentence| sentence.trim_matches([' ', '*', '"', '`', '$', '}']));
    let sentences: Vec<&str> = sentences.filter(|sentence| !sentence.is_empty()).collect();
    let mut found = None;
    for sentence in sentences {
        let alone = |idx: usize| pair.alone[idx].contains(&sentence).then_some((idx, sentence));
        let ending = |idx: usize| pair.english[idx].iter().find(|end| sentence.contains(**end)).map(|end| (idx, *end));
        let Some((idx, phrase)) = alone(0).or(alone(1)).or(ending(1)).or(ending(0)) else {
            if let Some(word) = words::doubt(sentence) {
                return Err(format!("the answer is said with `{word}`"));
            }
            continue;
        };
        let at = sentence.find(phrase).unwrap_or(0);
        let (front, rest) = (&sentence[..at], &sentence[at + phrase.len()..]);
        // Of a path or a conclusion, what is joined or follows may be named.
        let names: &[&str] = match idx {
            0 => &["path", "follow", "follows"],
            _ => &["path", "follow", "follows", "connected", "reach", "reachable", "way"],
        };
        let names_more = names.iter().any(|end| phrase.ends_with(end));
        let is_end = rest.is_empty() || (names_more && rest.starts_with([' ', ':']));
        let doubt = words::doubt_in_front(front).or(words::doubt_behind(rest));
        let asks =
            text.contains('?') || ["is", "are", "does"].iter().any(|verb| words::words(front).next() == Some(verb));
        if let Some(word) = doubt {
            return Err(format!("the answer is said with `{word}`"));
        }
        if !is_end || asks || found.is_some_and(|before| before != idx) {
            return Err("the answer says several of the words".to_string());
        }
        found = Some(idx);
    }
    Ok(found)
}

/// Whether a sentence of `text`, which says `word`, says the other one of `choices`: "It is not a palindrome. Yes."
pub fn contradicts(choices: &[&str], word: &str, text: &str) -> bool {
    let Some(pair) = PAIRS.iter().find(|pair| pair.words == choices) else { return false };
    let says = |sentence: &str, idx: usize| pair.english[idx].iter().any(|end| sentence.contains(end));
    let is_plain = |sentence: &&str| ![" if ", "whether", "would", "were "].iter().any(|word| sentence.contains(word));
    let mut sentences =
        text.split_inclusive(['.', '!', '?', ';', '\n', ',']).filter(|sentence| !sentence.ends_with('?'));
    sentences.any(|sentence| {
        let said = [1, 0].into_iter().find(|idx| says(sentence, *idx));
        is_plain(&sentence) && said.is_some_and(|idx| pair.words[idx] != word)
    })
}

/// What says "yes" behind a "no", bare: "No... it is".
pub fn takes_back(rest: &str) -> bool {
    const FILLERS: [&str; 13] = [
        "actually",
        "and",
        "certainly",
        "definitely",
        "fact",
        "in",
        "indeed",
        "oh",
        "really",
        "surely",
        "well",
        "yes",
        "yet",
    ];
    const TAILS: [&str; 16] = [
        "it is",
        "it does",
        "it can",
        "they are",
        "there is",
        "it is one",
        "it is a palindrome",
        "it is true",
        "that is true",
        "it is the same",
        "they are connected",
        "there is a path",
        "it follows",
        "there is one",
        "it does read the same",
        "it reads the same",
    ];
    let plain = rest.replace("'s ", " is ").replace("'re ", " are ");
    let mut clauses = plain.split(['.', ',', '!', ';', ':', '\n', '…', '—']).map(|clause| {
        let words: Vec<&str> = words::words(clause).filter(|word| !FILLERS.contains(word)).collect();
        words.join(" ")
    });
    // "No, npen is a palindrome"
    let is_said = |clause: &String| {
        let ends = [" is a palindrome", " is one"].iter().any(|end| clause.ends_with(end));
        ends && words::doubt(clause).is_none()
    };
    clauses.any(|clause| TAILS.contains(&clause.as_str()) || is_said(&clause))
}
