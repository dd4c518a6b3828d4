//! Results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Read, StdoutLock, Write};
use std::time::{Duration, Instant};

use cost::text::duration;
pub use cost::text::si;
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

/// Progress on stderr: a line that renews itself on a terminal, a line now and then elsewhere.
pub struct Ticker {
    n_all: usize,
    n_done: usize,
    begun: Instant,
    shown: Option<Instant>,
    on_terminal: bool,
}

impl Ticker {
    pub fn new(n_all: usize) -> Self {
        Self { n_all, n_done: 0, begun: Instant::now(), shown: None, on_terminal: io::stderr().is_terminal() }
    }

    /// One more is done.
    pub fn tick(&mut self, text: impl FnOnce() -> String) {
        self.n_done += 1;
        let pause = Duration::from_millis(if self.on_terminal { 200 } else { 5000 });
        if self.shown.is_some_and(|shown| shown.elapsed() < pause) && self.n_done < self.n_all {
            return;
        }
        self.shown = Some(Instant::now());
        let left = self.begun.elapsed().as_secs_f64() / self.n_done as f64 * (self.n_all - self.n_done) as f64;
        let line = format!("{} of {} · {} · {} left", self.n_done, self.n_all, text(), duration(left));
        if self.on_terminal { eprint!("\r\x1b[2K{line}") } else { eprintln!("{line}") }
    }

    /// Leaves the terminal clean.
    pub fn clear(&self) {
        if self.on_terminal {
            eprint!("\r\x1b[2K");
        }
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

/// Bytes in GB of 1e9.
pub fn gb(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.2} GB", b / 1e9),
        b => format!("{:.1} MB", b / 1e6),
    }
}
