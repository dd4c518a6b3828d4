//! Some things of one kind: how many, in which form, with which words.

use super::Case;
use super::words::{KINDS, Kind};
use crate::rng::Rng;
use crate::task::Judgement;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// `Name 4 colors, one per line, in alphabetical order.`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    kind: String,
    n: usize,
    form: Form,
    chinese: bool,
    case: Case,
    /// In alphabetical order.
    sorted: bool,
    first: Option<String>,
    last: Option<String>,
    include: Option<String>,
    exclude: Option<String>,
    /// A letter that no item has.
    without: Option<char>,
}

/// How items stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Commas,
    Lines,
    Numbered,
    Bullets,
    Json,
}

const FORMS: [Form; 5] = [Form::Commas, Form::Lines, Form::Numbered, Form::Bullets, Form::Json];

impl List {
    /// A list with `difficulty - 1` conditions besides number and form.
    pub fn draw(rng: &mut Rng, difficulty: u8) -> Self {
        loop {
            let kind = &KINDS[rng.below(KINDS.len() as u64) as usize];
            let chinese = rng.chance(0.15);
            let words = if chinese { kind.chinese_words } else { kind.words };
            let mut list = List {
                kind: kind.name.to_string(),
                n: rng.between(2, 6) as usize,
                form: rng.pick(&FORMS),
                chinese,
                case: Case::Any,
                sorted: false,
                first: None,
                last: None,
                include: None,
                exclude: None,
                without: None,
            };
            for _ in 1..difficulty {
                list.add_condition(words, rng);
            }
            let n_conditions = list.conditions().len();
            if n_conditions + 1 >= usize::from(difficulty) && list.choose(&mut Trace::new(), &mut Rng::new(0)).is_some()
            {
                return list;
            }
        }
    }

    fn add_condition(&mut self, words: &[&str], rng: &mut Rng) {
        let picked = Some(rng.pick(words).to_string());
        match rng.below(7) {
            0 if !self.chinese => self.case = rng.pick(&[Case::Lower, Case::Upper]),
            1 if !self.chinese && self.first.is_none() && self.last.is_none() => self.sorted = true,
            2 if !self.sorted => self.first = picked,
            3 if !self.sorted => self.last = picked,
            4 => self.include = picked,
            5 => self.exclude = picked,
            6 if !self.chinese => self.without = Some(rng.pick(&['a', 'e', 'i', 'o', 'r', 't', 'n'])),
            _ => {}
        }
    }

    fn kind(&self) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == self.kind)
    }

    fn words(&self) -> &'static [&'static str] {
        self.kind().map_or(&[], |kind| if self.chinese { kind.chinese_words } else { kind.words })
    }

    /// The conditions besides number and form, in words.
    fn conditions(&self) -> Vec<String> {
        let quoted = |form: &str, word: &Option<String>| word.as_ref().map(|word| form.replace("{w}", word));
        let texts = match self.chinese {
            true => ["第一个是{w}。", "最后一个是{w}。", "要有{w}。", "不要出现{w}。"],
            false => ["Start with {w}.", "End with {w}.", "Include {w}.", "Do not use {w}."],
        };
        let words = [&self.first, &self.last, &self.include, &self.exclude];
        let named = texts.into_iter().zip(words).filter_map(|(form, word)| quoted(form, word));
        let case = (self.case != Case::Any).then(|| format!("Use only {}.", self.case.name()));
        let sorted = self.sorted.then(|| "Put them in alphabetical order.".to_string());
        let without = self.without.map(|letter| format!("No word may contain the letter {letter}."));
        named.chain(case).chain(sorted).chain(without).collect()
    }

    /// The prompt.
    pub fn ask(&self, rng: &mut Rng) -> String {
        let (n, kind) = (self.n, &self.kind);
        let chinese_kind = self.kind().map_or("", |kind| kind.chinese_name);
        let form = match (self.chinese, self.form) {
            (false, Form::Commas) => "separated by commas",
            (false, Form::Lines) => "one per line",
            (false, Form::Numbered) => "as a numbered list (1. 2. 3.)",
            (false, Form::Bullets) => "as a list with - in front of each",
            (false, Form::Json) => "as a JSON array of strings",
            (true, Form::Commas) => "用逗号隔开",
            (true, Form::Lines) => "每行一个",
            (true, Form::Numbered) => "用编号列表（1. 2. 3.）",
            (true, Form::Bullets) => "每行前面加-",
            (true, Form::Json) => "用JSON字符串数组",
        };
        let start = match (self.chinese, rng.below(4)) {
            (false, 0) => format!("Name {n} {kind}, {form}."),
            (false, 1) => format!("List {n} {kind} {form}."),
            (false, 2) => format!("Write {n} {kind}, {form}, and nothing else."),
            (false, _) => format!("Give me {n} {kind}, {form}."),
            (true, 0 | 1) => format!("请写出{n}{chinese_kind}，{form}。"),
            (true, _) => format!("列出{n}{chinese_kind}，{form}，只写答案。"),
        };
        let end = self.conditions().join(if self.chinese { "" } else { " " });
        if end.is_empty() { start } else { format!("{start}{}{end}", if self.chinese { "" } else { " " }) }
    }

    /// Goes through words of the kind and keeps those that may stand in the list.
    fn choose(&self, trace: &mut Trace, rng: &mut Rng) -> Option<Vec<String>> {
        let mut candidates: Vec<&str> = self.words().to_vec();
        for at in (1..candidates.len()).rev() {
            candidates.swap(at, rng.below(at as u64 + 1) as usize);
        }
        let wanted: Vec<&String> = [&self.first, &self.include].into_iter().flatten().collect();
        let last = self.last.as_deref();
        let named = wanted.iter().map(|word| word.as_str());
        let order: Vec<&str> =
            named.chain(candidates.into_iter().filter(|word| !wanted.iter().any(|w| w == word))).collect();
        let n_free = self.n.checked_sub(usize::from(last.is_some()))?;
        let mut chosen: Vec<String> = Vec::new();
        for word in order {
            if chosen.len() == n_free {
                break;
            }
            if chosen.iter().any(|item| item == word) || last == Some(word) {
                continue;
            }
            match self.refuses(word) {
                Some(reason) => trace.line(format!("{word}: {reason}")),
                None => {
                    chosen.push(word.to_string());
                    trace.line(format!("{}: {word}", chosen.len()));
                }
            }
        }
        if let Some(word) = last {
            chosen.push(word.to_string());
            trace.line(format!("{}: {word}", chosen.len()));
        }
        if self.sorted {
            chosen.sort();
            trace.line(format!("in order: {}", chosen.join(", ")));
        }
        let items: Vec<String> = chosen.iter().map(|word| self.case.apply(word)).collect();
        self.check(&items).is_ok().then_some(items)
    }

    /// Why a word may not stand in the list.
    fn refuses(&self, word: &str) -> Option<String> {
        if self.exclude.as_deref() == Some(word) {
            return Some(if self.chinese { "不要" } else { "not wanted, no" }.to_string());
        }
        self.without.filter(|letter| word.contains(*letter)).map(|letter| format!("has {letter}, no"))
    }

    /// An answer with the thinking that leads to it.
    pub fn worked(&self, trace: &mut Trace, rng: &mut Rng) -> Option<String> {
        let chinese_kind = self.kind()?.chinese_name;
        let start =
            if self.chinese { format!("{}{chinese_kind}。", self.n) } else { format!("{} {}.", self.n, self.kind) };
        let said: Vec<String> = [start].into_iter().chain(self.conditions()).collect();
        trace.line(said.join(if self.chinese { "" } else { " " }));
        let items = self.choose(trace, rng)?;
        Some(self.written(&items))
    }

    fn written(&self, items: &[String]) -> String {
        let lines = |line: &dyn Fn((usize, &String)) -> String| {
            items.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
        };
        match self.form {
            Form::Commas => items.join(if self.chinese { "，" } else { ", " }),
            Form::Lines => items.join("\n"),
            Form::Numbered => lines(&|(idx, item)| format!("{}. {item}", idx + 1)),
            Form::Bullets => lines(&|(_, item)| format!("- {item}")),
            Form::Json => serde_json::to_string(items).expect("strings are JSON"),
        }
    }

    /// The items of an answer in this form.
    fn read(&self, text: &str) -> Result<Vec<String>, String> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        match self.form {
            Form::Commas if text.contains('\n') => Err("the items are not on one line".to_string()),
            Form::Commas => Ok(text.trim_end_matches(['.', '。']).split([',', '，', '、']).map(trimmed).collect()),
            Form::Lines => Ok(lines().map(trimmed).collect()),
            Form::Numbered => lines()
                .enumerate()
                .map(|(idx, line)| line.strip_prefix(&format!("{}. ", idx + 1)).map(trimmed))
                .collect::<Option<_>>()
                .ok_or_else(|| "the lines are not numbered 1. 2. 3.".to_string()),
            Form::Bullets => lines()
                .map(|line| line.strip_prefix("- ").map(trimmed))
                .collect::<Option<_>>()
                .ok_or_else(|| "a line does not start with -".to_string()),
            Form::Json => serde_json::from_str(super::object::unfenced(text))
                .map_err(|error| format!("not a JSON array of strings: {error}")),
        }
    }

    /// All conditions but what the words mean.
    fn check(&self, items: &[String]) -> Result<(), String> {
        let bare: Vec<String> = items.iter().map(|item| item.to_lowercase()).collect();
        let is = |item: Option<&String>, word: &Option<String>| word.is_none() || item == word.as_ref();
        if items.len() != self.n {
            return Err(format!("{} items, not {}", items.len(), self.n));
        }
        if let Some(idx) = (0..bare.len()).find(|&idx| bare[idx].is_empty() || bare[..idx].contains(&bare[idx])) {
            return Err(format!("item {} is empty or there already", idx + 1));
        }
        if !is(bare.first(), &self.first) {
            return Err("it does not start as asked".to_string());
        }
        if !is(bare.last(), &self.last) {
            return Err("it does not end as asked".to_string());
        }
        if self.include.as_ref().is_some_and(|word| !bare.contains(word)) {
            return Err("a word that was asked for is missing".to_string());
        }
        if let Some(reason) = bare.iter().find_map(|word| self.refuses(word).map(|reason| format!("{word}: {reason}")))
        {
            return Err(reason);
        }
        if self.sorted && !bare.is_sorted() {
            return Err("not in alphabetical order".to_string());
        }
        items.iter().try_for_each(|item| self.case.check(item))
    }

    /// The usual one of several names: 星期日 for 周日 and 礼拜天, 一月 for 1月.
    fn usual(&self, item: &str) -> String {
        if !self.chinese || !self.kind().is_some_and(|kind| kind.is_closed) {
            return item.to_string();
        }
        let month = item.strip_suffix('月').and_then(|number| number.trim().parse::<usize>().ok());
        let named = month.and_then(|month| self.words().get(month.checked_sub(1)?));
        let week = item.replace("礼拜", "星期").replace('周', "星期").replace("星期天", "星期日");
        named.map_or(week, |name| (*name).to_string())
    }

    /// Right when all conditions hold and all words are known to be of the kind.
    pub fn judge(&self, text: &str) -> Judgement {
        let words = self.words();
        if words.is_empty() {
            return Judgement::cannot_judge(format!("`{}` is no kind of things that is known", self.kind));
        }
        let usual = |items: Vec<String>| items.iter().map(|item| self.usual(item)).collect::<Vec<String>>();
        let items = match self.read(text).map(usual).and_then(|items| self.check(&items).map(|()| items)) {
            Ok(items) => items,
            Err(reason) => return Judgement::wrong(reason),
        };
        let other_kind =
            |item: &str| KINDS.iter().any(|kind| kind.words.contains(&item) || kind.chinese_words.contains(&item));
        let is_closed = self.kind().is_some_and(|kind| kind.is_closed);
        let is_none = |item: &String| {
            let is_word = item.chars().all(|c| c.is_alphabetic() || c == ' ') && item.chars().count() <= 20;
            is_closed || other_kind(item) || !is_word || (self.chinese && item.is_ascii())
        };
        let also = self.kind().map_or(&[][..], |kind| kind.also);
        let items = items.iter().map(|item| item.to_lowercase());
        let is_known = |item: &String| words.contains(&item.as_str()) || also.contains(&item.as_str());
        let unknown: Vec<String> = items.filter(|item| !is_known(item)).collect();
        match (unknown.iter().find(|item| is_none(item)), unknown.first()) {
            (Some(item), _) => Judgement::wrong(format!("`{item}` is not one of the {}", self.kind)),
            (None, Some(item)) => {
                Judgement::cannot_judge(format!("`{item}` is not known to be one of the {}", self.kind))
            }
            (None, None) => Judgement::right("all conditions hold"),
        }
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_string()
}
