//! `penseur logprobs`: what the model thinks of given tokens, one forward pass in f32.

use model::ModelOptions;
use serde_json::json;
use tensor::{Device, Precision};

use super::read_tokens;
use crate::cli::LogprobsArgs;
use crate::loaded;
use crate::output;
use crate::usage;

/// The most probable tokens at one place, best first.
type Top = Vec<(usize, f64)>;

pub fn run(args: &LogprobsArgs) -> anyhow::Result<()> {
    let source = loaded::find(&args.model)?;
    let tokens = match &args.text {
        Some(text) => loaded::tokenizer(&source)?.encode(&output::text_or_stdin(text)?),
        None => read_tokens(&args.input)?,
    };
    let config = source.config()?;
    let (vocab_size, longest) = (config.vocab_size(), config.max_position_embeddings());
    if tokens.is_empty() {
        return Err(usage::error("there are no tokens: give at least one"));
    }
    if let Some(id) = tokens.iter().find(|&&id| id as usize >= vocab_size) {
        return Err(usage::error(format!("token id {id} is outside the vocabulary of {vocab_size}")));
    }
    if tokens.len() > longest {
        let n = tokens.len();
        return Err(usage::error(format!("{n} tokens are longer than this model's context of {longest}")));
    }
    let (precision, n_positions) = (Precision::F32, tokens.len());
    let options = ModelOptions { device: Device::cpu(), precision, trainable: false, n_positions };
    let model = source.load_with_adapter(&options, args.adapter.as_deref())?;
    let (mut logprobs, mut top) = (vec![None], vec![None]);
    model.for_each_logits(&tokens, |first_row, logits| {
        for (row, logits) in logits.chunks_exact(vocab_size).enumerate() {
            let Some(&next) = tokens.get(first_row + row + 1) else {
                break;
            };
            let log_sum = log_sum_exp(logits);
            logprobs.push(Some(f64::from(logits[next as usize]) - log_sum));
            top.push(Some(best(logits, log_sum, args.top)));
        }
    });
    anyhow::ensure!(
        logprobs.iter().flatten().all(|lp| lp.is_finite()),
        "the model's output is not a number: its weights may be damaged"
    );
    match args.json {
        true => output::print_json(&json!({"tokens": tokens, "logprobs": logprobs, "top": top}))?,
        false => print_table(&tokens, &logprobs, &top)?,
    }
    Ok(())
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    max + logits.iter().map(|&x| (f64::from(x) - max).exp()).sum::<f64>().ln()
}

/// The `k` greatest, the lower id first among equals.
fn best(logits: &[f32], log_sum: f64, k: usize) -> Top {
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    let order = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    let k = k.min(ids.len());
    if k > 0 && k < ids.len() {
        ids.select_nth_unstable_by(k - 1, order);
    }
    ids.truncate(k);
    ids.sort_by(order);
    ids.into_iter().map(|id| (id, f64::from(logits[id]) - log_sum)).collect()
}

fn print_table(tokens: &[u32], logprobs: &[Option<f64>], top: &[Option<Top>]) -> anyhow::Result<()> {
    for ((token, logprob), top) in tokens.iter().zip(logprobs).zip(top) {
        let logprob = logprob.map_or("-".to_owned(), |lp| format!("{lp:.6}"));
        let best: Vec<String> = top.iter().flatten().map(|(id, lp)| format!("{id}:{lp:.4}")).collect();
        output::print_line(format!("{token:>8} {logprob:>12}  {}", best.join(" ")).trim_end())?;
    }
    let sum: f64 = logprobs.iter().flatten().sum();
    let n = tokens.len() - 1;
    if n > 0 {
        output::print_line(format_args!(
            "mean {:.6} over {n} tokens, perplexity {:.4}",
            sum / n as f64,
            (-sum / n as f64).exp()
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_ties_go_to_the_lower_id() {
        let logits = [1.0, 3.0, 2.0, 3.0];
        let log_sum = log_sum_exp(&logits);
        let ids = |k| best(&logits, log_sum, k).iter().map(|(id, _)| *id).collect::<Vec<_>>();
        assert_eq!(ids(0), Vec::<usize>::new());
        assert_eq!(ids(3), [1, 3, 2]);
        assert_eq!(ids(9), [1, 3, 2, 0]);
        let mass: f64 = best(&logits, log_sum, 4).iter().map(|(_, lp)| lp.exp()).sum();
        assert!((mass - 1.0).abs() < 1e-12);
    }
}
