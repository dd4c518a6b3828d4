//! The text of a PDF, read by a process of its own.
//!
//! PDF is a format in which files can lie about their size, run in circles and use up memory. The server starts itself a
//! second time as a reader (`penseur read-pdf`), which bounds its own memory and computing time before it looks at a byte,
//! gets the file through a pipe and answers through another. Whatever happens to it, the server goes on.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bounds of the reader, for `sys::limits::limit_self`.
pub const MEMORY_BYTES: u64 = 2 << 30;
/// As above.
pub const CPU_SECONDS: u64 = 30;
/// Longest text that is taken from a reader.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Time on the clock after which a reader is ended.
const TIME: Duration = Duration::from_secs(40);

/// The reader's side: a PDF on `input`, its text on `output`. The caller has bounded the process.
///
/// # Errors
/// What is wrong with the file, for the reader of the app.
pub fn read(mut input: impl Read, mut output: impl Write) -> Result<(), String> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let text = pdf_extract::extract_text_from_mem(&bytes).map_err(|e| e.to_string())?;
    output.write_all(tidy(&text).as_bytes()).map_err(|e| e.to_string())
}

/// Text without trailing spaces and with at most one empty line in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut n_empty = 1;
    for line in text.lines().map(str::trim_end) {
        n_empty = if line.is_empty() { n_empty + 1 } else { 0 };
        if n_empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim_end().to_owned()
}

/// The server's side: starts `reader` and gives it the file. Blocks.
pub fn text(reader: &[OsString], bytes: &[u8]) -> Result<String, String> {
    let (program, arguments) = reader.split_first().ok_or("this server reads no PDF")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("the reader of PDF did not start: {e}"))?;
    let found = converse(&mut child, bytes);
    // A reader that is done has ended; any other is ended here.
    let _ = child.kill();
    let _ = child.wait();
    found
}

fn converse(child: &mut Child, bytes: &[u8]) -> Result<String, String> {
    let (mut stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or("the reader of PDF has no pipes")?;
    std::thread::scope(|scope| {
        // A reader that ends early closes the pipe; its end tells why.
        scope.spawn(move || stdin.write_all(bytes));
        let reading = scope.spawn(move || {
            let mut text = Vec::new();
            stdout.take(MAX_TEXT_BYTES + 1).read_to_end(&mut text).map(|_| text)
        });
        let ended = wait(child, Instant::now() + TIME, || reading.is_finished());
        if !matches!(ended, Ok(Some(_))) {
            let _ = child.kill();
        }
        let text = reading.join().map_err(|_| "reading failed".to_owned())?.map_err(|e| e.to_string())?;
        match ended {
            _ if text.len() as u64 > MAX_TEXT_BYTES => Err("its text is too long".into()),
            Ok(Some(true)) => String::from_utf8(text).map_err(|_| "its text is no text".into()),
            Ok(Some(false)) => Err("it is damaged, encrypted, or too large to be read".into()),
            Ok(None) => Err(format!("reading it took longer than {} seconds", TIME.as_secs())),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// Waits for the child's end: whether it succeeded; `None` if it takes too long. A reader whose text was cut off has a
/// moment to end.
fn wait(child: &mut Child, end: Instant, is_read: impl Fn() -> bool) -> io::Result<Option<bool>> {
    let mut read_at = None;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if is_read() && read_at.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(2) {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
