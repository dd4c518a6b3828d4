//! `penseur detokenize`: ids to text.

use serde_json::json;

use super::read_tokens;
use crate::cli::DetokenizeArgs;
use crate::loaded;
use crate::output;
use crate::usage;

pub fn run(args: &DetokenizeArgs) -> anyhow::Result<()> {
    let tokenizer = loaded::tokenizer(&loaded::find(&args.model)?)?;
    let tokens = read_tokens(&args.input)?;
    if let Some(id) = tokens.iter().find(|&&id| tokenizer.token(id).is_none()) {
        let size = tokenizer.vocab_size();
        return Err(usage::error(format!("token id {id} is not in the vocabulary of {size}")));
    }
    let text = tokenizer.decode(&tokens, args.skip_special);
    match args.json {
        true => output::print_json(&json!({"text": text}))?,
        false => output::print_line(text)?,
    }
    Ok(())
}
