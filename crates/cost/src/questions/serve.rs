//! What serving a model costs: for a million tokens, for a solved problem, and whether to buy, to rent or to call an API.

use model::Config;
use model::count::count_params;
use serde_json::json;

use super::Answer;
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::page::{Bar, Chart, Curve, Page, Table};
use crate::plan::Cluster;
use crate::serving::{ApiPrices, DEEPSEEK_DAY, Margin, R1_PRICES, Service, ServingPlan, margin, plan_serving};
use crate::text::{dollars, percent, si, significant};

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
    /// Share of problems that are solved.
    pub solves: f64,
    /// Output tokens a day, for buying against renting.
    pub output_per_day: f64,
}

impl Default for ServeQuestion {
    /// R1's mean on AIME-like problems is near 9,000 tokens (5,355 over its fine-tuning data, R1's supplement, table 5);
    /// 79.8% of AIME 2024.
    fn default() -> ServeQuestion {
        ServeQuestion { prompt_tokens: 300.0, answer_tokens: 5355.0, solves: 0.798, output_per_day: 1e9 }
    }
}

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
    if !(LEAST_SOLVED..=1.0).contains(&asked.solves) {
        let found = asked.solves;
        return Err(Error::Question(format!("--solves {found:?}: expected a share from {LEAST_SOLVED} to 1")));
    }
    let speed = service.user_tokens_per_s;
    if !(speed > 0.0 && speed.is_finite()) {
        return Err(Error::Question(format!("--speed {speed}: expected tokens a second above 0, such as 21")));
    }
    let chip = &cluster.chip;
    let plan = plan_serving(service, chip, cluster.price)?;
    let per_problem =
        |input: f64, output: f64| (asked.prompt_tokens * input + asked.answer_tokens * output) / 1e6 / asked.solves;
    let rent = per_problem(plan.dollars_per_m_input, plan.dollars_per_m_output);
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
    let mut table = Table::new(
        "Buy, rent or API",
        &["", "$/M input", "$/M output", "$ a problem", "$ a solved problem", "price from"],
    );
    for (way, input, output, source) in &ways {
        let solved = per_problem(*input, *output);
        table.rows.push(vec![
            (*way).to_owned(),
            dollars(*input),
            dollars(*output),
            dollars(solved * asked.solves),
            dollars(solved),
            source.clone(),
        ]);
    }
    // It was V3's and R1's, and has no margin where chips cost nothing.
    let theirs = model::presets::published("deepseek-r1").is_ok_and(|r1| count_params(&r1) == count_params(config));
    let day =
        (theirs && cluster.price > 0.0).then(|| margin(&plan, service, chip, cluster.price, &DEEPSEEK_DAY, &R1_PRICES));
    let bars = ways.iter().map(|(way, _, output, _)| Bar {
        label: (*way).to_owned(),
        value: *output,
        shown: dollars(*output),
    });
    let page = Page {
        title: format!("Serving {name} on {}", chip.name),
        headline: format!(
            "{} for a million output tokens, {} for a solved problem.",
            dollars(plan.dollars_per_m_output),
            dollars(rent)
        ),
        facts: facts(&plan, service),
        tables: std::iter::once(table).chain(day.as_ref().map(deepseek_day)).collect(),
        charts: vec![
            Chart::Bars { title: "Dollars for a million output tokens".to_owned(), bars: bars.collect() },
            by_volume(&plan, service, cluster, asked),
        ],
        lines: plan.explain.clone(),
        notes: vec![
            format!("Nodes do {} of what they could over a day: FITTED to DeepSeek's production.", service.load),
            "Rented and bought chips are paid for whole; below a unit's load a token costs more (see the plot)."
                .to_owned(),
            format!("A problem has {} tokens and an answer {}.", si(asked.prompt_tokens), si(asked.answer_tokens)),
        ],
        ..Page::default()
    };
    let ways: Vec<_> = ways
        .iter()
        .map(|(way, input, output, source)| {
            json!({ "way": way, "dollars_per_m_input": input, "dollars_per_m_output": output,
            "dollars_per_solved": per_problem(*input, *output), "source": source })
        })
        .collect();
    let json = json!({ "serving": plan, "ways": ways, "dollars_per_solved": rent, "deepseek_day": day,
        "params_total": count_params(config).total() });
    Ok(Answer { page, json })
}

fn facts(plan: &ServingPlan, service: &Service) -> Vec<(String, String)> {
    [
        ("output, a node", format!("{} tokens/s", si(plan.output_tokens_per_s_node))),
        ("input, a node", format!("{} tokens/s", si(plan.input_tokens_per_s_node))),
        ("cache hits", format!("{} of input, at no cost in the price of input", percent(service.cache_hits))),
        ("sequences a chip", significant(plan.batch_per_chip)),
        ("decode step", format!("{} ms", significant(plan.decode_step_s * 1e3))),
        ("memory a chip", format!("{} GB", significant(plan.memory_gb))),
        ("decode unit", format!("{} chips", service.decode_unit)),
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
    let mut curves = vec![
        curve("rented, whole units", &rented),
        curve("API, R1 in 2025", &|v| api(v, &R1_PRICES)),
        curve("API, deepseek-flash", &|v| api(v, &API_2026)),
    ];
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
