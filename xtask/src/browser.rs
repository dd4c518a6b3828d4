//! `cargo xtask browser`: the chat app in a real browser, on a desktop and on a phone.
//!
//! Needs Debian's `chromium` and `chromium-driver` (`apt-get install chromium chromium-driver fonts-noto-core`), and nothing
//! else: it builds the server's mock example, starts it and the driver, and talks WebDriver over a plain socket. Pictures of
//! what it saw are left in `target/browser/`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

mod driver;
mod scenes;

use driver::{Driver, Screen};

const SERVER_PORT: u16 = 18_080;
const DRIVER_PORT: u16 = 18_081;

/// A process that ends with this one.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Started {
    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("{:?} does not start", command.get_program()))?))
    }
}

/// The mock server, which scenes may kill and start again on the same data.
pub(crate) struct Server {
    program: PathBuf,
    data_dir: PathBuf,
    running: Option<Started>,
}

impl Server {
    /// Starts it, or starts it again, and waits until it answers.
    pub(crate) fn start(&mut self, ms_per_token: u32) -> Result<()> {
        self.start_with(ms_per_token, None)
    }

    /// The same for who has the key alone.
    pub(crate) fn start_locked(&mut self, key: &str) -> Result<()> {
        let file = self.data_dir.with_extension("keys");
        std::fs::write(&file, key)?;
        self.start_with(3, Some(&file))
    }

    fn start_with(&mut self, ms_per_token: u32, keys: Option<&Path>) -> Result<()> {
        self.running = None;
        let mut command = Command::new(&self.program);
        command.args([SERVER_PORT.to_string(), ms_per_token.to_string()]).env("DATA_DIR", &self.data_dir);
        command.envs(keys.map(|file| ("KEY_FILE", file)));
        self.running = Some(Started::spawn(&mut command)?);
        wait_for_port(SERVER_PORT)
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Stops it where it is, or lets it go on: its connections stay open and nothing comes.
    pub(crate) fn freeze(&self, frozen: bool) -> Result<()> {
        let started = self.running.as_ref().context("the server does not run")?;
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let done = Command::new("kill").args([signal, &started.0.id().to_string()]).status()?;
        if !done.success() {
            bail!("kill {signal} failed");
        }
        Ok(())
    }
}

fn wait_for_port(port: u16) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > end {
            bail!("nothing listens on port {port} after 20 s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Runs every scene whose name contains `wanted` on every screen.
pub(crate) fn run(root: &Path, wanted: &str) -> Result<()> {
    let build = ["build", "--package", "server", "--example", "mock"];
    let built = Command::new("cargo").args(build).current_dir(root).status().context("cargo is needed")?;
    if !built.success() {
        bail!("the mock server does not build");
    }
    let out = root.join("target/browser");
    std::fs::create_dir_all(&out)?;
    let driver_command = &mut Command::new("chromedriver");
    let _driver = Started::spawn(driver_command.arg(format!("--port={DRIVER_PORT}")))
        .context("chromedriver is needed: apt-get install chromium chromium-driver")?;
    wait_for_port(DRIVER_PORT)?;
    let data_dir = out.join("data");
    if data_dir.is_dir() {
        std::fs::remove_dir_all(&data_dir)?;
    }
    let mut server = Server { program: root.join("target/debug/examples/mock"), data_dir, running: None };
    let mut failures = Vec::new();
    for screen in [Screen::DESKTOP, Screen::DESKTOP_DARK, Screen::PHONE] {
        for (name, scene) in scenes::ALL.iter().filter(|(name, _)| name.contains(wanted)) {
            server.start(3)?;
            let mut browser = Driver::open(DRIVER_PORT, SERVER_PORT, screen, &out)?;
            let done = scene(&mut browser, &mut server).and_then(|()| browser.no_complaints());
            match done {
                Ok(()) => println!("{:<14} {name} ... ok", screen.name),
                Err(error) => {
                    println!("{:<14} {name} ... FAILED: {error:#}", screen.name);
                    let _ = browser.picture(&format!("failed-{name}"));
                    failures.push(format!("{name} on {}", screen.name));
                }
            }
        }
    }
    if !failures.is_empty() {
        bail!("{} scenes failed: {}", failures.len(), failures.join(", "));
    }
    println!("pictures are in {}", out.display());
    Ok(())
}
