//! What `--explain` shows comes to what it says: sums, products and quotients are read as a person reads them.
//!
//! Numbers and the operators `+ - x /` and brackets count; a unit behind a number multiplies it; other words are
//! skipped, and what follows a semicolon is no arithmetic. Shown digits are three, so 1.5% is near enough.

use super::*;
use crate::catalogue::Catalogue;
use crate::questions::{ServeQuestion, compare_chips, serve};
use crate::serving::Service;

const UNITS: [(&str, f64); 15] = [
    ("GFLOP", 1e9),
    ("TFLOP", 1e12),
    ("TFLOP/s", 1e12),
    ("KB", 1e3),
    ("GB", 1e9),
    ("GB/s", 1e9),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("days", 86_400.0),
    ("Wh", 1.0),
    ("kWh", 1e3),
    ("MWh", 1e6),
    ("W", 1.0),
];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Operator(char),
    Word(String),
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim_start_matches('$').replace(',', "");
    let scales = [("K", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12), ("%", 0.01)];
    let scaled = scales.iter().find_map(|(end, times)| Some(text.strip_suffix(end)?.parse::<f64>().ok()? * times));
    text.parse().ok().or(scaled)
}

fn tokens(text: &str) -> Vec<Token> {
    let mut all = Vec::new();
    for word in text.split(';').next().unwrap_or_default().split_whitespace() {
        let bare = word.trim_start_matches('(');
        all.extend(std::iter::repeat_n(Token::Operator('('), word.len() - bare.len()));
        let bare = bare.trim_end_matches([',', '.', ':']);
        let inner = bare.trim_end_matches(')');
        all.push(match inner {
            "+" | "-" | "/" => Token::Operator(inner.chars().next().unwrap()),
            "x" => Token::Operator('x'),
            _ => number(inner).map_or_else(|| Token::Word(inner.to_owned()), Token::Number),
        });
        all.extend(std::iter::repeat_n(Token::Operator(')'), bare.len() - inner.len()));
    }
    all
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn next_is(&self, operators: &str) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(c)) if operators.contains(*c) => Some(*c),
            _ => None,
        }
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        while let Some(operator) = self.next_is("+-") {
            self.at += 1;
            let other = self.product();
            value += if operator == '+' { other } else { -other };
        }
        value
    }

    fn product(&mut self) -> f64 {
        let mut value = self.factor();
        while let Some(operator) = self.next_is("x/") {
            self.at += 1;
            let other = self.factor();
            value *= if operator == 'x' { other } else { 1.0 / other };
        }
        value
    }

    fn factor(&mut self) -> f64 {
        let mut value = f64::NAN;
        let mut is_bare = false;
        loop {
            match self.tokens.get(self.at).cloned() {
                Some(Token::Operator('(')) => {
                    self.at += 1;
                    value = self.sum();
                    assert_eq!(self.next_is(")"), Some(')'), "{:?}", self.tokens);
                    is_bare = true;
                }
                Some(Token::Number(n)) => {
                    value = n;
                    is_bare = true;
                }
                Some(Token::Word(word)) => {
                    let unit = UNITS.iter().find(|(unit, _)| *unit == word).filter(|_| is_bare);
                    value *= unit.map_or(1.0, |(_, times)| *times);
                    is_bare = false;
                }
                _ => return value,
            }
            self.at += 1;
        }
    }
}

fn evaluated(how: &str) -> f64 {
    let mut reader = Reader { tokens: tokens(how), at: 0 };
    let value = reader.sum();
    assert_eq!(reader.at, reader.tokens.len(), "{how}");
    value
}

/// `3 h 05 min` or `249 GFLOP`: numbers with their units, added, up to another word.
fn stated(value: &str) -> f64 {
    let mut sum = 0.0;
    let mut all = tokens(value).into_iter().peekable();
    while let Some(Token::Number(n)) = all.next() {
        let unit = match all.peek() {
            Some(Token::Word(word)) => UNITS.iter().find(|(unit, _)| unit == word),
            _ => None,
        };
        sum += n * unit.map_or(1.0, |(_, times)| *times);
        if unit.is_none() || all.next().is_none() {
            break;
        }
    }
    sum
}

/// Each of `names` is there, and its arithmetic comes to its value.
fn check(of: &str, lines: &[Line], names: &[&str]) {
    for name in names {
        let line = lines.iter().find(|line| line.name == *name).unwrap_or_else(|| panic!("{of}: no line {name}"));
        // Chip-hours over chips are hours.
        let times = if name.ends_with("days") { 3600.0 } else { 1.0 };
        let (found, told) = (times * evaluated(&line.how), stated(&line.value));
        assert!((found / told - 1.0).abs() < 0.015 || found == told, "{of}: {line:?} comes to {found}, not {told}");
    }
}

#[test]
fn arithmetic_is_read_as_people_do() {
    for (how, value) in [
        ("3 x (layers 2 + head 1), GFLOP", 9e9),
        ("62.9M tokens a step / 20 s x 86,400", 62.9e6 / 20.0 * 86_400.0),
        ("1F 1.5 + 1B 2 + 1F1B 0.5; simulated", 4.0),
        ("(1 + 5 s / 10 s) / (1 - (1 s + 4 s / 2) / 6 s)", 3.0),
        ("8 chips x $2 / 4 tokens/s x 1e6", 4e6),
    ] {
        assert!((evaluated(how) / value - 1.0).abs() < 1e-9, "{how}: {}", evaluated(how));
    }
    assert_eq!((stated("3 h 05 min"), stated("38.5%, of"), stated("$5.3M")), (11_100.0, 0.385, 5.3e6));
}

#[test]
fn what_is_shown_comes_to_what_is_said() {
    let catalogue = Catalogue::shipped();
    const TRAINING: [&str; 12] = [
        "operations a token",
        "step",
        "communication that nothing hides",
        "communication that is hidden",
        "tokens a day",
        "causal MFU",
        "memory of the fullest chip",
        "failures and checkpoints",
        "chip-hours",
        "days",
        "dollars",
        "energy",
    ];
    let v3 = preset("v3-pretrain", &Changes::default(), &catalogue).unwrap();
    check("v3", &v3.explain, &TRAINING);
    let a100 = catalogue.chip("a100").unwrap();
    for (model, count, layout) in [("llama-3.1-70b", 256, "tp=8,pp=4"), ("llama-3.1-8b", 64, "zero=3,tp=1")] {
        let config = model::presets::published(model).unwrap();
        let job = Job { config, tokens: 1e12, seq_len: 4096, batch: 1024, mtp: false };
        let cluster = Cluster::new(a100, count, Some(1.5)).unwrap();
        let plan = plan_training(model, &job, &cluster, &LayoutSpec::parse(layout).unwrap()).unwrap();
        check(model, &plan.explain, &TRAINING);
    }
    let zero = preset("r1-zero", &Changes::default(), &catalogue).unwrap();
    let of_cycle = |phase: &str| format!("{}: {phase}", zero.cycles[0].name);
    let phases = zero.cycles[0].cycle.named().map(|(phase, _)| phase);
    let cycles = phases.map(of_cycle);
    check("r1-zero", &zero.explain, &cycles.each_ref().map(String::as_str));
    check("r1-zero", &zero.explain, &phases);
    let run = ["step", "tokens a day", "causal MFU", "memory a chip", "chip-hours", "dollars", "energy"];
    check("r1-zero", &zero.explain, &run);
    const SERVING: [&str; 13] = [
        "decode step: products",
        "decode step: attention",
        "decode step: exchange",
        "decode step",
        "input: products",
        "input: attention",
        "input: streaming through memory",
        "input: computation",
        "input computed",
        "output",
        "input",
        "a million output tokens",
        "a million input tokens",
    ];
    for model in ["deepseek-r1", "llama-3.1-70b"] {
        let config = model::presets::published(model).unwrap();
        let cluster = Cluster::new(catalogue.chip("h800").unwrap(), 144, None).unwrap();
        let service = match config.experts() {
            Some(_) => Service::deepseek(&config),
            None => Service::smallest(&config, &cluster.chip).unwrap(),
        };
        let page = serve(model, &config, &service, &cluster, &ServeQuestion::default()).unwrap().page;
        check(model, &page.lines, &SERVING);
    }
    let chips: Vec<_> = ["h800", "h100"].iter().map(|id| (catalogue.chip(id).unwrap(), Some(2.0))).collect();
    let (job, spec) = preset_job("v3-pretrain", 2048).unwrap();
    let compared = compare_chips("v3", &job, &chips, 2048, &spec).unwrap().page;
    check(
        "compare",
        &compared.lines,
        &[
            "NVIDIA H800 SXM: chip-hours",
            "NVIDIA H100 SXM: chip-hours",
            "NVIDIA H100 SXM: causal MFU",
            "NVIDIA H800 SXM: without FP8",
            "NVIDIA H800 SXM: without limiting a token to some nodes",
            "NVIDIA H800 SXM: without overlap of communication (ZB1P)",
            "NVIDIA H100 SXM: without any of the engineering",
        ],
    );
}
