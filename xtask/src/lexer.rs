//! Just enough of Rust's lexical rules to tell code from comments and from the insides of
//! literals, so that a check for a word is not fooled by prose.

/// What [`blank`] leaves standing beside code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Code alone: comments and the insides of string and character literals become spaces.
    Code,
    /// Code and literals.
    Literals,
}

/// `source` with everything else replaced by spaces; lines stay where they are.
pub(crate) fn blank(source: &str, keep: Keep) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let literal_len = literal(rest, at.checked_sub(1).map(|before| bytes[before]));
        if let Some(len) = comment(rest) {
            push_blank(&mut out, &rest[..len]);
            at += len;
        } else if let Some(len) = literal_len {
            match keep {
                Keep::Literals => out.push_str(&rest[..len]),
                Keep::Code => push_blank(&mut out, &rest[..len]),
            }
            at += len;
        } else {
            let c = rest.chars().next().expect("not at the end");
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

fn push_blank(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
}

/// Length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(rest.len())
}

/// Length of the string or character literal that `rest` begins with; `before` is the byte ahead.
fn literal(rest: &str, before: Option<u8>) -> Option<usize> {
    let bytes = rest.as_bytes();
    let in_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match bytes[0] {
        b'"' => Some(quoted(bytes, 1, b'"')),
        b'r' if !in_word => raw(rest, 1),
        b'b' | b'c' if !in_word => match bytes.get(1) {
            Some(b'"') => Some(quoted(bytes, 2, b'"')),
            Some(b'\'') if bytes[0] == b'b' => Some(quoted(bytes, 2, b'\'')),
            Some(b'r') => raw(rest, 2),
            _ => None,
        },
        // A character literal closes; a lifetime does not.
        b'\'' => {
            let first = rest[1..].chars().next()?;
            if first == '\\' {
                return Some(quoted(bytes, 1, b'\''));
            }
            let end = 1 + first.len_utf8();
            (bytes.get(end) == Some(&b'\'')).then_some(end + 1)
        }
        _ => None,
    }
}

/// End of a literal whose inside begins at `at` and that `close` ends.
fn quoted(bytes: &[u8], mut at: usize, close: u8) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b if b == close => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Length of a raw string whose hashes begin at `at`.
fn raw(rest: &str, at: usize) -> Option<usize> {
    let hashes = rest[at..].bytes().take_while(|b| *b == b'#').count();
    let inside = at + hashes;
    if rest.as_bytes().get(inside) != Some(&b'"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest[inside + 1..].find(&close).map(|found| inside + 1 + found + close.len());
    Some(end.unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests;
