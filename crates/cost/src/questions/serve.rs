//! What serving a model costs: for a million tokens, for a solved problem, and whether to buy, to rent or to call an API.

use model::Config;
use model::count::count_params;
use serde_json::json;

use super::Answer;
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::Precision;
use crate::page::{Bar, Chart, Curve, Page, Table};
use crate::plan::{Cluster, Line};
use crate::serving::{
    ApiPrices, DEEPSEEK_CONTEXT, DEEPSEEK_DAY, DEEPSEEK_HITS, Margin, R1_PRICES, Service, ServingPlan, margin,
    plan_serving,
};
use crate::text::{dollars, percent, si, significant, whole};

/// Years over which bought machines are written off: assumed, as AWS does (10-K of 2024: five, for some).
const YEARS: f64 = 5.0;

/// Dollars for a kilowatt-hour with cooling: the US industrial mean of 8.2 cents (EIA, 2025) at a PUE of 1.3.
const DOLLARS_PER_KWH: f64 = 0.107;

/// deepseek-flash's off-peak prices of October 2026, for comparison (reported, not the vendor's page).
const API_2026: ApiPrices = ApiPrices { hit: 0.003, miss: 0.15, output: 0.60 };

/// Fewer problems than this are none.
const LEAST_SOLVED: f64 = 1e-6;

/// What is asked about a service.
#[derive(Clone, Copy, Debug)]
pub struct ServeQuestion {
    /// Tokens of a problem's prompt.
    pub prompt_tokens: f64,
    /// Tokens of an answer, thinking included.
    pub answer_tokens: f64,
    /// Share of problems that are solved; `None`: nobody says, and no price of a solved problem is told.
    pub solves: Option<f64>,
    /// Output tokens a day, for buying against renting.
    pub output_per_day: f64,
}

impl Default for ServeQuestion {
    /// A prompt of 300 tokens is assumed; an answer is as long as R1's mean over its fine-tuning data (R1's supplement, table
    /// 5; on AIME-like problems it is near 9,000). Which share is solved depends on the model.
    fn default() -> ServeQuestion {
        ServeQuestion { prompt_tokens: 300.0, answer_tokens: 5355.0, solves: None, output_per_day: 1e9 }
    }
}

impl ServeQuestion {
    /// The share of problems that the published model `name` solves, where that is published here: R1's of AIME 2024
    /// (arXiv:2501.12948, Table 4).
    pub fn published_share(name: &str) -> Option<f64> {
        (name == "deepseek-r1").then_some(R1_SOLVES)
    }

    /// Mean length of a sequence while it is decoded: the prompt and half of the answer.
    pub fn mean_context(&self) -> f64 {
        self.prompt_tokens + 0.5 * self.answer_tokens
    }

    /// What the numbers are taken from, in a sentence.
    fn assumed(&self) -> String {
        let usual = ServeQuestion::default();
        let of = |is_usual: bool, from: &str| if is_usual { format!(" ({from})") } else { String::new() };
        let solved = match self.solves {
            Some(share) => {
                format!("{} of them are solved{}", percent(share), of(share == R1_SOLVES, "R1's share of AIME 2024"))
            }
            None => "how many are solved depends on the model: --solves says it".to_owned(),
        };
        format!(
            "A problem has {} tokens{} and an answer {}{}; {solved}.",
            si(self.prompt_tokens),
            of(self.prompt_tokens == usual.prompt_tokens, "assumed"),
            si(self.answer_tokens),
            of(self.answer_tokens == usual.answer_tokens, "R1's mean over its fine-tuning data"),
        )
    }
}

/// R1's share of AIME 2024, pass@1.
const R1_SOLVES: f64 = 0.798;

/// Dollars for a chip-hour when it is bought.
fn owned_hour(chip: &Chip) -> Option<f64> {
    let energy = chip.watts / 1e3 * (1.0 + chip.host_share) * DOLLARS_PER_KWH;
    chip.buy.map(|buy| buy / (YEARS * 365.25 * 24.0) + energy)
}

/// The answer for `config` served as `service` says on `cluster`'s chips.
///
/// # Errors
/// A model that does not fit, users promised too much, or shares that are none.
pub fn serve(
    name: &str,
    config: &Config,
    service: &Service,
    cluster: &Cluster,
    asked: &ServeQuestion,
) -> Result<Answer> {
    if let Some(found) = asked.solves.filter(|share| !(LEAST_SOLVED..=1.0).contains(share)) {
        return Err(Error::Question(format!("--solves {found:?}: expected a share from {LEAST_SOLVED} to 1")));
    }
    check(service, asked)?;
    let chip = &cluster.chip;
    let plan = plan_serving(service, chip, cluster.price)?;
    let per_problem = |input: f64, output: f64| (asked.prompt_tokens * input + asked.answer_tokens * output) / 1e6;
    let per_solved = |input: f64, output: f64| Some(per_problem(input, output) / asked.solves?);
    let rent = per_problem(plan.dollars_per_m_input, plan.dollars_per_m_output);
    let rent_solved = per_solved(plan.dollars_per_m_input, plan.dollars_per_m_output);
    let mixed = |api: &ApiPrices| service.cache_hits * api.hit + (1.0 - service.cache_hits) * api.miss;
    let mut ways = vec![("rented", plan.dollars_per_m_input, plan.dollars_per_m_output, cluster.price_source.clone())];
    if let Some(hour) = owned_hour(chip) {
        let bought = plan_serving(service, chip, hour)?;
        let source = format!(
            "{} over {YEARS} years and energy at ${DOLLARS_PER_KWH} a kWh",
            dollars(chip.buy.unwrap_or_default())
        );
        ways.push(("bought", bought.dollars_per_m_input, bought.dollars_per_m_output, source));
    }
    ways.push((
        "API, R1 in 2025",
        mixed(&R1_PRICES),
        R1_PRICES.output,
        "api-docs.deepseek.com, January to September 2025".to_owned(),
    ));
    ways.push((
        "API, deepseek-flash",
        mixed(&API_2026),
        API_2026.output,
        "reported for October 2026, off-peak".to_owned(),
    ));
    let mut columns = vec!["", "$/M input", "$/M output", "$ a problem"];
    columns.extend(asked.solves.map(|_| "$ a solved problem"));
    columns.push("price from");
    let mut table = Table::new("Buy, rent or API", &columns);
    for (way, input, output, source) in &ways {
        let mut row = vec![(*way).to_owned(), dollars(*input), dollars(*output), dollars(per_problem(*input, *output))];
        row.extend(per_solved(*input, *output).map(dollars));
        row.push(source.clone());
        table.rows.push(row);
    }
    // It was V3's and R1's, and has no margin where chips cost nothing.
    let theirs = model::presets::published("deepseek-r1").is_ok_and(|r1| count_params(&r1) == count_params(config));
    // Another mix of traffic is another day.
    let theirs = theirs && (service.context, service.cache_hits) == (DEEPSEEK_CONTEXT, DEEPSEEK_HITS);
    let day =
        (theirs && cluster.price > 0.0).then(|| margin(&plan, service, chip, cluster.price, &DEEPSEEK_DAY, &R1_PRICES));
    let priced = ways.iter().filter(|(_, _, output, _)| !output.is_nan());
    let bars =
        priced.map(|(way, _, output, _)| Bar { label: (*way).to_owned(), value: *output, shown: dollars(*output) });
    let page = Page {
        title: format!("Serving {name} on {}", chip.name),
        headline: headline(&plan, cluster, rent, rent_solved),
        facts: facts(&plan, service, chip),
        tables: std::iter::once(table).chain(day.as_ref().map(deepseek_day)).collect(),
        charts: vec![
            Chart::Bars { title: "Dollars for a million output tokens".to_owned(), bars: bars.collect() },
            by_volume(&plan, service, cluster, asked),
        ],
        lines: plan.explain.iter().cloned().chain(lines(&plan, service, cluster, asked, day.as_ref())).collect(),
        notes: vec![
            format!("Nodes do {} of what they could over a day: FITTED to DeepSeek's production.", service.load),
            "Rented and bought chips are paid for whole; below a unit's load a token costs more (see the plot)."
                .to_owned(),
            asked.assumed(),
            context_note(service, asked),
        ],
        ..Page::default()
    };
    let ways: Vec<_> = ways
        .iter()
        .map(|(way, input, output, source)| {
            json!({ "way": way, "dollars_per_m_input": input, "dollars_per_m_output": output,
            "dollars_per_problem": per_problem(*input, *output), "dollars_per_solved": per_solved(*input, *output), "source": source })
        })
        .collect();
    let json = json!({ "serving": plan, "ways": ways, "dollars_per_problem": rent, "dollars_per_solved": rent_solved, "deepseek_day": day,
        "chip_hours_per_m_output": plan.chip_hours_per_m_output(chip),
        "chip_hours_per_m_input": plan.chip_hours_per_m_input(chip),
        "params_total": count_params(config).total() });
    Ok(Answer { page, json })
}

/// The answer in a sentence: dollars, or where nobody says what a chip-hour costs chip-hours, and the price of one from
/// which an API is cheaper.
fn headline(plan: &ServingPlan, cluster: &Cluster, problem: f64, solved: Option<f64>) -> String {
    if !cluster.is_priced() {
        let hours = plan.chip_hours_per_m_output(&cluster.chip);
        return format!(
            "{} chip-hours for a million output tokens: as much as R1's API cost in 2025 at {} a chip-hour.",
            significant(hours),
            dollars(R1_PRICES.output / hours)
        );
    }
    let output = dollars(plan.dollars_per_m_output);
    match solved {
        Some(solved) => format!("{output} for a million output tokens, {} for a solved problem.", dollars(solved)),
        None => format!("{output} for a million output tokens, {} for an answer.", dollars(problem)),
    }
}

/// Refuses what no service is.
fn check(service: &Service, asked: &ServeQuestion) -> Result<()> {
    let refuse = |text: String| Err(Error::Question(text));
    let speed = service.user_tokens_per_s;
    if !(speed > 0.0 && speed.is_finite()) {
        return refuse(format!("--speed {speed}: expected tokens a second above 0, such as 21"));
    }
    let longest = service.config.max_position_embeddings() as f64;
    if !(1.0..=longest).contains(&service.context) {
        let whole = asked.prompt_tokens + asked.answer_tokens;
        return refuse(format!(
            "a mean context of {} tokens: expected 1 to the model's {longest}; nearest: --context {}; prompt and answer are \
             {} tokens together",
            service.context,
            service.context.clamp(1.0, longest),
            si(whole)
        ));
    }
    if !(0.0..1.0).contains(&service.cache_hits) {
        let hits = service.cache_hits;
        return refuse(format!(
            "--hits {hits}: expected a share of input tokens from 0, below 1, such as {DEEPSEEK_HITS}"
        ));
    }
    let most = 16.0;
    if !(1.0..=most).contains(&service.tokens_per_step) {
        let tokens = service.tokens_per_step;
        return refuse(format!(
            "--mtp {tokens}: expected tokens of a decode step, from 1 to {most}; V3's MTP makes 1.8"
        ));
    }
    Ok(())
}

/// How long a sequence is on average while it is decoded, and from where.
fn context_note(service: &Service, asked: &ServeQuestion) -> String {
    let from = match service.context {
        context if context == DEEPSEEK_CONTEXT => "DeepSeek's mean in production".to_owned(),
        context if context == asked.mean_context() => "the prompt and half of the answer".to_owned(),
        context if context == service.config.max_position_embeddings() as f64 => "the model's longest".to_owned(),
        _ => "stated by the user".to_owned(),
    };
    let hits = match service.cache_hits == DEEPSEEK_HITS {
        true => "DeepSeek's in production",
        false => "stated by the user",
    };
    format!(
        "While it is decoded a sequence has {} tokens on average ({from}); {} of input is found in caches ({hits}).",
        si(service.context),
        percent(service.cache_hits)
    )
}

/// The arithmetic of a problem, and of DeepSeek's day.
fn lines(
    plan: &ServingPlan,
    service: &Service,
    cluster: &Cluster,
    asked: &ServeQuestion,
    day: Option<&Margin>,
) -> Vec<Line> {
    if !cluster.is_priced() {
        return Vec::new();
    }
    let (input, output) = (plan.dollars_per_m_input, plan.dollars_per_m_output);
    let problem = (asked.prompt_tokens * input + asked.answer_tokens * output) / 1e6;
    let mut lines = vec![Line::new(
        "a problem",
        dollars(problem),
        format!(
            "{} tokens of prompt x {} a million + {} of answer x {} a million",
            whole(asked.prompt_tokens),
            dollars(input),
            whole(asked.answer_tokens),
            dollars(output)
        ),
        "the answer's length: R1's mean over its fine-tuning data (R1's supplement, table 5), or --answer-tokens",
    )];
    if let Some(share) = asked.solves {
        lines.push(Line::new(
            "a solved problem",
            dollars(problem / share),
            format!("{} / {share} of problems that an answer solves", dollars(problem)),
            "R1's 79.8% of AIME 2024 (arXiv:2501.12948, Table 4), or --solves",
        ));
    }
    let Some(day) = day else { return lines };
    let per_node = cluster.chip.per_node;
    lines.extend([
        Line::new(
            "DeepSeek's day: nodes",
            significant(day.nodes),
            format!(
                "{} tokens in a day / {} tokens/s a node + {} out / {}",
                si(DEEPSEEK_DAY.input),
                si(plan.input_tokens_per_s_node),
                si(DEEPSEEK_DAY.output),
                si(plan.output_tokens_per_s_node)
            ),
            "traffic: open-infra-index, day 6, February 2025",
        ),
        Line::new(
            "DeepSeek's day: cost",
            dollars(day.cost),
            format!("{} nodes x {per_node} chips x 24 h x ${}", significant(day.nodes), cluster.price),
            &cluster.price_source,
        ),
        Line::new(
            "DeepSeek's day: revenue",
            dollars(day.revenue),
            format!(
                "{} in x ({} hits x ${} + the rest x ${}) + {} out x ${}, a million",
                si(DEEPSEEK_DAY.input),
                service.cache_hits,
                R1_PRICES.hit,
                R1_PRICES.miss,
                si(DEEPSEEK_DAY.output),
                R1_PRICES.output
            ),
            "R1's prices from January to September 2025",
        ),
        Line::new(
            "DeepSeek's day: margin",
            format!("{:.0}%", 100.0 * day.margin),
            format!("{} / {} - 1", dollars(day.revenue), dollars(day.cost)),
            "",
        ),
    ]);
    lines
}

fn facts(plan: &ServingPlan, service: &Service, chip: &Chip) -> Vec<(String, String)> {
    [
        ("output, a node", format!("{} tokens/s", si(plan.output_tokens_per_s_node))),
        ("input, a node", format!("{} tokens/s", si(plan.input_tokens_per_s_node))),
        (
            "chip-hours a million",
            format!(
                "{} out, {} in",
                significant(plan.chip_hours_per_m_output(chip)),
                significant(plan.chip_hours_per_m_input(chip))
            ),
        ),
        ("cache hits", format!("{} of input, taken to cost nothing", percent(service.cache_hits))),
        ("sequences a chip", significant(plan.batch_per_chip)),
        ("decode step", format!("{} ms", significant(plan.decode_step_s * 1e3))),
        ("memory a chip", format!("{} GB", significant(plan.memory_gb))),
        ("decode unit", format!("{} chips", service.decode_unit)),
        ("prefill unit", format!("{} chips", service.prefill_unit)),
        ("context", format!("{} tokens while decoding", si(service.context))),
        ("weights", if service.precision == Precision::Fp8 { "FP8" } else { "BF16" }.to_owned()),
        ("limited by", plan.limited_by.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn deepseek_day(day: &Margin) -> Table {
    let mut table = Table::new(
        "DeepSeek's day of 27 February 2025 (608B tokens in, 168B out) on this, at R1's prices",
        &["", "derived", "published"],
    );
    for (name, found, published) in [
        ("nodes", significant(day.nodes), "226.75"),
        ("cost", dollars(day.cost), "$87.1K"),
        ("revenue", dollars(day.revenue), "$562K"),
        ("margin", format!("{:.0}%", 100.0 * day.margin), "545%"),
    ] {
        table.rows.push(vec![name.to_owned(), found, published.to_owned()]);
    }
    table
}

/// Dollars a day against output tokens a day: whole units of rented chips against the API.
fn by_volume(plan: &ServingPlan, service: &Service, cluster: &Cluster, asked: &ServeQuestion) -> Chart {
    let per_chip = plan.output_tokens_per_s_node / cluster.chip.per_node as f64 * 86_400.0;
    let unit = service.decode_unit as f64;
    let volumes: Vec<f64> = (-12..=12).map(|i| asked.output_per_day * 10f64.powf(f64::from(i) / 6.0)).collect();
    let whole_units = |v: f64, hour: f64| (v / (per_chip * unit)).ceil().max(1.0) * unit * 24.0 * hour;
    let rented = |v: f64| whole_units(v, cluster.price);
    let api = |v: f64, prices: &ApiPrices| v / 1e6 * prices.output;
    let curve = |name: &str, f: &dyn Fn(f64) -> f64| Curve {
        name: name.to_owned(),
        points: volumes.iter().map(|v| (*v, f(*v))).collect(),
    };
    let mut curves = Vec::new();
    if cluster.is_priced() {
        curves.push(curve("rented, whole units", &rented));
    }
    curves.extend([
        curve("API, R1 in 2025", &|v| api(v, &R1_PRICES)),
        curve("API, deepseek-flash", &|v| api(v, &API_2026)),
    ]);
    if let Some(hour) = owned_hour(&cluster.chip) {
        curves.push(curve("bought, whole units", &|v| whole_units(v, hour)));
    }
    Chart::Curves {
        title: "Dollars a day against output tokens a day".to_owned(),
        x: "output tokens a day".to_owned(),
        y: "dollars a day".to_owned(),
        log: true,
        curves,
    }
}
