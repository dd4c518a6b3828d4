//! Refuses a stage that no training run can mean: contradicting keys and values out of range.

use super::{SourceKind, SourceSpec, StageKind, StageRecipe, TrainSpec, sample};
use crate::error::{Result, TrainError};

/// Names become directories.
pub(super) fn name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        return Err(TrainError::Recipe(format!("`name` is \"{name}\": use letters, digits, `-`, `_` and `.`")));
    }
    Ok(())
}

/// Refuses what no stage can mean.
pub(super) fn stage(stage: &StageRecipe, earlier: &[StageRecipe]) -> Result<()> {
    let refuse = |reason: String| Err(TrainError::Recipe(format!("stage `{}`: {reason}", stage.name)));
    name(&stage.name)?;
    if earlier.iter().any(|other| other.name == stage.name) {
        return refuse("two stages have this name".to_owned());
    }
    if let Some(reason) = model_problem(stage, earlier).or_else(|| tokenizer_problem(stage, earlier)) {
        return refuse(reason);
    }
    // Where nothing is learnt there is no budget.
    if let Some(reason) = (stage.kind != StageKind::Sample).then(|| train_problem(&stage.train)).flatten() {
        return refuse(reason);
    }
    if let Some(reason) = grpo_problem(stage).or_else(|| sample::problem(stage)) {
        return refuse(reason);
    }
    if stage.data.source.is_empty() {
        return refuse("no data: add a [[data.source]]".to_owned());
    }
    if !(0.0..1.0).contains(&stage.data.validation) {
        return refuse(format!("data.validation is {}, expected a share from 0 to below 1", stage.data.validation));
    }
    for (idx, source) in stage.data.source.iter().enumerate() {
        if let Some(reason) = source_problem(source).or_else(|| earlier_problem(source, earlier)) {
            return refuse(format!("data.source.{idx}: {reason}"));
        }
    }
    if stage.checkpoint.keep_last == 0 {
        return refuse("checkpoint.keep_last is 0, expected at least 1: the last checkpoint is the result".to_owned());
    }
    if !(stage.cost.dollars_per_core_hour >= 0.0 && stage.checkpoint.minutes >= 0.0) {
        return refuse("cost.dollars_per_core_hour and checkpoint.minutes are at least 0".to_owned());
    }
    Ok(())
}

fn model_problem(stage: &StageRecipe, earlier: &[StageRecipe]) -> Option<String> {
    let model = &stage.model;
    match &model.from {
        None if stage.train.lora.is_some() => {
            Some("train.lora adapts a model that is there: set model.from, not a shape to begin with".to_owned())
        }
        None if stage.kind == StageKind::Sample => {
            let has_teacher = stage.sample.as_ref().is_some_and(|sample| sample.teacher.is_some());
            (!has_teacher).then(|| "sample needs a model that answers: set model.from, or [sample.teacher]".to_owned())
        }
        None if stage.kind == StageKind::Grpo => {
            Some("grpo needs a model to start from: set model.from to a checkpoint directory".to_owned())
        }
        None if model.depth.is_none() && model.config.is_empty() => {
            Some("no model: set model.depth, model.config or model.from".to_owned())
        }
        None if stage.tokenizer.path.is_some() == stage.tokenizer.vocab_size.is_some() => {
            Some("set exactly one of tokenizer.path and tokenizer.vocab_size".to_owned())
        }
        Some(_) if model.depth.is_some() || !model.config.is_empty() => {
            Some("model.from brings its own shape: leave out model.depth and model.config".to_owned())
        }
        Some(_) if stage.tokenizer.vocab_size.is_some() => {
            Some("model.from brings its own tokenizer: leave out tokenizer.vocab_size".to_owned())
        }
        Some(from) => match from.strip_prefix("stage:") {
            Some(name) => not_a_model("model.from", name, earlier),
            None => None,
        },
        None => None,
    }
}

fn tokenizer_problem(stage: &StageRecipe, earlier: &[StageRecipe]) -> Option<String> {
    let name = stage.tokenizer.path.as_deref()?.strip_prefix("stage:")?;
    not_a_model("tokenizer.path", name, earlier)
}

/// Why a name is not that of an earlier stage that ends in a model.
fn not_a_model(key: &str, name: &str, earlier: &[StageRecipe]) -> Option<String> {
    match earlier.iter().find(|other| other.name == name) {
        None => Some(format!("{key} is `stage:{name}`, but no earlier stage has that name")),
        Some(other) if other.kind == StageKind::Sample => Some(format!(
            "{key} is `stage:{name}`, which ends in data and not in a model: name the stage it samples from"
        )),
        Some(_) => None,
    }
}

/// A source that is an earlier stage's data must be there.
fn earlier_problem(source: &SourceSpec, earlier: &[StageRecipe]) -> Option<String> {
    let name = source.stage.as_ref()?;
    let samples = |other: &StageRecipe| other.name == *name && other.kind == StageKind::Sample;
    (!earlier.iter().any(samples))
        .then(|| format!("stage is `{name}`, but no earlier stage of kind = \"sample\" has that name"))
}

fn grpo_problem(stage: &StageRecipe) -> Option<String> {
    let eval = &stage.eval;
    if eval.samples == 0 || !(eval.temperature.is_finite() && eval.temperature >= 0.0) {
        return Some("expected eval.samples of at least 1 and eval.temperature of at least 0".to_owned());
    }
    if eval.problems > 0 && eval.max_new_tokens == 0 {
        return Some("eval.max_new_tokens is 0, expected at least 1: without an answer nothing is judged".to_owned());
    }
    match (&stage.grpo, stage.kind) {
        (None, StageKind::Grpo) => Some("no [grpo]".to_owned()),
        (None, _) => None,
        (Some(_), kind) if kind != StageKind::Grpo => Some("[grpo] is for kind = \"grpo\"".to_owned()),
        (Some(_), _) if stage.data.source.iter().any(|source| source.kind != SourceKind::Task) => {
            Some("grpo learns from problems: every [[data.source]] has kind = \"task\"".to_owned())
        }
        (Some(_), _) if stage.train.ema.is_some() => {
            Some("train.ema is not for grpo: rollouts are the trained weights' own".to_owned())
        }
        (Some(grpo), _) => grpo.problem(stage.train.seq_len),
    }
}

fn train_problem(train: &TrainSpec) -> Option<String> {
    if let Some(lora) = &train.lora {
        if lora.rank == 0 || !(lora.alpha.is_finite() && lora.alpha > 0.0) {
            return Some(format!("train.lora: rank {} and alpha {} must be above 0", lora.rank, lora.alpha));
        }
        if train.ema.is_some() {
            return Some(
                "train.ema averages all weights, of which train.lora trains none: leave one of them out".to_owned(),
            );
        }
    }
    let n_budgets = [train.tokens.is_some(), train.steps.is_some(), train.minutes.is_some()];
    if n_budgets.iter().filter(|set| **set).count() != 1 {
        return Some("set exactly one of train.tokens, train.steps and train.minutes".to_owned());
    }
    if train.tokens == Some(0) || train.steps == Some(0) || train.minutes.is_some_and(|m| !m.is_finite() || m <= 0.0) {
        return Some("train.tokens, train.steps and train.minutes are numbers above 0".to_owned());
    }
    if train.seq_len < 2
        || train.micro_batch_tokens < train.seq_len
        || train.batch_tokens < train.micro_batch_tokens as u64
    {
        return Some(format!(
            "expected 2 <= train.seq_len ({}) <= train.micro_batch_tokens ({}) <= train.batch_tokens ({})",
            train.seq_len, train.micro_batch_tokens, train.batch_tokens
        ));
    }
    if let Some(ramp) = train.batch_ramp
        && !(train.micro_batch_tokens as u64..=train.batch_tokens).contains(&ramp.from)
    {
        return Some(format!(
            "train.batch_ramp.from is {}, expected from train.micro_batch_tokens ({}) to train.batch_tokens ({})",
            ramp.from, train.micro_batch_tokens, train.batch_tokens
        ));
    }
    let shares = [("decay", train.decay), ("mtp_switch", train.mtp_switch), ("bias_freeze", train.bias_freeze)];
    let below_one = [("betas[0]", train.betas[0]), ("betas[1]", train.betas[1]), ("ema", train.ema.unwrap_or(0.0))];
    let positive = [
        ("lr", train.lr),
        ("min_lr", train.min_lr),
        ("eps", train.eps),
        ("weight_decay", train.weight_decay),
        ("clip", train.clip),
        ("mtp_weight", train.mtp_weight),
        ("mtp_weight_late", train.mtp_weight_late),
        ("balance_alpha", train.balance_alpha),
        ("bias_gamma", train.bias_gamma),
    ];
    let bad_share = shares.iter().find(|(_, x)| !(0.0..=1.0).contains(x));
    let bad_decay = below_one.iter().find(|(_, x)| !(0.0..1.0).contains(x));
    let bad_number = positive.iter().find(|(_, x)| !(x.is_finite() && *x >= 0.0));
    if let Some((key, x)) = bad_share.or(bad_decay) {
        return Some(format!("train.{key} is {x}, expected a number from 0 to 1"));
    }
    if let Some((key, x)) = bad_number {
        return Some(format!("train.{key} is {x}, expected a number of at least 0"));
    }
    (train.min_lr > train.lr).then(|| format!("train.min_lr ({}) is above train.lr ({})", train.min_lr, train.lr))
}

fn source_problem(source: &SourceSpec) -> Option<String> {
    let options = source.options.unwrap_or_default();
    let shares = [("checks", options.checks), ("slips", options.slips), ("chinese", options.chinese)];
    if let Some((key, x)) = shares.iter().find(|(_, x)| !(0.0..=1.0).contains(x)) {
        return Some(format!("options.{key} is {x}, expected a share from 0 to 1"));
    }
    if !(source.weight.is_finite() && source.weight > 0.0) {
        return Some(format!("weight is {}, expected a number above 0", source.weight));
    }
    if !(0.0..=1.0).contains(&source.think) {
        return Some(format!("think is {}, expected a share from 0 to 1", source.think));
    }
    if !(0.0..=1.0).contains(&source.guess) {
        return Some(format!("guess is {}, expected a share from 0 to 1", source.guess));
    }
    let is_task = source.kind == SourceKind::Task;
    let rules = [
        (
            is_task && source.mixture.is_some() != source.tasks.is_empty(),
            "kind = \"task\" has exactly one of `mixture` and `tasks`",
        ),
        (
            !is_task && (source.mixture.is_some() || !source.tasks.is_empty()),
            "`mixture` and `tasks` are for kind = \"task\"",
        ),
        (is_task && !source.files.is_empty(), "kind = \"task\" has no `files`"),
        (
            source.kind == SourceKind::Stage && source.stage.is_none(),
            "no `stage`: name an earlier one of kind = \"sample\"",
        ),
        (source.kind != SourceKind::Stage && source.stage.is_some(), "`stage` is for kind = \"stage\""),
        (source.kind == SourceKind::Stage && !source.files.is_empty(), "kind = \"stage\" has no `files`"),
        (!is_task && source.kind != SourceKind::Stage && source.files.is_empty(), "no `files`"),
        (!is_task && source.options.is_some(), "`options` are for kind = \"task\""),
        (source.kind != SourceKind::Text && source.separator.is_some(), "`separator` is for kind = \"text\""),
    ];
    rules.iter().find(|(broken, _)| *broken).map(|(_, reason)| (*reason).to_owned())
}
