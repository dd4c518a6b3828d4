//! How big a model for my budget: compute-optimal by stated scaling laws, with experts and without.

use model::Config;
use model::count::count_params;
use serde_json::json;

use super::Answer;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec};
use crate::page::{Chart, Curve, Page, Table};
use crate::plan::{Cluster, Line, plan_training, usual_batch};
use crate::text::{dollars, percent, si, significant};
use crate::training::{Asked, Interruptions};

/// The laws say nothing of models of a few thousand parameters.
const LEAST: f64 = 1.0;

/// Useful operations over the BF16 peak with which the simulations begin.
const FIRST_MFU: f64 = 0.38;

/// Simulations at most, each of the model that the one before it leaves money for, until two agree.
const SIMULATIONS: usize = 12;

/// Shares of use that are no further apart than this agree.
const AGREES: f64 = 0.002;

/// More dollars than this are a slip: the world makes some 1e14 a year.
const MOST: f64 = 1e12;

/// Days of a run for which chips are taken where nobody says how many: a power of two of them.
const DAYS: f64 = 30.0;

/// The most chips that are taken.
const MOST_CHIPS: u64 = 16_384;

/// Tokens of a sequence.
const SEQ_LEN: u64 = 4096;

/// V3's ratio of all parameters to active ones: 671 to 37.
const SPARSITY: f64 = 671.0 / 37.0;

/// `L = E + A / N^α + B / D^β`: loss in nats a token over parameters and tokens.
struct Law {
    name: &'static str,
    source: &'static str,
    e: f64,
    a: f64,
    b: f64,
    alpha: f64,
    beta: f64,
}

const LAWS: [Law; 2] = [
    Law {
        name: "Chinchilla",
        source: "arXiv:2203.15556, section 3.3, approach 3",
        e: 1.69,
        a: 406.4,
        b: 410.7,
        alpha: 0.34,
        beta: 0.28,
    },
    Law {
        name: "Chinchilla, fitted again",
        source: "arXiv:2404.10102, equation 4",
        e: 1.8172,
        a: 482.01,
        b: 2085.43,
        alpha: 0.3478,
        beta: 0.3658,
    },
];

impl Law {
    fn loss(&self, params: f64, tokens: f64) -> f64 {
        self.e + self.a / params.powf(self.alpha) + self.b / tokens.powf(self.beta)
    }

    /// Parameters and tokens of the least loss with `6 N D = flops` (Chinchilla, equation 4).
    fn optimum(&self, flops: f64) -> (f64, f64) {
        let g = (self.alpha * self.a / (self.beta * self.b)).powf(1.0 / (self.alpha + self.beta));
        let params = g * (flops / 6.0).powf(self.beta / (self.alpha + self.beta));
        (params, flops / 6.0 / params)
    }
}

/// DeepSeek LLM's law (arXiv:2401.02954, section 3.2): operations a token `0.1715 C^0.5243`, tokens `5.8316 C^0.4757`.
/// Gives (parameters at six operations each, tokens).
pub fn scaling_optimum(flops: f64) -> (f64, f64) {
    (0.1715 * flops.powf(0.5243) / 6.0, 5.8316 * flops.powf(0.4757))
}

/// A dense model of about `params` parameters in its layers, shaped as Llama's: layers as wide as 128 times their number,
/// three matrices of 8/3 the width in the feed-forward.
fn dense(params: f64) -> Result<Config> {
    let width = (params * 128.0 / 12.0).cbrt();
    let heads = (width / 128.0).round().max(1.0);
    let hidden = 128.0 * heads;
    let layers = (params / (12.0 * hidden * hidden)).round().max(1.0);
    let keys = json!({
        "model_type": "llama", "hidden_size": hidden as u64, "intermediate_size": (hidden * 8.0 / 3.0) as u64,
        "num_hidden_layers": layers as u64, "num_attention_heads": heads as u64, "vocab_size": if params < 4e9 { 32_000 } else { 128_000 },
        "max_position_embeddings": SEQ_LEN, "tie_word_embeddings": params < 4e9,
    });
    Config::from_json(&keys.to_string()).map_err(|e| Error::Question(e.to_string()))
}

/// Parameters of a dense model without embedding and head.
fn in_layers(config: &Config) -> f64 {
    let main = count_params(config).main;
    (main.total() - main.embedding - main.output_head) as f64
}

/// How a run of the model that is optimal for the money goes.
struct Simulated {
    /// Useful operations over the BF16 peak, failures included.
    mfu: f64,
    /// How many simulations it took.
    n: usize,
    /// Parameters in the layers of the model that was simulated, which are what the laws count.
    params: f64,
    /// What was simulated, in words.
    what: String,
    layout: String,
}

/// Simulates the optimum of `hours` on `cluster`'s chips, on as many as make it a month, or on `count`.
///
/// # Errors
/// A model that fits none of the numbers of chips that are tried.
fn simulated(hours: f64, cluster: &Cluster, count: Option<u64>) -> Result<Simulated> {
    let counts = counts(hours, count);
    let mut mfu = FIRST_MFU;
    let mut found = None;
    for i in 1..=SIMULATIONS {
        let (n, tokens) = scaling_optimum(operations(hours, cluster, mfu));
        let config = dense(n)?;
        let params = in_layers(&config);
        let mut refused = None;
        let plan = counts.iter().find_map(|count| {
            let batch = usual_batch(&config, SEQ_LEN, *count);
            let job = Job { config: config.clone(), tokens: tokens.max(1.0), seq_len: SEQ_LEN, batch, mtp: false };
            let cluster = Cluster { count: *count, ..cluster.clone() };
            plan_training("", &job, &cluster, &LayoutSpec::default()).map_err(|error| refused = Some(error)).ok()
        });
        let Some(plan) = plan else {
            return Err(refused.unwrap_or_else(|| Error::Question("no chips to plan on".to_owned())));
        };
        let before = mfu;
        mfu = plan.mfu_causal / (1.0 + plan.interruptions.map_or(0.0, |failures| failures.overhead));
        found = Some(Simulated {
            mfu,
            n: i,
            params,
            what: format!(
                "a dense model of {} in its layers on {} x {}, in steps of {} tokens",
                si(params),
                plan.cluster.count,
                plan.cluster.chip.name,
                si(plan.step.as_ref().map_or(0.0, |step| (step.batch * step.seq_len) as f64))
            ),
            layout: plan.step.map_or(String::new(), |step| step.layout.describe()),
        });
        if (mfu / before - 1.0).abs() < AGREES {
            break;
        }
    }
    found.ok_or_else(|| Error::Question("nothing was simulated".to_owned()))
}

/// A budget whose model fits no number of chips that is tried, with the nearest smaller one, by halves, whose does.
fn too_large(budget: f64, cluster: &Cluster, error: Error) -> Error {
    const HALVES: i32 = 40;
    let optimum = |budget: f64| scaling_optimum(operations(budget / cluster.price, cluster, FIRST_MFU));
    // What is quickly seen first.
    let may_fit = |budget: &f64| {
        let (n, tokens) = optimum(*budget);
        let Ok(config) = dense(n) else { return false };
        counts(budget / cluster.price, None).into_iter().any(|count| {
            let batch = usual_batch(&config, SEQ_LEN, count);
            let job = Job { config: config.clone(), tokens, seq_len: SEQ_LEN, batch, mtp: false };
            let asked = Asked::new(&job, &LayoutSpec::default(), &cluster.chip, count);
            Interruptions::of(count).leave_half() && asked.works()
        })
    };
    let smaller = (1..=HALVES).map(|i| budget / 2f64.powi(i)).filter(|budget| *budget >= LEAST);
    let works = |budget: &f64| may_fit(budget) && simulated(budget / cluster.price, cluster, None).is_ok();
    match smaller.into_iter().find(works) {
        Some(nearest) => Error::Question(format!(
            "{} buys the training of a model of {} parameters, which no number of {} that is tried holds, or none on \
             which failures leave half of the time; nearest: --budget {nearest:.0}",
            dollars(budget),
            si(optimum(budget).0),
            cluster.chip.name
        )),
        None => error,
    }
}

/// Numbers of chips that are tried: as many as make it a month, and where those do not hold it more of them for less
/// long.
fn counts(hours: f64, count: Option<u64>) -> Vec<u64> {
    let usual = ((hours / (24.0 * DAYS)) as u64).clamp(1, MOST_CHIPS);
    match count {
        Some(count) => vec![count],
        None => (0..=6).map(|i| (1u64 << usual.ilog2()) << i).collect(),
    }
}

/// Useful operations of `hours` chip-hours.
fn operations(hours: f64, cluster: &Cluster, mfu: f64) -> f64 {
    hours * 3600.0 * cluster.chip.bf16_tflops * 1e12 * mfu
}

/// What `budget` dollars buy on `cluster`'s chips: the best model by each law, and its expected loss. How well the chips are
/// used is simulated with that model, on `count` of them or on as many as make it a run of a month.
///
/// # Errors
/// A budget that is not one, or a model that does not fit.
pub fn model_for_budget(budget: f64, cluster: &Cluster, count: Option<u64>) -> Result<Answer> {
    cluster.expect_price()?;
    if budget > MOST {
        return Err(Error::Question(format!(
            "a budget of {}: expected at most {}; nearest: --budget {MOST:e}",
            dollars(budget),
            dollars(MOST)
        )));
    }
    if !(budget >= LEAST && budget.is_finite()) || cluster.price <= 0.0 {
        return Err(Error::Question(format!(
            "a budget of ${budget:?} at ${} an hour: expected at least ${LEAST}, and a price above 0",
            cluster.price
        )));
    }
    let hours = budget / cluster.price;
    let simulated = simulated(hours, cluster, count).map_err(|error| match count {
        Some(_) => error,
        None => too_large(budget, cluster, error),
    })?;
    let mfu = simulated.mfu;
    let flops = operations(hours, cluster, mfu);
    let again = &LAWS[1];
    let mut table = Table::new(
        "Compute-optimal models",
        &[
            "",
            "active",
            "all, dense",
            "all, with experts",
            "tokens",
            "tokens/active",
            "loss, dense",
            "loss, with experts",
        ],
    );
    let mut rows = Vec::new();
    let (deepseek_n, deepseek_d) = scaling_optimum(flops);
    let mut laws = vec![("DeepSeek LLM", deepseek_n, deepseek_d)];
    laws.extend(LAWS.iter().map(|law| {
        let (n, d) = law.optimum(flops);
        (law.name, n, d)
    }));
    for (name, n, d) in laws {
        // Experts count as the geometric mean of active and all parameters.
        let effective = n * SPARSITY.sqrt();
        let (dense, moe) = (again.loss(n, d), again.loss(effective, d));
        table.rows.push(vec![
            name.to_owned(),
            si(n),
            si(n),
            si(n * SPARSITY),
            si(d),
            significant(d / n),
            format!("{dense:.3}"),
            format!("{moe:.3}"),
        ]);
        rows.push(json!({ "law": name, "params_active": n, "params_total_moe": n * SPARSITY, "tokens": d,
            "loss_dense": dense, "loss_moe": moe }));
    }
    let curve = |name: &str, factor: f64| {
        let points = (-12..=12).map(|i| {
            let n = deepseek_n * 2f64.powf(f64::from(i) / 3.0);
            (n, again.loss(n * factor, flops / 6.0 / n))
        });
        Curve { name: name.to_owned(), points: points.collect() }
    };
    let page = Page {
        title: format!("The model for {} on {}", dollars(budget), cluster.chip.name),
        headline: format!(
            "{} active parameters on {} tokens; with experts like V3's, {} in all.",
            si(deepseek_n),
            si(deepseek_d),
            si(deepseek_n * SPARSITY)
        ),
        facts: vec![
            ("chip-hours".to_owned(), crate::page::hours(hours)),
            ("operations".to_owned(), format!("{flops:.2e}")),
            ("causal MFU".to_owned(), format!("{}, failures included", percent(mfu))),
        ],
        tables: vec![table],
        charts: vec![Chart::Curves {
            title: "Expected loss against active parameters, at this budget".to_owned(),
            x: "active parameters".to_owned(),
            y: "loss".to_owned(),
            log: true,
            curves: vec![curve("dense", 1.0), curve("with experts", SPARSITY.sqrt())],
        }],
        lines: vec![
            Line::new(
                "operations",
                format!("{flops:.3e}"),
                format!("${budget} / ${} x 3,600 s x {} TFLOP/s x {mfu:.3} MFU", cluster.price, cluster.chip.bf16_tflops),
                &cluster.price_source,
            ),
            Line::new(
                "causal MFU",
                percent(mfu),
                format!(
                    "simulated: {}, layout {}; {} times, each the optimum for what the one before it found",
                    simulated.what, simulated.layout, simulated.n
                ),
                "as any plan: `penseur plan --model`; with experts it is lower",
            ),
            Line::new(
                "optimum",
                format!("{} and {}", si(deepseek_n), si(deepseek_d)),
                "0.1715 C^0.5243 operations a token over 6, 5.8316 C^0.4757 tokens".to_owned(),
                "arXiv:2401.02954, section 3.2",
            ),
            Line::new("loss by Chinchilla, fitted again", String::new(), "1.8172 + 482.01/N^0.3478 + 2085.43/D^0.3658".to_owned(), again.source),
            Line::new("loss by Chinchilla", String::new(), "1.69 + 406.4/N^0.34 + 410.7/D^0.28".to_owned(), LAWS[0].source),
        ],
        notes: vec![
            format!("How well the chips are used is simulated: {}; with experts they are used less well.", simulated.what),
            "The laws were fitted below 1e24 operations and on their authors' data; beyond, they extrapolate.".to_owned(),
            "A model that will be used much is trained longer than is optimal for training: smaller, on more tokens.".to_owned(),
            "With experts, the geometric mean of active and all parameters stands for a dense model's: a rule of thumb, no law."
                .to_owned(),
        ],
        ..Page::default()
    };
    Ok(Answer {
        page,
        json: json!({ "budget": budget, "gpu_hours": hours, "flops": flops, "mfu_causal": mfu, "models": rows,
            "simulated_params": simulated.params }),
    })
}
