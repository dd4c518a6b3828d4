//! Serving a model: prefill and decode nodes, what they do in a second, and what a million tokens costs.
//!
//! Prefill and decoding run on chips of their own, as DeepSeek runs them (open-infra-index, day 6): attention on every
//! chip, experts spread over many. A dense model is spread by tensor parallelism instead.

mod prefill;
#[cfg(test)]
mod tests;

use model::Config;
use model::count::{AttentionSpan, FlopModel, KvForm, MlaForm, count_params, kv_values_per_token};
use serde::Serialize;

pub use prefill::Prefill;

use crate::assumptions as assume;
use crate::catalogue::Chip;
use crate::error::{Error, Result};
use crate::layout::{Job, LayoutSpec, Precision, Recompute, divides_heads, n_experts};
use crate::plan::Line;
use crate::text::{si, significant};
use crate::traffic::AllToAll;
use crate::work::{StageTime, Worker};

/// A model and how it is served.
#[derive(Clone, Debug)]
pub struct Service {
    /// The model.
    pub config: Config,
    /// Type of the weights; the cache is BF16.
    pub precision: Precision,
    /// Chips of a prefill unit, over which experts (or matrices) are spread.
    pub prefill_unit: u64,
    /// Chips of a decode unit.
    pub decode_unit: u64,
    /// Mean length of a sequence while it is decoded.
    pub context: f64,
    /// Tokens a second that each user sees.
    pub user_tokens_per_s: f64,
    /// Share of input tokens whose cache is found.
    pub cache_hits: f64,
    /// Tokens for each step and sequence: 1, or what speculation gives.
    pub tokens_per_step: f64,
    /// Share of their capacity that nodes use over a day.
    pub load: f64,
}

/// Cached tokens of a sequence on average while it is decoded, in DeepSeek's production (open-infra-index, day 6).
pub const DEEPSEEK_CONTEXT: f64 = 4989.0;

/// Share of input tokens whose cache was found there.
pub const DEEPSEEK_HITS: f64 = 0.563;

impl Service {
    /// DeepSeek's production of 27 and 28 February 2025 (open-infra-index, day 6): prefill on 4 nodes, decoding on 18,
    /// 20 to 22 tokens a second, 4,989 cached tokens, 56.3% hits.
    pub fn deepseek(config: &Config) -> Service {
        Service {
            config: config.clone(),
            precision: Precision::Fp8,
            prefill_unit: 32,
            decode_unit: 144,
            context: DEEPSEEK_CONTEXT,
            user_tokens_per_s: 21.0,
            cache_hits: DEEPSEEK_HITS,
            tokens_per_step: 1.0,
            load: assume::DAY_LOAD,
        }
    }

    /// The smallest service of a model on a chip: as few chips as hold it with room for caches.
    ///
    /// # Errors
    /// A model that 1,024 chips, or where there are no experts a node's, do not hold.
    pub fn smallest(config: &Config, chip: &Chip) -> Result<Service> {
        let precision = if chip.fp8_tflops.is_some() { Precision::Fp8 } else { Precision::Bf16 };
        let mut service = Service { precision, prefill_unit: 1, decode_unit: 1, ..Service::deepseek(config) };
        for unit in (0..=10).map(|i| 1u64 << i) {
            service.prefill_unit = unit;
            service.decode_unit = unit;
            if service.check(chip).is_ok() && service.held_bytes(unit) < assume::SERVED_WEIGHTS * chip.memory_gb * 1e9 {
                return Ok(service);
            }
        }
        Err(Error::DoesNotFit {
            needed_gb: service.held_bytes(if service.is_spread() { 1024 } else { chip.per_node }) / 1e9,
            available_gb: assume::SERVED_WEIGHTS * chip.memory_gb,
            chip: chip.name.clone(),
            nearest: format!(
                "of its {} GB weights may take {}, the rest is for caches; a chip with more memory holds the part \
                 that every chip needs",
                significant(chip.memory_gb),
                assume::SERVED_WEIGHTS
            ),
        })
    }

    /// Whether experts are spread over a unit; otherwise every matrix is.
    fn is_spread(&self) -> bool {
        n_experts(&self.config) > 0
    }

    /// Refuses units over which the model cannot be spread.
    ///
    /// # Errors
    /// More chips than experts; or than a node has, or a number that does not divide the heads.
    pub fn check(&self, chip: &Chip) -> Result<()> {
        let n = n_experts(&self.config);
        for (unit, flag) in self.units() {
            let works = |unit: u64| match self.is_spread() {
                true => (1..=n).contains(&unit),
                false => (1..=chip.per_node).contains(&unit) && divides_heads(&self.config, unit),
            };
            if !works(unit) {
                let nearest = (1..=unit.min(n.max(chip.per_node))).rev().find(|unit| works(*unit)).unwrap_or(1);
                return Err(Error::Layout {
                    found: format!("a unit of {unit} chips"),
                    expected: match self.is_spread() {
                        true => format!("at most one for each of {n} experts"),
                        false => format!("a divisor of the heads, at most {} (a node of {})", chip.per_node, chip.name),
                    },
                    nearest: format!("{flag} {nearest}"),
                });
            }
        }
        Ok(())
    }

    /// Chips of the units, each with the flag that says so.
    fn units(&self) -> [(u64, &'static str); 2] {
        match self.prefill_unit == self.decode_unit {
            true => [(self.prefill_unit, "--count"), (self.decode_unit, "--count")],
            false => [(self.prefill_unit, "--prefill-chips"), (self.decode_unit, "--decode-chips")],
        }
    }

    fn bytes_a_value(&self) -> f64 {
        if self.precision == Precision::Fp8 { 1.0 } else { 2.0 }
    }

    /// Bytes of weights on each of `unit` chips: experts are spread, and so is a dense model.
    pub fn held_bytes(&self, unit: u64) -> f64 {
        let counts = count_params(&self.config);
        let experts = counts.main.routed_experts as f64;
        let rest = counts.total() as f64 - experts;
        let spread = if n_experts(&self.config) > 0 { 1.0 } else { unit as f64 };
        self.bytes_a_value() * (experts / unit as f64 + rest / spread)
    }

    /// Seconds in which a decode unit makes a step for `batch` sequences a chip of `context` tokens each.
    pub fn decode_step_s(&self, chip: &Chip, batch: f64, context: f64) -> f64 {
        self.decode_step(chip, batch, context).total()
    }

    /// Operations a second of a chip's products.
    fn product_rate(&self, chip: &Chip) -> f64 {
        let best = if self.precision == Precision::Fp8 {
            chip.fp8_tflops.unwrap_or(chip.bf16_tflops) * chip.gemm_fp8
        } else {
            chip.bf16_tflops * chip.gemm_bf16
        };
        best * 1e12 * assume::MATRIX_SHARE
    }

    /// The parts of such a step. Two halves of the batch take turns where there are experts and enough sequences, so
    /// that communication hides.
    pub fn decode_step(&self, chip: &Chip, batch: f64, context: f64) -> DecodeStep {
        let moe = n_experts(&self.config) > 0;
        let tp = if moe { 1.0 } else { self.decode_unit as f64 };
        let halves = if moe && batch >= assume::TWO_HALVES_FROM { 2.0 } else { 1.0 };
        let flops = FlopModel::new(&self.config, MlaForm::Absorbed);
        let peak = chip.bf16_tflops * 1e12;
        let read_rate = chip.memory_gb_s * 1e9 * assume::READ_SHARE;
        let product_rate = self.product_rate(chip);
        // In a dense model the unit's chips share every sequence, so the unit's batch is one chip's.
        let sequences = batch * tp;
        let product_flops = sequences * (flops.per_token + flops.per_logit_row) as f64 / tp;
        let weight_bytes = halves * self.held_bytes(self.decode_unit);
        let pairs = sequences * context;
        let attention_flops = pairs * flops.per_pair as f64 / tp;
        let cache_bytes = pairs * 2.0 * kv_values_per_token(&self.config, KvForm::Latent) as f64 / tp;
        let n_layers = self.config.num_hidden_layers() as f64;
        let latency_s = halves * n_layers * assume::LAYER_LATENCY_S;
        let (rows_s, sums_s) = if moe {
            let route =
                AllToAll::between(&self.config, self.decode_unit, chip.per_node, self.precision == Precision::Fp8);
            // Low-latency kernels send each row to every chip itself, over the network.
            let bytes = batch * route.remote_chips * (route.dispatch_bytes + route.combine_bytes);
            let out = if self.decode_unit <= chip.per_node { chip.link_gb_s } else { chip.nic_gb_s };
            let latency = if self.decode_unit > 1 { assume::ALL_TO_ALL_LATENCY_S } else { 0.0 };
            (n_layers * bytes / (out * 1e9), n_layers * halves * latency)
        } else {
            let reduced = 2.0 * 2.0 * sequences * self.config.hidden_size() as f64 * 2.0 * (1.0 - 1.0 / tp);
            let latency = if tp > 1.0 { assume::ALL_REDUCE_LATENCY_S } else { 0.0 };
            (n_layers * reduced / (chip.link_gb_s * 1e9), n_layers * latency)
        };
        DecodeStep {
            product_flops,
            product_rate,
            weight_bytes,
            attention_flops,
            attention_rate: peak * assume::DECODE_ATTENTION,
            cache_bytes,
            read_rate,
            latency_s,
            halves,
            rows_s,
            sums_s,
        }
    }

    /// Input tokens that a prefill chip computes in a second at full load, in documents of the mean context.
    ///
    /// # Errors
    /// A precision that the chip does not have.
    pub fn prefill_tokens_per_s(&self, chip: &Chip) -> Result<f64> {
        Ok(self.prefill(chip)?.tokens_per_s())
    }

    /// How a prefill chip comes to these.
    ///
    /// # Errors
    /// As [`Service::prefill_tokens_per_s`].
    pub fn prefill(&self, chip: &Chip) -> Result<Prefill> {
        let seq_len = (self.context as u64).max(16);
        let job = Job { config: self.config.clone(), tokens: 1.0, seq_len, batch: self.prefill_unit, mtp: false };
        let spread = LayoutSpec {
            ep: (n_experts(&self.config) > 0).then_some(self.prefill_unit),
            tp: (n_experts(&self.config) == 0).then_some(self.prefill_unit.min(chip.per_node)),
            precision: Some(self.precision),
            // Nothing is computed again, so that what is counted of all passes' products is three times the forward's.
            recompute: Some(Recompute::None),
            ..LayoutSpec::default()
        };
        let layout = spread.complete(&job, chip, self.prefill_unit);
        let worker = Worker::new(&job, &layout, chip)?;
        let n_layers = job.config.num_hidden_layers();
        let layers = (0..n_layers).map(|i| worker.layer(i));
        let all = layers.fold(StageTime::default(), |sum, layer| sum.plus(&layer));
        let (compute, sent) = (all.forward + all.exchange, all.all_to_all);
        let (products_s, attention_flops) = (all.products / 3.0, all.does.attention_flops);
        let attention_rate = assume::ATTENTION_FORWARD * chip.bf16_tflops * 1e12;
        let stream_s = all.forward - products_s - attention_flops / attention_rate;
        // Two micro-batches take turns, so that communication hides. It has the units that it needs: with fewer it would
        // take longer.
        let lost_s = sent * worker.sending_share();
        Ok(Prefill {
            tokens: seq_len as f64,
            compute_s: compute,
            lost_s,
            sent_s: sent,
            chips: layout.tp as f64,
            product_flops: (all.does.product_flops + all.does.bf16_flops) / 3.0,
            product_rate: self.product_rate(chip),
            products_s,
            attention_flops,
            attention_rate,
            stream_s,
            stream_rate: chip.memory_gb_s * 1e9 * assume::STREAM_SHARE,
            exchange_s: all.exchange,
        })
    }
}

/// A decode step of a chip, in operations, bytes, rates and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DecodeStep {
    /// Operations of matrix products.
    pub product_flops: f64,
    /// Operations a second of those.
    pub product_rate: f64,
    /// Bytes of weights that are read, twice where two halves take turns.
    pub weight_bytes: f64,
    /// Operations of attention.
    pub attention_flops: f64,
    /// Operations a second of those.
    pub attention_rate: f64,
    /// Bytes of caches that are read.
    pub cache_bytes: f64,
    /// Bytes a second.
    pub read_rate: f64,
    /// Seconds of launches that no rate explains.
    pub latency_s: f64,
    /// 2 where two halves of the batch take turns and communication hides, else 1.
    pub halves: f64,
    /// Seconds in which rows travel to experts and back, or are summed over chips.
    pub rows_s: f64,
    /// Seconds of that which no rate explains.
    pub sums_s: f64,
}

impl DecodeStep {
    /// Seconds of matrix products: at least as long as reading the weights.
    pub fn products_s(&self) -> f64 {
        (self.product_flops / self.product_rate).max(self.weight_bytes / self.read_rate)
    }

    /// Seconds of attention: at least as long as reading the caches.
    pub fn attention_s(&self) -> f64 {
        (self.attention_flops / self.attention_rate).max(self.cache_bytes / self.read_rate)
    }

    /// Seconds of computation.
    pub fn compute_s(&self) -> f64 {
        self.products_s() + self.attention_s() + self.latency_s
    }

    /// Seconds of exchanges.
    pub fn exchange_s(&self) -> f64 {
        self.rows_s + self.sums_s
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        match self.halves > 1.0 {
            true => self.compute_s().max(self.exchange_s()),
            false => self.compute_s() + self.exchange_s(),
        }
    }

    /// The arithmetic of a step's seconds and of its parts.
    fn lines(&self) -> Vec<Line> {
        let ms = |s: f64| format!("{} ms", significant(s * 1e3));
        let longer = |name: &str, (flops, rate): (f64, f64), (bytes, of): (f64, &str)| {
            let [by_flops, by_bytes] = [flops / rate, bytes / self.read_rate];
            let (tflop, rate) = (significant(flops / 1e12), significant(rate / 1e12));
            let (gb, gb_s) = (significant(bytes / 1e9), significant(self.read_rate / 1e9));
            let (by_rate, by_reading) =
                (format!("{tflop} TFLOP / {rate} TFLOP/s"), format!("{gb} GB of {of} / {gb_s} GB/s"));
            let how = match by_flops > by_bytes {
                true => format!("{by_rate}; longer than {by_reading}"),
                false => format!("{by_reading}; longer than {by_rate}"),
            };
            Line::new(
                name,
                ms(by_flops.max(by_bytes)),
                how,
                "FlashMLA's reading and attention, products as in training",
            )
        };
        let parts = format!("{} + {} + {}", ms(self.products_s()), ms(self.attention_s()), ms(self.latency_s));
        let how = match (self.halves > 1.0, self.compute_s() >= self.exchange_s()) {
            (true, true) => format!("{parts} of launches; the exchange of {} hides behind it", ms(self.exchange_s())),
            (true, false) => format!("{} of exchange; {parts} of computation hide behind it", ms(self.exchange_s())),
            (false, _) => format!("{parts} of launches + {} of exchange", ms(self.exchange_s())),
        };
        let exchange = format!("{} of rows + {} that no rate explains", ms(self.rows_s), ms(self.sums_s));
        vec![
            longer("decode step: products", (self.product_flops, self.product_rate), (self.weight_bytes, "weights")),
            longer("decode step: attention", (self.attention_flops, self.attention_rate), (self.cache_bytes, "caches")),
            Line::new("decode step: exchange", ms(self.exchange_s()), exchange, "DeepEP; sums over chips assumed"),
            Line::new("decode step", ms(self.total()), how, "products + attention + launches, and exchange"),
        ]
    }
}

/// What a service does and costs.
#[derive(Clone, Debug, Serialize)]
pub struct ServingPlan {
    /// The chip's name.
    pub chip: String,
    /// Sequences that a chip decodes at once.
    pub batch_per_chip: f64,
    /// Seconds of a decode step.
    pub decode_step_s: f64,
    /// Over a day, output tokens a second of a node.
    pub output_tokens_per_s_node: f64,
    /// Over a day, input tokens a second of a node, cache hits included.
    pub input_tokens_per_s_node: f64,
    /// Dollars for a million output tokens.
    pub dollars_per_m_output: f64,
    /// Dollars for a million input tokens, hits and misses mixed.
    pub dollars_per_m_input: f64,
    /// Bytes on a decode chip, 1e9.
    pub memory_gb: f64,
    /// What bounds decoding.
    pub limited_by: String,
    /// The arithmetic.
    pub explain: Vec<Line>,
}

impl ServingPlan {
    /// Chip-hours of `chip` for a million output tokens.
    pub fn chip_hours_per_m_output(&self, chip: &Chip) -> f64 {
        chip.per_node as f64 / 3600.0 / self.output_tokens_per_s_node * 1e6
    }

    /// Chip-hours of `chip` for a million input tokens.
    pub fn chip_hours_per_m_input(&self, chip: &Chip) -> f64 {
        chip.per_node as f64 / 3600.0 / self.input_tokens_per_s_node * 1e6
    }
}

/// Plans `service` on `chip` at `price` dollars a chip-hour (not a number where nobody says): as many sequences as memory
/// and the users' speed allow.
///
/// # Errors
/// A model that does not fit, or users that are promised more than one sequence alone gets.
pub fn plan_serving(service: &Service, chip: &Chip, price: f64) -> Result<ServingPlan> {
    service.check(chip)?;
    let available = chip.memory_gb * 1e9 * (1.0 - assume::MEMORY_RESERVE);
    for (unit, flag) in service.units() {
        if service.held_bytes(unit) >= available {
            return Err(Error::DoesNotFit {
                needed_gb: service.held_bytes(unit) / 1e9,
                available_gb: available / 1e9,
                chip: chip.name.clone(),
                nearest: larger_unit(service, chip, unit, flag),
            });
        }
    }
    let room = available - service.held_bytes(service.decode_unit);
    let moe = n_experts(&service.config) > 0;
    let tp = if moe { 1.0 } else { service.decode_unit as f64 };
    let cache = 2.0 * kv_values_per_token(&service.config, KvForm::Latent) as f64 * service.context / tp;
    // `batch` is for each chip; in a dense model a sequence's cache is spread over the unit.
    let fits = room / (cache * tp);
    let speed = |batch: f64| service.tokens_per_step / service.decode_step_s(chip, batch, service.context);
    let least = fits.min(1.0 / tp);
    if speed(least) < service.user_tokens_per_s {
        return Err(Error::Question(format!(
            "{} tokens a second for each user: expected at most {} on {}; nearest: --speed {:.0}",
            service.user_tokens_per_s,
            significant(speed(least)),
            chip.name,
            speed(least).floor().max(1.0)
        )));
    }
    let (mut low, mut high) = (least, fits);
    if speed(high) < service.user_tokens_per_s {
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if speed(middle) < service.user_tokens_per_s { high = middle } else { low = middle }
        }
    } else {
        low = high;
    }
    let batch = low;
    let node = chip.per_node as f64;
    let step_s = service.decode_step_s(chip, batch, service.context);
    let output = node * batch * service.tokens_per_step / step_s * service.load;
    let computed = node * service.prefill_tokens_per_s(chip)? * service.load;
    let input = computed / (1.0 - service.cache_hits).max(1e-3);
    let per_m = |rate: f64| node * price / 3600.0 / rate * 1e6;
    let limited_by = if batch > 0.999 * fits { "memory for caches" } else { "the speed promised to users" };
    let mut plan = ServingPlan {
        chip: chip.name.clone(),
        batch_per_chip: batch,
        decode_step_s: step_s,
        output_tokens_per_s_node: output,
        input_tokens_per_s_node: input,
        dollars_per_m_output: per_m(output),
        dollars_per_m_input: per_m(input),
        memory_gb: (service.held_bytes(service.decode_unit) + batch * tp * cache) / 1e9,
        limited_by: limited_by.to_owned(),
        explain: Vec::new(),
    };
    plan.explain = explain(service, chip, price, &plan)?;
    Ok(plan)
}

/// The first unit larger than `unit` that holds the model, in words.
fn larger_unit(service: &Service, chip: &Chip, unit: u64, flag: &str) -> String {
    let holds = |unit: &u64| {
        let larger = Service { prefill_unit: *unit, decode_unit: *unit, ..service.clone() };
        larger.check(chip).is_ok() && larger.held_bytes(*unit) < chip.memory_gb * 1e9 * (1.0 - assume::MEMORY_RESERVE)
    };
    match (1..=10).map(|i| unit << i).find(holds) {
        Some(unit) => format!("nearest: {flag} {unit}"),
        None => "no unit of these chips holds it; a chip with more memory may".to_owned(),
    }
}

fn explain(service: &Service, chip: &Chip, price: f64, plan: &ServingPlan) -> Result<Vec<Line>> {
    let flops = FlopModel::new(&service.config, MlaForm::Expanded);
    let cache = 2.0 * kv_values_per_token(&service.config, KvForm::Latent) as f64;
    let node = chip.per_node;
    let mut lines = vec![Line::new(
        "sequences a chip",
        significant(plan.batch_per_chip),
        format!(
            "of {} tokens, {} KB of cache a token, beside {} GB of weights: as many as {} allows",
            si(service.context),
            significant(cache / 1e3),
            significant(service.held_bytes(service.decode_unit) / 1e9),
            plan.limited_by
        ),
        "users are promised --speed tokens a second",
    )];
    lines.extend(service.decode_step(chip, plan.batch_per_chip, service.context).lines());
    lines.extend(service.prefill(chip)?.lines());
    lines.extend([
        Line::new(
            "output",
            format!("{} tokens/s a node", si(plan.output_tokens_per_s_node)),
            format!(
                "{node} chips x {} sequences x {} tokens / {} s x {} of the day",
                significant(plan.batch_per_chip),
                significant(service.tokens_per_step),
                significant(plan.decode_step_s),
                service.load
            ),
            "the share of the day is FITTED to DeepSeek's production",
        ),
        Line::new(
            "input",
            format!("{} tokens/s a node", si(plan.input_tokens_per_s_node)),
            format!(
                "{node} chips x {} computed tokens/s x {} of the day / (1 - {} hits); {} GFLOP a token",
                si(plan.input_tokens_per_s_node * (1.0 - service.cache_hits) / service.load / node as f64),
                service.load,
                service.cache_hits,
                significant(flops.forward_per_token(service.context as u64, AttentionSpan::Causal) / 1e9)
            ),
            "simulated as a forward pass of training; the share of hits is DeepSeek's (open-infra-index, day 6)",
        ),
    ]);
    // Where nobody says what a chip-hour costs, chip-hours.
    let million = |name: &str, hours: f64, rate: f64| {
        let rate = si(rate);
        match price.is_nan() {
            true => Line::new(
                name,
                format!("{} chip-hours", significant(hours)),
                format!("{node} chips / 3,600 / {rate} tokens/s x 1e6"),
                "nobody says what a chip-hour costs; --price DOLLARS does",
            ),
            false => Line::new(
                name,
                crate::text::dollars(hours * price),
                format!("{node} chips x ${price} / 3,600 / {rate} tokens/s x 1e6"),
                "",
            ),
        }
    };
    lines.extend([
        million("a million output tokens", plan.chip_hours_per_m_output(chip), plan.output_tokens_per_s_node),
        million("a million input tokens", plan.chip_hours_per_m_input(chip), plan.input_tokens_per_s_node),
    ]);
    Ok(lines)
}

/// Prices of an API, dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ApiPrices {
    /// Input found in the cache.
    pub hit: f64,
    /// Input computed.
    pub miss: f64,
    /// Output.
    pub output: f64,
}

/// R1's prices from January to September 2025 (api-docs.deepseek.com, pricing).
pub const R1_PRICES: ApiPrices = ApiPrices { hit: 0.14, miss: 0.55, output: 2.19 };

/// A day's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Day {
    /// Input tokens, hits included.
    pub input: f64,
    /// Output tokens.
    pub output: f64,
}

/// DeepSeek's of 27 to 28 February 2025 (open-infra-index, day 6).
pub const DEEPSEEK_DAY: Day = Day { input: 608e9, output: 168e9 };

/// Nodes, cost, revenue and margin of a day (545% is 5.45: revenue over cost, less one).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// Nodes on average.
    pub nodes: f64,
    /// Dollars.
    pub cost: f64,
    /// Dollars, if all were sold at the API's prices.
    pub revenue: f64,
    /// Revenue over cost, less one.
    pub margin: f64,
}

/// What `day` takes and brings.
pub fn margin(plan: &ServingPlan, service: &Service, chip: &Chip, price: f64, day: &Day, api: &ApiPrices) -> Margin {
    let seconds = 86_400.0;
    let nodes =
        day.input / seconds / plan.input_tokens_per_s_node + day.output / seconds / plan.output_tokens_per_s_node;
    let cost = nodes * chip.per_node as f64 * 24.0 * price;
    let hits = service.cache_hits;
    let revenue = (day.input * (hits * api.hit + (1.0 - hits) * api.miss) + day.output * api.output) / 1e6;
    Margin { nodes, cost, revenue, margin: revenue / cost - 1.0 }
}
