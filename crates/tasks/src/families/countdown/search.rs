//! The search of countdown's worked thinking: short, and of a few problems in a hundred it finds no solution.
//!
//! Most problems (85% with 3 numbers, 80% with 4) need plus and minus only, and those need no search over orders of
//! operations: with all numbers added to `S`, the numbers that get a minus must sum to half of `S - t`. So the thinking
//! asks, in order:
//!
//! 1. **signs**: which numbers sum to that half? One sum, one half, and a look at single numbers and pairs.
//! 2. **one product or quotient**: for each pair, signs again with the result in the pair's place.
//! 3. **any first step**: for each pair its sum, difference, quotient and product, then the three numbers that are left,
//!    from both ends: what must two of them make, so that times or over the third gives the target?
//!
//! Each step names its numbers, each wrong turn ends in `no`, and the numbers stay in the order of the prompt: nothing
//! is sorted. Four decisions are written out because a small model got them wrong in silence: whether one number divides
//! another, where the answer is no as well (`62/16: 3*16=48 no`); whether a number is one of the two that are looked for,
//! number by number (`57 95: 44 no, 51 no, 57 yes`); whether a pair's sum is, the two named again (`44+13=57: 95 no, 57
//! yes`); and the sign of every number, before the signs are written as an expression (`44+ 51+ 57-`).
//!
//! What it misses, of 20,000 drawn problems each: 0.4% with 3 numbers, nearly all of them a product over
//! [`MAX_PRODUCT`] divided again; 2% with 4 and 13% with 5, most of them for length ([`MAX_BYTES`]).
//! `cargo run --release -p tasks --example traces -- countdown` counts again.

use std::fmt::Write;

/// Largest product that is tried.
pub const MAX_PRODUCT: u64 = 300;

/// Longest thinking; a search that is not done by then gives up.
pub const MAX_BYTES: usize = 2100;

/// How tightly an expression's outermost operation binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Number,
    Product,
    Sum,
}

/// A number at hand: given, or made of given ones.
#[derive(Clone, Debug)]
struct Item {
    value: u64,
    /// The expression of given numbers that makes it.
    text: String,
    binding: Binding,
    /// `45*3`, in the values it was made of; empty for a given number.
    made_of: String,
    /// The definitions of what it was made of, outermost first.
    earlier: Vec<String>,
}

impl Item {
    fn given(value: u64) -> Self {
        let text = value.to_string();
        Self { value, text, binding: Binding::Number, made_of: String::new(), earlier: Vec::new() }
    }

    /// `135=45*3` and what is behind it.
    fn definitions(&self) -> Vec<String> {
        let own = (!self.made_of.is_empty()).then(|| format!("{}={}", self.value, self.made_of));
        own.into_iter().chain(self.earlier.iter().cloned()).collect()
    }

    /// The expression as an operand: in brackets when the operation around it binds more tightly.
    fn operand(&self, operator: char, is_right: bool) -> String {
        let brackets = match operator {
            '+' => false,
            '-' => is_right && self.binding == Binding::Sum,
            '*' => self.binding == Binding::Sum,
            _ => self.binding == Binding::Sum || (is_right && self.binding == Binding::Product),
        };
        if brackets { format!("({})", self.text) } else { self.text.clone() }
    }

    /// `a operator b`, which must be whole and not negative.
    fn combine(a: &Item, operator: char, b: &Item) -> Self {
        let value = match operator {
            '+' => a.value + b.value,
            '-' => a.value - b.value,
            '*' => a.value * b.value,
            _ => a.value / b.value,
        };
        Self {
            value,
            text: format!("{}{operator}{}", a.operand(operator, false), b.operand(operator, true)),
            binding: if matches!(operator, '+' | '-') { Binding::Sum } else { Binding::Product },
            made_of: format!("{}{operator}{}", a.value, b.value),
            earlier: a.definitions().into_iter().chain(b.definitions()).collect(),
        }
    }

    /// Larger first.
    fn ordered<'a>(a: &'a Item, b: &'a Item) -> (&'a Item, &'a Item) {
        if a.value >= b.value { (a, b) } else { (b, a) }
    }

    /// `a/b` or `b/a`, when it is whole and not by 1.
    fn quotient(a: &Item, b: &Item) -> Option<Self> {
        let (a, b) = Self::ordered(a, b);
        Division::of(a.value, b.value).filter(Division::is_whole).map(|_| Self::combine(a, '/', b))
    }

    /// `a*b`, when it is not too large.
    fn product(a: &Item, b: &Item) -> Option<Self> {
        (a.value * b.value <= MAX_PRODUCT).then(|| Self::combine(a, '*', b))
    }
}

/// The question whether one number divides another; not asked of 1, which divides all and changes nothing.
#[derive(Clone, Copy)]
struct Division {
    large: u64,
    small: u64,
}

impl Division {
    fn of(a: u64, b: u64) -> Option<Self> {
        let (large, small) = (a.max(b), a.min(b));
        (small > 1).then_some(Self { large, small })
    }

    fn quotient(&self) -> u64 {
        self.large / self.small
    }

    fn is_whole(&self) -> bool {
        self.large.is_multiple_of(self.small)
    }

    /// `62/16: 3*16=48 no`
    fn worked(&self) -> String {
        let Self { large, small } = self;
        let quotient = self.quotient();
        let verdict = if self.is_whole() { "yes" } else { "no" };
        format!("{large}/{small}: {quotient}*{small}={} {verdict}", quotient * small)
    }
}

/// Worked thinking under construction.
struct Search {
    text: String,
    target: u64,
    order: Order,
}

/// What is tried after plus and minus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Products and quotients of pairs.
    PairsFirst,
    /// First the numbers that divide the target: what must the other three make? Finds 24 sooner, which has many divisors.
    DivisorsFirst,
}

/// The thinking that finds an expression for `target`, and the expression; `None` where the search finds none. Numbers
/// and target are below 1,000.
pub fn search(numbers: &[u64], target: u64, order: Order) -> Option<(String, String)> {
    let items: Vec<Item> = numbers.iter().copied().map(Item::given).collect();
    let mut search = Search { text: String::new(), target, order };
    let found = search.solve(&items)?;
    (search.text.len() <= MAX_BYTES).then_some((search.text, found.text))
}

impl Search {
    fn line(&mut self, line: impl AsRef<str>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line.as_ref());
    }

    /// Goes on in the same line.
    fn note(&mut self, text: impl AsRef<str>) {
        self.text.push_str(if self.text.ends_with(':') { " " } else { ", " });
        self.text.push_str(text.as_ref());
    }

    fn solve(&mut self, items: &[Item]) -> Option<Item> {
        self.state(items);
        if let Some(found) = self.signs(items) {
            return Some(found);
        }
        if items.len() == 3 {
            return self.ends(items);
        }
        if self.order == Order::DivisorsFirst
            && let Some(found) = self.divisors(items)
        {
            return Some(found);
        }
        self.line("one product or quotient");
        if let Some(found) = self.one_product(items) {
            return Some(found);
        }
        self.line("any first step");
        for (a, b, rest) in pairs(items) {
            let (large, small) = Item::ordered(a, b);
            let sum_and_difference = [Item::combine(a, '+', b), Item::combine(large, '-', small)];
            let made = sum_and_difference.into_iter().chain(Item::quotient(a, b)).chain(Item::product(a, b));
            for item in made {
                let rest_of_search = if items.len() == 4 { Self::ends } else { Self::stated_product };
                if let Some(found) = self.with(&item, &rest, rest_of_search) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// For each number that divides the target: do the other three make the quotient?
    fn divisors(&mut self, items: &[Item]) -> Option<Item> {
        let target = self.target;
        for (idx, divisor) in items.iter().enumerate() {
            if divisor.value < 2 || !target.is_multiple_of(divisor.value) {
                continue;
            }
            let mut rest = items.to_vec();
            rest.remove(idx);
            self.target = target / divisor.value;
            self.line(format!("{target}/{}={}", divisor.value, self.target));
            self.state(&rest);
            let quotient = self.signs(&rest).or_else(|| self.ends(&rest));
            self.target = target;
            if let Some(quotient) = quotient {
                let found = Item::combine(&quotient, '*', divisor);
                self.line(format!("{}={target}", found.made_of));
                return Some(found);
            }
        }
        None
    }

    /// `15 23 8 make 59`
    fn state(&mut self, items: &[Item]) {
        let values: Vec<String> = items.iter().map(|item| item.value.to_string()).collect();
        self.line(format!("{} make {}", values.join(" "), self.target));
    }

    /// [`Self::one_product`], the numbers first; [`Self::ends`] and [`Self::signs`] name them all themselves.
    fn stated_product(&mut self, items: &[Item]) -> Option<Item> {
        self.state(items);
        self.one_product(items)
    }

    /// `45/3=15`, and on with 15 in the pair's place.
    fn with(&mut self, item: &Item, rest: &[Item], then: fn(&mut Self, &[Item]) -> Option<Item>) -> Option<Item> {
        if self.text.len() > MAX_BYTES {
            return None;
        }
        self.line(format!("{}={}", item.made_of, item.value));
        let items: Vec<Item> = [item.clone()].into_iter().chain(rest.iter().cloned()).collect();
        then(self, &items)
    }

    /// Plus and minus only.
    fn signs(&mut self, items: &[Item]) -> Option<Item> {
        let t = self.target;
        let mut total = items[0].value;
        let mut line = String::new();
        for item in &items[1..] {
            let sum = total + item.value;
            write!(line, "{total}+{}={sum}, ", item.value).expect("strings accept all");
            total = sum;
        }
        self.line(line.trim_end_matches(", "));
        if total < t {
            self.line(format!("{total}<{t}, no"));
            return None;
        }
        if total == t {
            return Some(self.signed(items, &[]));
        }
        let twice = total - t;
        if twice % 2 == 1 {
            self.line(format!("{total}-{t}={twice}, odd, no"));
            return None;
        }
        let minus = twice / 2;
        let plus = minus + t;
        self.line(format!("{total}-{t}={twice}, half {minus}, {minus}+{t}={plus}"));
        self.subset(items, minus, plus)
    }

    /// Which of `items` sum to `minus`, so that the others sum to `plus`? Looks at single numbers (`25 50: 24 no, 50
    /// yes`), then at pairs (`13+12=25: 25 yes`).
    fn subset(&mut self, items: &[Item], minus: u64, plus: u64) -> Option<Item> {
        self.line(format!("{minus} {plus}:"));
        for (idx, item) in items.iter().enumerate() {
            if item.value != minus && item.value != plus {
                self.note(format!("{} no", item.value));
                continue;
            }
            self.note(format!("{} yes", item.value));
            let negative: Vec<usize> =
                (0..items.len()).filter(|other| (*other == idx) == (item.value == minus)).collect();
            return Some(self.signed(items, &negative));
        }
        if items.len() < 4 {
            return None;
        }
        // With four numbers, the first is in one of the two pairs.
        let firsts = if items.len() == 4 { 0..1 } else { 0..items.len() };
        for i in firsts {
            for j in i + 1..items.len() {
                let sum = items[i].value + items[j].value;
                self.line(format!("{}+{}={sum}:", items[i].value, items[j].value));
                for wanted in [minus, plus] {
                    if sum != wanted {
                        self.note(format!("{wanted} no"));
                        continue;
                    }
                    self.note(format!("{wanted} yes"));
                    let negative: Vec<usize> =
                        (0..items.len()).filter(|k| (*k == i || *k == j) == (wanted == minus)).collect();
                    return Some(self.signed(items, &negative));
                }
            }
        }
        None
    }

    /// All items with plus, but those at `negative` with minus: the solution.
    fn signed(&mut self, items: &[Item], negative: &[usize]) -> Item {
        if !negative.is_empty() {
            let sign = |idx| if negative.contains(&idx) { '-' } else { '+' };
            let signs = items.iter().enumerate().map(|(idx, item)| format!("{}{}", item.value, sign(idx)));
            self.line(signs.collect::<Vec<_>>().join(" "));
        }
        let (minus, plus): (Vec<_>, Vec<_>) = items.iter().enumerate().partition(|(idx, _)| negative.contains(idx));
        let signed = plus.iter().map(|(_, item)| ('+', *item)).chain(minus.iter().map(|(_, item)| ('-', *item)));
        let (mut values, mut text) = (String::new(), String::new());
        for (sign, item) in signed {
            write!(values, "{sign}{}", item.value).expect("strings accept all");
            write!(text, "{sign}{}", item.operand(sign, true)).expect("strings accept all");
        }
        let first_plus_removed = |text: String| text[1..].to_string();
        let item = Item {
            value: self.target,
            text: first_plus_removed(text),
            binding: Binding::Sum,
            made_of: first_plus_removed(values),
            earlier: items.iter().flat_map(Item::definitions).collect(),
        };
        self.found(&item);
        item
    }

    /// `135-23-8=104`, then what 135 is made of.
    fn found(&mut self, item: &Item) {
        self.line(format!("{}={}", item.made_of, self.target));
        for definition in &item.earlier {
            self.line(definition);
        }
    }

    /// Each pair's quotient and product among `items`, with signs for the rest.
    fn one_product(&mut self, items: &[Item]) -> Option<Item> {
        for (a, b, rest) in pairs(items) {
            let product = Item::product(a, b);
            match Division::of(a.value, b.value) {
                Some(division) => self.line(division.worked()),
                None if product.is_none() => self.line(format!("{},{}: no", a.value, b.value)),
                None => {}
            }
            for item in [Item::quotient(a, b), product].into_iter().flatten() {
                if let Some(found) = self.with(&item, &rest, Self::signs) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Three numbers with at least one product or quotient: for each pair, what it makes and what it would have to make.
    fn ends(&mut self, items: &[Item]) -> Option<Item> {
        for (a, b, rest) in pairs(items) {
            let last = &rest[0];
            self.line(format!("{} {}, {}:", a.value, b.value, last.value));
            // A product beside a sum or difference was tried with signs for all that is not in it.
            let is_new = last.binding != Binding::Sum;
            if is_new && let Some(found) = self.product_then_sign(a, b, last) {
                return Some(found);
            }
            if let Some(found) = self.wanted(a, b, last) {
                return Some(found);
            }
            if self.text.ends_with(':') {
                self.text.push_str(" no");
            }
        }
        None
    }

    /// `a / b` or `a * b`, plus or minus `last`.
    fn product_then_sign(&mut self, a: &Item, b: &Item, last: &Item) -> Option<Item> {
        let t = self.target;
        if let Some(division) = Division::of(a.value, b.value) {
            self.note(division.worked());
        }
        for made in [Item::quotient(a, b), Item::product(a, b)].into_iter().flatten() {
            let solution = match (made.value, last.value) {
                (x, z) if z > t && z > x => Item::combine(last, '-', &made),
                (x, _) if x > t => Item::combine(&made, '-', last),
                _ => Item::combine(&made, '+', last),
            };
            self.note(format!("{}={}", made.made_of, made.value));
            self.note(format!("{}={}", solution.made_of, solution.value));
            if solution.value == t {
                self.found(&solution);
                return Some(solution);
            }
            self.text.push_str(" no");
        }
        None
    }

    /// `(a ? b) * last`, `last / (a ? b)` and `(a ? b) / last`.
    fn wanted(&mut self, a: &Item, b: &Item, last: &Item) -> Option<Item> {
        let (t, z) = (self.target, last.value);
        if let Some(division) = Division::of(t, z) {
            self.note(division.worked());
            if division.is_whole()
                && let Some(made) = self.made(a, b, division.quotient())
            {
                let solution = if t >= z { Item::combine(&made, '*', last) } else { Item::combine(last, '/', &made) };
                self.found(&solution);
                return Some(solution);
            }
        }
        if z > 1 && t * z <= MAX_PRODUCT {
            self.note(format!("{t}*{z}={}", t * z));
            if let Some(made) = self.made(a, b, t * z) {
                let solution = Item::combine(&made, '/', last);
                self.found(&solution);
                return Some(solution);
            }
        }
        None
    }

    /// `want`, of `a` and `b`.
    fn made(&mut self, a: &Item, b: &Item, want: u64) -> Option<Item> {
        for made in candidates(a, b, want) {
            self.note(format!("{}={}", made.made_of, made.value));
            if made.value == want {
                return Some(made);
            }
            self.text.push_str(" no");
        }
        None
    }
}

/// What `a` and `b` may make that could be `want`, by size.
fn candidates(a: &Item, b: &Item, want: u64) -> Vec<Item> {
    let (large, small) = Item::ordered(a, b);
    if want < large.value {
        return [Item::combine(large, '-', small)].into_iter().chain(Item::quotient(a, b)).collect();
    }
    [Item::combine(a, '+', b)].into_iter().chain(Item::product(a, b)).collect()
}

/// Every pair in order, and the items that are not in it.
fn pairs(items: &[Item]) -> impl Iterator<Item = (&Item, &Item, Vec<Item>)> {
    let indices = (0..items.len()).flat_map(|i| (i + 1..items.len()).map(move |j| (i, j)));
    indices.map(|(i, j)| {
        let rest = items.iter().enumerate().filter(|(k, _)| *k != i && *k != j).map(|(_, item)| item.clone());
        (&items[i], &items[j], rest.collect())
    })
}

#[cfg(test)]
mod tests;
