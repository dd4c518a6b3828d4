//! `penseur generate`: one prompt, one or more answers.

use engine::TokenLogprobs;
use model::chat_template::Message;
use serde_json::{Value, json};
use server::{ChatFormat, TextOptions};

use crate::answer::{Answer, Job, render_options};
use crate::cli::GenerateArgs;
use crate::loaded::Loaded;
use crate::output::{self, AnswerWriter};

pub fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let prompt = output::text_or_stdin(&args.prompt)?;
    let loaded = Loaded::open(&args.model, args.n.get())?;
    let job = prepare(args, &loaded, &prompt)?.with_logprobs(args.logprobs);
    if args.json {
        return print_json(args, &loaded, &job);
    }
    for idx in 0..args.n.get() as u64 {
        if args.n.get() > 1 {
            output::print_line(format_args!("--- answer {} of {}", idx + 1, args.n))?;
        }
        let mut writer = AnswerWriter::new();
        let answer = job.submit(&loaded, idx)?.follow(|delta| {
            writer.thinking(&delta.reasoning)?;
            writer.answer(&delta.content)
        })?;
        writer.finish()?;
        answer.finish_reason()?;
    }
    Ok(())
}

fn prepare(args: &GenerateArgs, loaded: &Loaded, prompt: &str) -> anyhow::Result<Job> {
    if args.raw {
        return Job::raw(loaded, loaded.format.encode_raw(prompt, TextOptions::PROMPT), &args.answer, args.seed);
    }
    let system = args.answer.system.as_ref().map(Message::system);
    let messages: Vec<Message> = system.into_iter().chain([Message::user(prompt)]).collect();
    let prompt = loaded.format.encode_chat(&messages, &render_options(&args.answer))?;
    Job::chat(loaded, prompt, &args.answer, args.seed)
}

/// All answers are computed together.
fn print_json(args: &GenerateArgs, loaded: &Loaded, job: &Job) -> anyhow::Result<()> {
    let running: Vec<_> = (0..args.n.get() as u64).map(|idx| job.submit(loaded, idx)).collect::<Result<_, _>>()?;
    let answers: Vec<Answer> = running.into_iter().map(|r| r.follow(|_| Ok(()))).collect::<Result<_, _>>()?;
    let completions: Vec<Value> = answers.iter().map(completion).collect::<Result<_, _>>()?;
    output::print_json(&json!({
        "prompt_tokens": job.n_prompt(),
        "completions": completions,
        "timings": timings(job.n_prompt(), &answers),
    }))?;
    Ok(())
}

fn completion(answer: &Answer) -> anyhow::Result<Value> {
    let reasoning = (!answer.reasoning.is_empty()).then_some(&answer.reasoning);
    let mut completion = json!({
        "reasoning": reasoning,
        "content": answer.content,
        "tokens": answer.token_ids.len(),
        "token_ids": answer.token_ids,
        "finish_reason": answer.finish_reason()?,
        "thinking_stop_reason": answer.finished.thinking_stop_reason.map(|reason| reason.as_str()),
    });
    if !answer.logprobs.is_empty() {
        let of = |l: &TokenLogprobs| json!({"logprob": l.logprob, "top": l.top});
        completion["logprobs"] = answer.logprobs.iter().map(of).collect();
    }
    Ok(completion)
}

/// Tokens a second: of the prompt in the first answer, and of all answers together after their first tokens.
fn timings(n_prompt: usize, answers: &[Answer]) -> Value {
    let rate = |n: usize, seconds: f64| (n > 0 && seconds > 0.0).then(|| n as f64 / seconds);
    let prefill_s = answers.first().map_or(0.0, |a| a.finished.timings.prefill.as_secs_f64());
    let decode_s = answers.iter().map(|a| a.finished.timings.decode.as_secs_f64()).fold(0.0, f64::max);
    let n_decoded = answers.iter().map(|a| a.token_ids.len().saturating_sub(1)).sum();
    json!({"prefill_tok_s": rate(n_prompt, prefill_s), "decode_tok_s": rate(n_decoded, decode_s)})
}
