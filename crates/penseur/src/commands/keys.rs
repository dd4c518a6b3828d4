//! `penseur keys`: who may use the server, how much, and what they have used.

use anyhow::ensure;
use server::{Accounts, KeyInfo, KeyLimits, UsageRow, Used};

use super::serve::data_dir;
use crate::cli::{KeyLimitArgs, KeysCommand, KeysDir};
use crate::output;
use crate::usage;

pub fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Add { name, limits, admin, dir } => {
            ensure!(!name.trim().is_empty(), usage::error("a key needs a name"));
            let (accounts, limits) = (open(dir)?, checked(limits)?);
            let key = if admin { accounts.add_admin(&name, limits)? } else { accounts.add(&name, limits)? };
            eprintln!("the key \"{name}\" is shown this once; clients send it as `Authorization: Bearer KEY`");
            output::print_line(key)?;
        }
        KeysCommand::Limit { name, limits, dir } => open(dir)?.limit(&name, checked(limits)?)?,
        KeysCommand::Rm { name, dir } => open(dir)?.remove(&name)?,
        KeysCommand::List { dir, json } => {
            let keys = open(dir)?.list()?;
            if json {
                return Ok(output::print_json(&serde_json::to_value(keys)?)?);
            }
            for key in &keys {
                output::print_line(describe(key))?;
            }
        }
        KeysCommand::Usage { dir, json } => {
            let rows = open(dir)?.usage()?;
            if json {
                return Ok(output::print_json(&serde_json::to_value(rows)?)?);
            }
            for UsageRow { key, day, model, used } in &rows {
                let key = key.as_deref().unwrap_or("-");
                output::print_line(format_args!("{day}  {key:<16} {model:<16} {}", in_words(used)))?;
            }
        }
    }
    Ok(())
}

fn open(dir: KeysDir) -> anyhow::Result<Accounts> {
    Ok(Accounts::open(Some(&data_dir(dir.data_dir)?))?)
}

fn checked(args: KeyLimitArgs) -> anyhow::Result<KeyLimits> {
    let KeyLimitArgs { requests_per_minute, tokens_per_minute, dollars } = args;
    if let Some(dollars) = dollars.filter(|dollars| !dollars.is_finite() || *dollars < 0.0) {
        return Err(usage::error(format!("--dollars is {dollars}, but must be 0 or more")));
    }
    Ok(KeyLimits { requests_per_minute, tokens_per_minute, dollars })
}

fn describe(key: &KeyInfo) -> String {
    let KeyInfo { name, shown, admin, limits, used, .. } = key;
    let bounds = [
        limits.requests_per_minute.map(|n| format!("{n} requests/min")),
        limits.tokens_per_minute.map(|n| format!("{n} tokens/min")),
        limits.dollars.map(|d| format!("${d}")),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    let bounds = if bounds.is_empty() { "no limits".to_owned() } else { format!("at most {}", bounds.join(", ")) };
    let rights = if *admin { "operator, " } else { "" };
    format!("{name:<16} {shown}  {rights}{bounds}; used {}", in_words(used))
}

fn in_words(used: &Used) -> String {
    let Used { completions, prompt_tokens, completion_tokens, seconds, dollars, .. } = used;
    format!("{completions} completions, {prompt_tokens} + {completion_tokens} tokens, {seconds:.1} s, ${dollars:.6}")
}
