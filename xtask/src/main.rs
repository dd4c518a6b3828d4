//! Automation of this repository: `cargo xtask ci` runs every check, `cargo xtask tidy` the
//! structural ones that neither rustc nor clippy knows (ARCHITECTURE.md's invariants, where a machine
//! can see them).

#![forbid(unsafe_code)]

mod browser;
mod ci;
mod lexer;
mod repository;
mod tidy;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND
  ci      formatting, clippy, documentation, tidy, then every test
  tidy    the structural checks alone
  browser [SCENE]
          the chat app in Chromium (needs chromium and chromium-driver); SCENE is a part of a scene's name";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = repository::root();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => ci::run(&root),
        ["browser"] => browser::run(&root, ""),
        ["browser", wanted] => browser::run(&root, wanted),
        ["tidy"] => tidy::run(&root),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("{USAGE}"),
    }
}
