//! An independent reader of arithmetic statements: every `a+b=c`, `3<5`, `47×86=47×6+47×80` in a text must be true.

/// Asserts that all statements of a text hold; gives their number. Statements about letters (`x+3=5`) are not read.
pub fn assert_true(text: &str) -> usize {
    let in_statement = |c: char| c.is_ascii_alphanumeric() || "+-×÷*/()<>=^_".contains(c);
    let mut n_statements = 0;
    // Replies put spaces around signs, thinking does not.
    let signs = [" + ", " - ", " × ", " ÷ ", " = "];
    let tight = signs.iter().fold(text.to_string(), |text, sign| text.replace(sign, sign.trim()));
    for line in tight.lines() {
        for piece in line.split(|c| !in_statement(c)) {
            n_statements += usize::from(check(piece, text));
        }
    }
    n_statements
}

/// Asserts that all equations about the letters of `values` hold there (`2x+3y=13`); gives their number.
pub fn assert_true_at(text: &str, values: &std::collections::BTreeMap<char, i64>) -> usize {
    let in_statement = |c: char| c.is_ascii_alphanumeric() || "+-×÷()=".contains(c);
    let mut n_equations = 0;
    for piece in text.lines().flat_map(|line| line.split(|c| !in_statement(c))).filter(|piece| piece.contains('=')) {
        let mut filled = String::new();
        for c in piece.chars() {
            match values.get(&c) {
                // `3x` is a product.
                Some(value) => {
                    let factor = if filled.ends_with(|c: char| c.is_ascii_digit()) { "×" } else { "" };
                    filled += &format!("{factor}({value})");
                }
                None => filled.push(c),
            }
        }
        let has_letter = piece.contains(|c: char| c.is_ascii_alphabetic());
        n_equations += usize::from(has_letter && check(&filled, text));
    }
    n_equations
}

/// True when the piece is a statement or a chain of them (`18×3=54>48`); panics when it is false.
fn check(piece: &str, text: &str) -> bool {
    let sides: Vec<&str> = piece.split(['<', '>', '=']).collect();
    if sides.len() < 2 || sides.contains(&"") || piece.contains(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return false;
    }
    let values: Vec<i64> = sides.iter().map(|side| value(side, text)).collect();
    let signs = piece.chars().filter(|c| "<>=".contains(*c));
    for (pair, sign) in values.windows(2).zip(signs) {
        let holds = match sign {
            '<' => pair[0] < pair[1],
            '>' => pair[0] > pair[1],
            _ => pair[0] == pair[1],
        };
        assert!(holds, "{piece} is false in:\n{text}");
    }
    true
}

/// Quotients are whole: `17÷5=3` beside its remainder.
fn value(expression: &str, text: &str) -> i64 {
    let mut reader = Reader { rest: expression };
    let value = reader.sum().unwrap_or_else(|| panic!("`{expression}` is no expression in:\n{text}"));
    assert!(reader.rest.is_empty(), "`{expression}` is no expression in:\n{text}");
    value
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, c: char) -> bool {
        self.rest.strip_prefix(c).map(|rest| self.rest = rest).is_some()
    }

    fn sum(&mut self) -> Option<i64> {
        let mut total = self.product()?;
        loop {
            if self.take('+') {
                total += self.product()?;
            } else if self.take('-') {
                total -= self.product()?;
            } else {
                return Some(total);
            }
        }
    }

    fn product(&mut self) -> Option<i64> {
        let mut total = self.power()?;
        loop {
            if self.take('×') || self.take('*') {
                total *= self.power()?;
            } else if self.take('÷') {
                total = total.checked_div(self.power()?)?;
            } else if self.take('/') {
                let divisor = self.power()?;
                assert!(divisor != 0 && total % divisor == 0, "{total}/{divisor} is not whole");
                total /= divisor;
            } else {
                return Some(total);
            }
        }
    }

    fn power(&mut self) -> Option<i64> {
        let base = self.atom()?;
        if self.take('^') { base.checked_pow(self.atom()?.try_into().ok()?) } else { Some(base) }
    }

    fn atom(&mut self) -> Option<i64> {
        if self.take('-') {
            return Some(-self.atom()?);
        }
        if self.take('(') {
            let inside = self.sum()?;
            return self.take(')').then_some(inside);
        }
        let n_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(n_digits);
        self.rest = rest;
        digits.parse().ok()
    }
}
