//! `json.dumps` as Python writes it: templates print tool definitions with it, and models have seen its
//! spaces in training.

use std::fmt::Write as _;
use std::io;

use minijinja::value::Value as JinjaValue;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

/// The options of `json.dumps` that templates use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Spaces a level; `None` writes one line.
    pub indent: Option<usize>,
    /// Writes characters beyond ASCII as `\uXXXX`.
    pub ensure_ascii: bool,
    /// Orders the keys of every object.
    pub sort_keys: bool,
}

/// Serialises a template's value.
pub(super) fn dumps(value: &JinjaValue, style: Style) -> Result<String, serde_json::Error> {
    let mut plain = serde_json::to_value(value)?;
    if style.sort_keys {
        plain.sort_all_objects();
    }
    let mut out = Vec::new();
    match style.indent {
        None => {
            let formatter = Python { layout: Spaced };
            plain.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
        }
        Some(n_spaces) => {
            let spaces = vec![b' '; n_spaces];
            let formatter = Python { layout: PrettyFormatter::with_indent(&spaces) };
            plain.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
        }
    }
    let text = String::from_utf8(out).expect("serde_json writes UTF-8");
    Ok(if style.ensure_ascii { escape_beyond_ascii(&text) } else { text })
}

/// A layout with numbers as Python writes them.
struct Python<L> {
    layout: L,
}

/// One line with a space after `,` and `:`.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

impl<L: Formatter> Formatter for Python<L> {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(float_repr(value).as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.layout.end_object_value(out)
    }
}

/// Python's `repr` of a float: the shortest digits that read back, an exponent from 1e16 up and below 1e-4.
fn float_repr(value: f64) -> String {
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the format says so");
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(positive) => ('-', positive),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn escape_beyond_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("a string takes all");
        }
    }
    out
}
