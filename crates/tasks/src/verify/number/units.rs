//! What may stand behind a number without changing it: units, and words for what is counted. Everything else (`5x`, `5
//! squared`, `5 minus 2`, `5千`) makes another value, or none that is known.

use crate::verify::clean::trim;
use crate::verify::words;

/// A unit, and the zeros that a word such as "million" in front of it adds to the number.
pub struct Unit {
    /// As it is written, without braces; empty where there is none.
    pub name: String,
    /// Powers of ten in words.
    pub n_zeros: u32,
}

/// Units by their signs, where capitals matter. In order.
#[rustfmt::skip]
const SIGNS: &[&str] = &[
    "A", "C", "F", "GB", "GHz", "Hz", "J", "KB", "L", "MB", "MHz", "MW", "N", "Pa", "TB", "V", "W", "cal", "cd",
    "cents", "cm", "dL", "day", "deg", "degree", "dl", "dm", "feet", "foot", "ft", "g", "h", "ha", "hour", "hr", "in",
    "inch", "kHz", "kJ", "kN", "kPa", "kW", "kWh", "kcal", "kg", "km", "kmh", "kph", "l", "lb", "lbs", "m", "mA", "mJ",
    "mL", "mV", "mW", "mg", "mi", "min", "ml", "mm", "mol", "month", "mph", "ms", "nm", "oz", "rad", "s", "sec",
    "second", "sq", "t", "week", "yd", "year", "yr",
];

/// Plurals without an s. In order.
#[rustfmt::skip]
const PLURALS: &[&str] = &[
    "children", "feet", "fish", "geese", "men", "mice", "oxen", "people", "pupils", "sheep", "teeth", "women",
];

/// Words that may follow what is counted. In order.
#[rustfmt::skip]
const TAILS: &[&str] = &[
    "a", "all", "altogether", "an", "away", "each", "in", "left", "now", "of", "old", "on", "overall", "per",
    "remaining", "the", "them", "there", "total", "us",
];

/// What is counted or measured in Chinese. Longer ones first.
#[rustfmt::skip]
const CHINESE: &[&str] = &[
    "平方厘米", "平方千米", "平方公里", "平方米", "立方厘米", "立方米", "千米", "公里", "厘米", "毫米", "分米", "千克", "公斤", "毫升", "毫克",
    "分钟", "小时", "苹果", "橘子", "学生", "公顷", "美元", "摄氏度", "米", "克", "吨", "升", "秒", "时", "天", "日", "周", "月", "年", "岁", "人",
    "个", "只", "本", "元", "块", "角", "分", "名", "位", "条", "张", "片", "件", "辆", "匹", "头", "棵", "朵", "双", "组", "种", "页", "行", "道", "题",
    "杯", "瓶", "包", "箱", "盒", "度", "次", "支", "枝", "颗", "粒", "根", "座", "家", "台", "枚", "步",
];

const ZEROS: [(&str, u32); 12] = [
    ("hundred", 2),
    ("thousand", 3),
    ("million", 6),
    ("billion", 9),
    ("trillion", 12),
    ("百", 2),
    ("千", 3),
    ("万", 4),
    ("萬", 4),
    ("亿", 8),
    ("億", 8),
    ("兆", 12),
];

/// The unit that `text`, behind a number, says; `None` when it is more than that. `tight`: nothing stands between.
/// `is_one`: one thing is counted, so its name has no plural.
pub fn read(text: &str, tight: bool, is_one: bool) -> Option<Unit> {
    let plain: String = text.chars().filter(|c| !matches!(c, '{' | '}')).collect();
    let mut name = trim(&plain);
    if name.len() > 60 || text.matches('{').count() != text.matches('}').count() {
        return None;
    }
    let mut n_zeros = 0;
    for (word, zeros) in ZEROS {
        let rest =
            if name.len() >= word.len() && name.is_char_boundary(word.len()) { &name[word.len()..] } else { continue };
        // `千米` is a unit.
        let is_word = (!word.is_ascii() && !is_chinese(name))
            || (word.is_ascii() && !tight && !rest.starts_with(|c: char| c.is_alphanumeric()));
        if name[..word.len()].eq_ignore_ascii_case(word) && is_word {
            (n_zeros, name) = (zeros, rest.trim_start());
            break;
        }
    }
    let name = spelled(name);
    let known = name.is_empty()
        || is_measured(&name, tight)
        || is_chinese(&name)
        || (!tight && (is_counted(&name, is_one) || matches!(name.as_str(), "percent" | "per cent")));
    known.then_some(Unit { name, n_zeros })
}

/// `km per hour` as `km/hour`, `square metres`, `metres squared` and `平方米` as `metres^2` and `米^2`.
fn spelled(name: &str) -> String {
    let square = ["square ", "sq ", "平方"].iter().find_map(|word| name.strip_prefix(word));
    let is_known = |base: &&str| SIGNS.binary_search(base).is_ok() || common(base) != **base;
    match square.or(name.strip_suffix(" squared")).filter(is_known) {
        Some(base) => format!("{base}^2"),
        None => name.replace(" per ", "/"),
    }
}

/// Words without digits or signs, four at most.
pub fn any(text: &str) -> Option<Unit> {
    let plain: String = text.chars().filter(|c| !matches!(c, '{' | '}')).collect();
    let name = trim(&plain);
    let is_plain = name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '.' | '-' | '\''));
    (is_plain && name.split(' ').count() <= 4 && words::change_after(name).is_none())
        .then(|| Unit { name: name.to_string(), n_zeros: 0 })
}

/// Words of which one makes another value of a number, or takes it back.
fn is_operation(name: &str) -> bool {
    let changes = |word: &str| words::change_after(word).is_some() || words::change_before(word).is_some();
    words::doubt(name).is_some() || name.split([' ', '/']).any(|word| changes(word) || is_number_word(word))
}

/// `km/h`, `m^2`, `m s^-1`, `degrees`, `square metres`
fn is_measured(name: &str, tight: bool) -> bool {
    let sign = |word: &str| {
        let word = word.trim_end_matches('.').trim_end_matches("^2").trim_end_matches("^3").trim_end_matches("^-1");
        SIGNS.binary_search(&word).is_ok()
            || (!tight && word.len() > 2 && is_plural(word) && words::change_after(word).is_none())
    };
    let parts: Vec<&str> = name.split([' ', '/', '*']).filter(|part| !part.is_empty()).collect();
    !parts.is_empty()
        && parts.len() <= 3
        && name.contains(char::is_alphabetic)
        && parts.iter().all(|part| sign(part))
        && (parts.len() == 1 || name.contains(['/', '*']))
}

fn is_chinese(name: &str) -> bool {
    let mut rest = name;
    while !rest.is_empty() {
        match CHINESE.iter().find_map(|unit| rest.strip_prefix(unit)) {
            Some(after) => rest = after.trim_start_matches([' ', '/']).trim_start_matches("^2"),
            None => return false,
        }
    }
    true
}

/// Words for what is counted: at least one plural, up to six words, none that changes the number.
fn is_counted(name: &str, is_one: bool) -> bool {
    let words: Vec<&str> = name.split([' ', '/']).filter(|word| !word.is_empty()).collect();
    let is_plain = |word: &&str| {
        let letters = word.trim_end_matches(['.', '\'', ',']);
        letters.chars().count() > 1 && letters.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '\'')
    };
    let is_tail = |word: &&str| TAILS.binary_search(&word.to_lowercase().as_str()).is_ok();
    let named = words.iter().filter(|word| !is_tail(word));
    let counts = named.clone().count();
    let has_plural = is_one || named.clone().any(|word| is_plural(word)) || words.first() == Some(&"per");
    words.len() <= 6
        && words.iter().all(|word| is_plain(word) || is_tail(word))
        && !is_operation(name)
        && (counts == 0 || has_plural)
}

fn is_plural(word: &str) -> bool {
    let word = word.to_lowercase();
    let word = word.trim_end_matches(['.', ',']);
    (word.ends_with('s') && word.len() > 2 && !word.ends_with("ss")) || PLURALS.binary_search(&word).is_ok()
}

/// Numbers in words. In order.
#[rustfmt::skip]
const NUMBER_WORDS: &[&str] = &[
    "dozen", "eight", "eighteen", "eighty", "eleven", "fifteen", "fifty", "five", "forty", "four", "fourteen",
    "hundred", "nine", "nineteen", "ninety", "one", "seven", "seventeen", "seventy", "six", "sixteen", "sixty", "ten",
    "thirteen", "thirty", "three", "twelve", "twenty", "two", "zero",
];

/// `twelve`, `forty-two`
pub fn is_number_word(word: &str) -> bool {
    let lower = word.to_lowercase();
    lower.split('-').any(|part| NUMBER_WORDS.binary_search(&part).is_ok())
}

/// The same unit: as it is written; for words of three letters or more, but for capitals and plural.
pub fn same(a: &str, b: &str) -> bool {
    let split = |unit: &str| common(unit).split('/').map(str::to_string).collect::<Vec<_>>();
    let (a, b) = (split(a), split(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_part(a, b))
}

/// As [`same`], of what stands over or under a fraction's line.
fn same_part(a: &str, b: &str) -> bool {
    if let (Some(a), Some(b)) = (a.strip_suffix("^2"), b.strip_suffix("^2")) {
        return same_part(a, b);
    }
    let plain = |unit: &str| unit.trim_end_matches('.').replace("kilometre", "kilometer");
    let (a, b) = (common(&plain(a)), common(&plain(b)));
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if short.chars().count() < 3 {
        return short == long;
    }
    long.to_lowercase().strip_prefix(&short.to_lowercase()).is_some_and(|ending| matches!(ending, "" | "s" | "es"))
}

/// One spelling for units that have several.
fn common(unit: &str) -> String {
    const SPELLINGS: [(&str, &[&str]); 17] = [
        ("dollars", &["＄", "dollar", "USD", "美元"]),
        ("km/h", &["kmh", "kph"]),
        ("euros", &["€", "euro"]),
        ("degrees", &["°", "deg", "度", "degree"]),
        ("km", &["kilometers", "kilometer", "千米", "公里"]),
        ("m", &["meters", "meter", "metres", "metre", "米"]),
        ("cm", &["centimeters", "centimeter", "centimetres", "厘米"]),
        ("mm", &["millimeters", "millimeter", "毫米"]),
        ("kg", &["kilograms", "kilogram", "千克", "公斤"]),
        ("g", &["grams", "gram", "克"]),
        ("L", &["l", "liters", "litres", "升"]),
        ("hours", &["h", "hr", "hour", "小时"]),
        ("minutes", &["min", "minute", "分钟"]),
        ("seconds", &["s", "sec", "second", "秒"]),
        ("days", &["day", "天"]),
        ("years", &["yr", "year", "年"]),
        ("mph", &["miles/hour"]),
    ];
    let found = SPELLINGS.iter().find(|(_, others)| others.contains(&unit));
    found.map_or(unit, |(one, _)| one).to_string()
}

/// Spellings of units that are told apart.
#[rustfmt::skip]
const KNOWN: &[&[&str]] = &[
    &["seconds", "second", "secs", "sec", "s", "秒钟", "秒"],
    &["milliseconds", "millisecond", "ms", "毫秒"],
    &["microseconds", "microsecond", "微秒"],
    &["minutes", "minute", "mins", "min", "分钟"],
    &["quarters", "刻钟", "刻"],
    &["hours", "hour", "hrs", "hr", "h", "小时", "个小时", "钟头", "个钟头"],
    &["days", "day", "天", "日"],
    &["weeks", "week", "wk", "周", "星期", "个星期", "礼拜", "个礼拜"],
    &["months", "month", "个月", "月"],
    &["years", "year", "yrs", "yr", "年"],
    &["decades", "decade"],
    &["centuries", "century", "世纪"],
    &["kilometers", "kilometer", "kilometres", "kilometre", "km", "千米", "公里"],
    &["meters", "meter", "metres", "metre", "m", "米"],
    &["centimeters", "centimeter", "centimetres", "centimetre", "cm", "厘米", "公分"],
    &["millimeters", "millimeter", "millimetres", "millimetre", "mm", "毫米"],
    &["miles", "mile", "mi", "英里"],
    &["tons", "ton", "tonnes", "tonne", "t", "吨"],
    &["kilograms", "kilogram", "kilos", "kilo", "kg", "千克", "公斤"],
    &["grams", "gram", "g", "克"],
    &["milligrams", "milligram", "mg", "毫克"],
    &["liters", "liter", "litres", "litre", "l", "升"],
    &["milliliters", "milliliter", "millilitres", "millilitre", "ml", "毫升"],
    &["yards", "yard", "yd", "码"],
    &["feet", "foot", "ft", "英尺"],
    &["inches", "inch", "英寸"],
    &["gallons", "gallon", "gal", "加仑"],
    &["quarts", "quart", "qt", "夸脱"],
    &["pounds", "pound", "lbs", "lb", "磅"],
    &["ounces", "ounce", "oz", "盎司"],
    &["dollars", "dollar", "美元"],
    &["cents", "cent", "美分"],
    &["dozens", "dozen", "打"],
    &["pieces", "piece", "single", "个"],
];

/// The known unit that `front`, which leads to a number ("seconds: "), speaks of, when it speaks of none of `units` and of
/// no number.
pub fn led_by_other(units: &[&str], front: &str) -> Option<&'static str> {
    let lower = front.to_lowercase();
    if lower.contains(|c: char| c.is_ascii_digit()) || units.iter().any(|unit| !unit.is_empty() && lower.contains(unit))
    {
        return None;
    }
    let is_long = |name: &str| name.len() > 3;
    words::words(&lower).find_map(|word| {
        let names = KNOWN.iter().find(|names| names.iter().any(|name| *name == word && is_long(name)))?;
        (!units.iter().any(|unit| names.contains(unit))).then_some(names[0])
    })
}

/// The known unit that `rest`, behind a number, begins with, when it is none of `units`.
pub fn other_than(units: &[&str], rest: &str) -> Option<&'static str> {
    let rest = rest.replace("\\text{", " ").replace("\\mathrm{", " ");
    let word = rest.trim_start_matches(|c: char| c.is_whitespace() || "*$`()[]{}\\,~-\"'".contains(c)).to_lowercase();
    let start = word.split(['.', ';', '\n', ':', '=']).next().unwrap_or_default();
    let start = start.trim_start_matches([',', ' ', '(']);
    // "in hours", "total hours"
    let is_filler = |word: &&str| matches!(*word, "full" | "in" | "total" | "whole" | "long" | "more");
    let latin = words::words(start).find(|word| !is_filler(word)).unwrap_or_default();
    let latin = latin.trim_end_matches(words::is_east_asian);
    let says = |name: &&&str| if name.is_ascii() { latin == **name } else { word.starts_with(**name) };
    let spellings =
        KNOWN.iter().flat_map(|spellings| spellings.iter().filter(says).map(|name| (name.len(), spellings[0])));
    let (_, said) = spellings.max_by_key(|(length, _)| *length)?;
    let names = KNOWN.iter().find(|spellings| spellings[0] == said)?;
    let is_asked = |unit: &&str| unit.rsplit(' ').next().is_some_and(|word| names.contains(&word));
    (!units.iter().any(is_asked)).then_some(said)
}

/// The word behind a number that counts something else than `units`: "fortnights", or the "business" of "business days".
pub fn counts_other<'a>(units: &[&str], rest: &'a str) -> Option<&'a str> {
    let start = rest.trim_start_matches(|c: char| c.is_whitespace() || "*$`()[]{}\\,~-".contains(c));
    let start = start.strip_prefix("text{").unwrap_or(start);
    let start = start.split(['.', ';', '\n', ':', '=', ',']).next().unwrap_or_default();
    let is_unit = |word: &str| {
        let of = |unit: &&str| unit.rsplit(' ').next() == Some(word);
        units.iter().any(of) || KNOWN.iter().any(|names| names.contains(&word) && names[0].len() > 1)
    };
    const FILLERS: [&str; 12] =
        ["calendar", "complete", "days'", "elapsed", "full", "in", "long", "more", "the", "total", "whole", "of"];
    const VERBS: [&str; 6] = ["across", "always", "apart", "passes", "plus", "this"];
    let mut all = words::words(start).skip_while(|word| FILLERS.contains(word));
    let (first, second) = (all.next()?, all.next());
    let is_verb = VERBS.contains(&first) || words::links(first);
    match first.to_lowercase().as_str() {
        lower if is_unit(lower) || !start.starts_with(|c: char| c.is_ascii_alphabetic()) => None,
        _ if second.is_some_and(is_unit) => Some(first),
        _ => (is_plural(first) && !is_verb).then_some(first),
    }
}

/// Names of the months, in small letters.
pub const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The month that a number stands behind: "September 16" is no number of days.
pub fn month_in_front(front: &str) -> Option<&str> {
    let word = words::words(front).next_back().filter(|word| front.trim_end().ends_with(word))?;
    MONTHS.contains(&word.to_lowercase().as_str()).then_some(word)
}

#[cfg(test)]
mod tests;
