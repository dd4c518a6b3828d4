//! Which flags each plan and each question takes: one that would change nothing is refused by name.

use crate::cli::PlanArgs;
use crate::usage;

/// Refuses what `question`, or the plan itself, does not take.
pub fn refuse_unused(args: &PlanArgs, question: Option<&str>) -> anyhow::Result<()> {
    let given = [
        ("PRESET", args.target.is_some()),
        ("--model", args.model.is_some()),
        ("--tokens", args.tokens.is_some()),
        ("--on", args.on.is_some()),
        ("--count", args.count.is_some()),
        ("--layout", args.layout.is_some()),
        ("--batch", args.batch.is_some()),
        ("--seq-len", args.seq_len.is_some()),
        ("--price", args.price.is_some()),
        ("--set", !args.set.is_empty()),
        ("--run", args.run.is_some()),
        ("--trace", args.trace.is_some()),
    ];
    let (what, takes) = taken(args, question);
    match given.iter().find(|(flag, is_given)| *is_given && !takes.contains(flag)) {
        Some((flag, _)) => {
            let takes = if takes.is_empty() { "none of these".to_owned() } else { takes.join(", ") };
            Err(usage::error(format!("{flag} changes nothing of {what}: leave it out; it takes {takes}")))
        }
        None => Ok(()),
    }
}

/// What is asked, in words, and what it takes.
fn taken(args: &PlanArgs, question: Option<&str>) -> (&'static str, &'static [&'static str]) {
    let preset = args.target.as_deref();
    match (question, preset) {
        (None, Some(path)) if super::is_recipe(path) => ("a recipe, which runs here", &["PRESET", "--set"]),
        (None, Some("r1" | "r1-zero")) => ("this preset", &["PRESET", "--on", "--count", "--price"]),
        (None, Some(_)) => ("a preset", &["PRESET", "--tokens", "--on", "--count", "--layout", "--price", "--trace"]),
        (None, None) => (
            "a plan of a model",
            &["--model", "--tokens", "--on", "--count", "--layout", "--batch", "--seq-len", "--price", "--trace"],
        ),
        (Some("--compare"), Some(_)) => {
            ("--compare of a preset", &["PRESET", "--tokens", "--count", "--layout", "--price"])
        }
        (Some("--compare"), None) => {
            ("--compare", &["--model", "--tokens", "--count", "--layout", "--batch", "--seq-len", "--price"])
        }
        (Some("--layouts"), Some(_)) => {
            ("--layouts of a preset", &["PRESET", "--tokens", "--on", "--count", "--layout", "--price"])
        }
        (Some("--layouts"), None) => {
            ("--layouts", &["--model", "--tokens", "--on", "--count", "--layout", "--batch", "--seq-len", "--price"])
        }
        (Some("--within"), Some(_)) => ("--within of a preset", &["PRESET", "--tokens", "--on", "--price"]),
        (Some("--within"), None) => ("--within", &["--model", "--tokens", "--on", "--batch", "--seq-len", "--price"]),
        (Some("--budget"), _) => ("--budget", &["--on", "--count", "--price"]),
        (Some("--reach"), _) => ("--reach", &["--run"]),
        (Some("--published"), _) => ("--published", &[]),
        (Some(_), _) => ("--serve", &["--model", "--on", "--count", "--price"]),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: PlanArgs,
    }

    #[test]
    fn a_flag_that_changes_nothing_is_refused() {
        let refusal = |line: &str| {
            let args = Command::parse_from(std::iter::once("plan").chain(line.split(' '))).args;
            let question = super::super::questions::asked(&args).unwrap();
            refuse_unused(&args, question).err().map(|e| e.to_string())
        };
        for (line, flag) in [
            ("v3-pretrain --batch 8", "--batch"),
            ("v3-pretrain --seq-len 8", "--seq-len"),
            ("v3-pretrain --set a=1", "--set"),
            ("v3-pretrain --run x", "--run"),
            ("r1-zero --tokens 1T", "--tokens"),
            ("r1-zero --layout pp=2", "--layout"),
            ("v3 --within 3 --count 8", "--count"),
            ("v3 --compare h100 --on h100", "--on"),
            ("--budget 1M --model x", "--model"),
            ("v3 --serve", "PRESET"),
            ("--serve --layout pp=2", "--layout"),
            ("--serve --tokens 1T", "--tokens"),
            ("--serve --seq-len 8", "--seq-len"),
            ("--serve --trace x", "--trace"),
            ("--published --on h100", "--on"),
        ] {
            let message = refusal(line).unwrap_or_else(|| panic!("{line} is taken"));
            assert!(message.starts_with(&format!("{flag} changes nothing")), "{line}: {message}");
        }
        for line in [
            "v3-pretrain --layout pp=16,ep=64 --price 2 --trace x",
            "--model deepseek-v3 --tokens 1T --on h800 --count 8 --batch 8 --seq-len 8",
            "--model deepseek-v3 --tokens 1T --within 30",
            "v3-pretrain --compare h800,h100 --price 2",
            "--serve --model deepseek-r1 --on h800 --speed 20",
            "--reach 0.8 --run x",
        ] {
            assert_eq!(refusal(line), None, "{line}");
        }
    }
}
