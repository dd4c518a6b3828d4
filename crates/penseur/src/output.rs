//! Results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Read, StdoutLock, Write};

use serde_json::Value;
use tracing_subscriber::EnvFilter;

/// Logs go to stderr: warnings, more with `-v`, or as `RUST_LOG` says.
pub fn log_to_stderr(verbosity: u8) {
    let level = match verbosity {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let to_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(to_terminal).init();
}

/// One JSON value on a line of stdout.
pub fn print_json(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{value}")
}

/// A line of text on stdout.
pub fn print_line(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Writes the thinking and the answer of a stream, told apart: dimmed on a terminal, between `<think>` tags elsewhere.
pub struct AnswerWriter {
    out: StdoutLock<'static>,
    dims: bool,
    in_thinking: bool,
}

impl AnswerWriter {
    pub fn new() -> Self {
        let out = io::stdout().lock();
        let dims = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { out, dims, in_thinking: false }
    }

    pub fn thinking(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if !self.in_thinking {
            self.in_thinking = true;
            self.out.write_all(if self.dims { b"\x1b[2m" } else { b"<think>\n" })?;
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    pub fn answer(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.end_thinking()?;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Ends the line, whatever was being written.
    pub fn finish(mut self) -> io::Result<()> {
        self.end_thinking()?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn end_thinking(&mut self) -> io::Result<()> {
        if self.in_thinking {
            self.in_thinking = false;
            self.out.write_all(if self.dims { b"\x1b[0m\n\n" } else { b"\n</think>\n\n" })?;
        }
        Ok(())
    }
}

/// The argument itself, or stdin for `-`.
pub fn text_or_stdin(argument: &str) -> io::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

/// `1234567` as `1.23 M`.
pub fn si(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e12 => (v / 1e12, " T"),
        v if v >= 1e9 => (v / 1e9, " B"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, ""),
    };
    let digits = if scaled >= 100.0 || unit.is_empty() {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$}{unit}")
}

/// Bytes in GB of 1e9.
pub fn gb(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.2} GB", b / 1e9),
        b => format!("{:.1} MB", b / 1e6),
    }
}
