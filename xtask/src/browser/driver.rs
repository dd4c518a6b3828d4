//! As much of WebDriver as the scenes need, over a plain socket.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// A window's size and manner.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    width: u32,
    height: u32,
    dark: bool,
    touch: bool,
}

impl Screen {
    pub(crate) const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 860, dark: false, touch: false };
    pub(crate) const DESKTOP_DARK: Screen = Screen { name: "desktop-dark", dark: true, ..Screen::DESKTOP };
    pub(crate) const PHONE: Screen = Screen { name: "phone", width: 390, height: 780, dark: false, touch: true };

    pub(crate) fn is_phone(self) -> bool {
        self.touch
    }
}

/// A browser with one window.
pub(crate) struct Driver {
    port: u16,
    session: String,
    site: String,
    pub(crate) screen: Screen,
    out: PathBuf,
}

impl Driver {
    pub(crate) fn open(port: u16, server_port: u16, screen: Screen, out: &Path) -> Result<Self> {
        let window = format!("--window-size={},{}", screen.width, screen.height);
        let mut args =
            vec!["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en", &window];
        if screen.dark {
            args.push("--force-dark-mode");
        }
        let mut options = json!({"args": args});
        if screen.touch {
            let metrics = json!({"width": screen.width, "height": screen.height, "pixelRatio": 2, "touch": true});
            options["mobileEmulation"] =
                json!({"deviceMetrics": metrics, "userAgent": "Mozilla/5.0 (Linux; Android 14) Mobile"});
        }
        let always = json!({
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 20_000, "pageLoad": 30_000},
        });
        let opened = call(port, "POST", "/session", &json!({"capabilities": {"alwaysMatch": always}}))?;
        let session = opened["sessionId"].as_str().context("no session")?.to_owned();
        Ok(Self { port, session, site: format!("http://127.0.0.1:{server_port}"), screen, out: out.to_owned() })
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        call(self.port, method, &format!("/session/{}{path}", self.session), body)
    }

    /// Opens an address of the app and waits until it is ready.
    pub(crate) fn go(&self, path: &str) -> Result<()> {
        self.command("POST", "/url", &json!({"url": format!("{}{path}", self.site)}))?;
        self.until("document.body.classList.contains('ready')")
    }

    /// The value of an expression in the page.
    pub(crate) fn js(&self, expression: &str) -> Result<Value> {
        self.command("POST", "/execute/sync", &json!({"script": format!("return {expression}"), "args": []}))
    }

    /// The text of an expression.
    pub(crate) fn text(&self, expression: &str) -> Result<String> {
        Ok(self.js(expression)?.as_str().with_context(|| format!("{expression} is no text"))?.to_owned())
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&self, expression: &str) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        while self.js(expression)? != Value::Bool(true) {
            ensure!(Instant::now() < end, "not true after 30 s: {expression}");
            std::thread::sleep(Duration::from_millis(40));
        }
        Ok(())
    }

    /// Fails unless an expression is true now.
    pub(crate) fn holds(&self, expression: &str) -> Result<()> {
        let found = self.js(expression)?;
        ensure!(found == Value::Bool(true), "{expression} is {found}");
        Ok(())
    }

    fn find(&self, css: &str) -> Result<String> {
        let found = self.command("POST", "/element", &json!({"using": "css selector", "value": css}))?;
        let id = found.as_object().and_then(|object| object.values().next()?.as_str());
        Ok(id.with_context(|| format!("no element {css}"))?.to_owned())
    }

    /// Clicks an element that can be seen.
    pub(crate) fn click(&self, css: &str) -> Result<()> {
        let id = self.find(css)?;
        self.command("POST", &format!("/element/{id}/click"), &json!({})).with_context(|| css.to_owned())?;
        Ok(())
    }

    /// Types into an element. Keys that are no characters are WebDriver's private ones.
    pub(crate) fn keys(&self, css: &str, text: &str) -> Result<()> {
        let id = self.find(css)?;
        self.command("POST", &format!("/element/{id}/value"), &json!({"text": text}))
            .with_context(|| css.to_owned())?;
        Ok(())
    }

    /// How many pages it is on paper.
    pub(crate) fn n_printed(&self) -> Result<usize> {
        let printed = self.command("POST", "/print", &json!({}))?;
        let pdf = base64(printed.as_str().context("no pages")?);
        Ok(String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count())
    }

    /// Leaves a picture of the window.
    pub(crate) fn picture(&self, name: &str) -> Result<()> {
        let picture = self.command("GET", "/screenshot", &Value::Null)?;
        let bytes = base64(picture.as_str().context("no picture")?);
        std::fs::write(self.out.join(format!("{}-{name}.png", self.screen.name)), bytes)?;
        Ok(())
    }

    /// Fails if the browser had anything to complain about: errors of scripts, broken policies, missing files.
    pub(crate) fn no_complaints(&self) -> Result<()> {
        let log = self.command("POST", "/se/log", &json!({"type": "browser"}))?;
        let severe = log.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        // A connection that a scene breaks on purpose is reported too, and a key that is wrong.
        let wrong = severe
            .filter_map(|entry| entry["message"].as_str())
            .filter(|m| !m.contains("net::ERR_") && !m.contains("status of 401"))
            .collect::<Vec<_>>();
        ensure!(wrong.is_empty(), "the browser says: {}", wrong.join("; "));
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver ends with its process in any case.
        let _ = call(self.port, "DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

fn call(port: u16, method: &str, path: &str, body: &Value) -> Result<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("chromedriver is gone")?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    let body = if method == "POST" { body.to_string() } else { String::new() };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n");
    write!(stream, "{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let body = read_body(&mut BufReader::new(stream))?;
    let mut answer: Value = serde_json::from_str(&body).with_context(|| format!("chromedriver said {body:?}"))?;
    let value = answer["value"].take();
    if let Some(error) = value.get("error").and_then(Value::as_str) {
        bail!("{error}: {}", value["message"].as_str().unwrap_or("").lines().next().unwrap_or(""));
    }
    Ok(value)
}

/// The body of an answer. The driver keeps its connections open, so its length is what ends it.
fn read_body(stream: &mut impl BufRead) -> Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).context("chromedriver does not answer")?;
        let Some((name, value)) = line.split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().context("a length")?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut n_bits) = (0u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    //! Pictures' encoding.

    #[test]
    fn base64_is_read() {
        assert_eq!(super::base64("aGFsbG8h"), b"hallo!");
        assert_eq!(super::base64("aGFsbG8="), b"hallo");
        assert_eq!(super::base64("/+8="), [0xff, 0xef]);
    }
}
