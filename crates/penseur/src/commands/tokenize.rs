//! `penseur tokenize`: text to ids.

use serde_json::json;

use crate::cli::TokenizeArgs;
use crate::loaded;
use crate::output;

pub fn run(args: &TokenizeArgs) -> anyhow::Result<()> {
    let tokenizer = loaded::tokenizer(&loaded::find(&args.model)?)?;
    let text = output::text_or_stdin(&args.text)?;
    let tokens = match args.special {
        true => tokenizer.encode_with_special(&text),
        false => tokenizer.encode(&text),
    };
    if args.json {
        return Ok(output::print_json(&json!({"tokens": tokens}))?);
    }
    for id in tokens {
        output::print_line(format_args!("{id:>8}  {:?}", tokenizer.decode(&[id], false)))?;
    }
    Ok(())
}
