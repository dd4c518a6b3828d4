//! Where a JSON text is, byte for byte, so that what its schema leaves open has an end: a small model nests without end, or
//! goes through the same names again and again.

use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// Objects and lists within each other.
const MAX_DEPTH: usize = 32;

/// Bytes of a property's name.
const MAX_NAME_BYTES: usize = 256;

/// An object or a list that is not closed.
#[derive(Clone, Debug, Default)]
struct Open {
    is_object: bool,
    /// Of an object: what comes next is a name, if it is a string.
    awaits_name: bool,
    names: BTreeSet<Vec<u8>>,
    /// Has a name twice, as no answer that means something does.
    repeats: bool,
}

/// A place in a text.
#[derive(Clone, Debug, Default)]
pub(super) struct JsonPlace {
    open: Vec<Open>,
    in_string: bool,
    escaped: bool,
    /// The string so far where it is a name.
    name: Option<Vec<u8>>,
    /// What was opened last holds nothing yet.
    is_empty: bool,
}

impl JsonPlace {
    /// Takes the bytes that come next.
    pub fn take(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.take_byte(*byte));
    }

    fn take_byte(&mut self, byte: u8) {
        let was_in_string = self.in_string;
        (self.in_string, self.escaped) = next_in_string(self.in_string, self.escaped, byte);
        let innermost = self.open.last_mut();
        self.is_empty = !was_in_string && (matches!(byte, b'{' | b'[') || (byte == b' ' && self.is_empty));
        match byte {
            _ if was_in_string && self.in_string => self.name.iter_mut().for_each(|name| name.push(byte)),
            b'"' if was_in_string => {
                if let (Some(name), Some(object)) = (self.name.take(), innermost) {
                    object.awaits_name = false;
                    object.repeats |= !object.names.insert(name);
                }
            }
            b'"' => self.name = innermost.filter(|object| object.awaits_name).map(|_| Vec::new()),
            b'{' => self.open.push(Open { is_object: true, awaits_name: true, ..Open::default() }),
            b'[' => self.open.push(Open::default()),
            b'}' | b']' => _ = self.open.pop(),
            b',' => innermost.into_iter().for_each(|open| open.awaits_name = open.is_object),
            _ => {}
        }
    }

    /// Whether there is an end to come to.
    pub fn is_long_enough(&self) -> bool {
        self.open.len() >= MAX_DEPTH || self.has_long_name() || self.repeats()
    }

    fn has_long_name(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.len() >= MAX_NAME_BYTES)
    }

    fn repeats(&self) -> bool {
        self.open.last().is_some_and(|open| open.repeats)
    }

    /// Whether these bytes go on with what is [long enough](Self::is_long_enough): deeper or on the way there, in a long name,
    /// or to one more property of an object that repeats itself.
    pub fn goes_on(&self, bytes: &[u8]) -> bool {
        let first = bytes.iter().find(|byte| **byte != b' ');
        if self.is_empty && self.open.len() >= MAX_DEPTH && first.is_some_and(|byte| !b"}]".contains(byte)) {
            return true;
        }
        let (mut in_string, mut escaped, mut depth) = (self.in_string, self.escaped, self.open.len());
        let mut in_name = self.has_long_name();
        for &byte in bytes {
            let was_in_string = in_string;
            (in_string, escaped) = next_in_string(in_string, escaped, byte);
            in_name &= in_string;
            match byte {
                _ if was_in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' if depth == self.open.len() && self.repeats() => return true,
                _ => {}
            }
        }
        in_name || depth > self.open.len().max(MAX_DEPTH)
    }
}

/// Whether the next byte is in a string, and escaped, from the same of `byte`.
fn next_in_string(in_string: bool, escaped: bool, byte: u8) -> (bool, bool) {
    match byte {
        b'"' if !escaped => (!in_string, false),
        b'\\' => (in_string, in_string && !escaped),
        _ => (in_string, false),
    }
}
