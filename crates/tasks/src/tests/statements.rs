//! An independent reader of arithmetic statements: every `a+b=c`, `3<5`, `47×86=47×6+47×80` in a text must be true.

/// Asserts that all statements of a text hold; gives their number.
pub fn assert_true(text: &str) -> usize {
    let in_statement = |c: char| c.is_ascii_digit() || "+-×÷*/()<>=".contains(c);
    let mut n_statements = 0;
    // Replies put spaces around signs, thinking does not.
    for line in
        text.replace(" + ", "+").replace(" - ", "-").replace(" × ", "×").replace(" ÷ ", "÷").replace(" = ", "=").lines()
    {
        for piece in line.split(|c| !in_statement(c)) {
            n_statements += usize::from(check(piece, text));
        }
    }
    n_statements
}

/// True when the piece is a statement; panics when it is false.
fn check(piece: &str, text: &str) -> bool {
    let Some(at) = piece.find(['<', '>', '=']) else { return false };
    let (left, right) = (&piece[..at], &piece[at + 1..]);
    if left.is_empty() || right.contains('÷') || left.contains('÷') {
        return false;
    }
    let (left, right) = (value(left, text), value(right, text));
    let holds = match piece.as_bytes()[at] {
        b'<' => left < right,
        b'>' => left > right,
        _ => left == right,
    };
    assert!(holds, "{piece} is false in:\n{text}");
    true
}

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
        let mut total = self.atom()?;
        loop {
            if self.take('×') || self.take('*') {
                total *= self.atom()?;
            } else if self.take('/') {
                let divisor = self.atom()?;
                assert!(divisor != 0 && total % divisor == 0, "{total}/{divisor} is not whole");
                total /= divisor;
            } else {
                return Some(total);
            }
        }
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
