//! Every constant of the simulators that no data sheet gives: what it is, where it is from, and whether it was fitted.
//!
//! Two were fitted, once, so that the published parts of a DeepSeek-V3 step ("Insights into DeepSeek-V3",
//! arXiv:2505.09343, Table 4) come out; everything else is taken from publications. The tests of `training` hold other
//! published runs against the result, without another fit.

/// FITTED: the share of a chip's best measured matrix product that a training step's own products reach (shapes that do
/// not fill the chip, clocks that power lowers).
pub const MATRIX_SHARE: f64 = 0.65;

/// FITTED: the share of the memory's bandwidth that the operations between the products reach (norms, rotary
/// embedding, quantization, permutation of rows, accumulation of gradients).
pub const STREAM_SHARE: f64 = 0.51;

/// Attention's share of the BF16 peak, forward: about 600 TFLOP/s on H100 at 4K to 16K, causal, heads of 128
/// (FlashAttention-3, arXiv:2407.08608, figure 5, read from the plot).
pub const ATTENTION_FORWARD: f64 = 0.60;

/// The same backward: about 450 TFLOP/s (figure 6).
pub const ATTENTION_BACKWARD: f64 = 0.45;

/// Products of attention's backward for each of its forward: five for two (FlashAttention-2, arXiv:2307.08691, 3.1).
pub const ATTENTION_BACKWARD_WORK: f64 = 2.5;

/// Chip-hours between failures that stop a job: 419 interruptions in 54 days on 16,384 H100s (Llama 3,
/// arXiv:2407.21783, section 3.3.4).
pub const CHIP_HOURS_PER_FAILURE: f64 = 16_384.0 * 54.0 * 24.0 / 419.0;

/// Seconds from a failure to the first step after it: assumed; Llama 3's more than 90% of effective training time
/// (section 3.3.4) is consistent with it.
pub const RESTART_S: f64 = 600.0;

/// Seconds that writing a checkpoint holds up training: assumed, with writes from host memory while the next steps run
/// (V3 keeps a copy of its parameters there, report, section 3.2.3).
pub const CHECKPOINT_S: f64 = 5.0;

/// Share of a chip's memory that the runtime, communication buffers and fragmentation take: assumed.
pub const MEMORY_RESERVE: f64 = 0.05;

/// Share of the memory's bandwidth at which weights and caches are read when a token is decoded: FlashMLA's 3,000 of
/// H800's 3,350 GB/s (github.com/deepseek-ai/FlashMLA, February 2025).
pub const READ_SHARE: f64 = 0.9;

/// Share of the BF16 peak of decoding's attention where computation bounds it: FlashMLA's 580 of 989 TFLOP/s (the same).
pub const DECODE_ATTENTION: f64 = 0.587;

/// Seconds for each layer and step that no rate explains: launches and synchronization of about fifteen kernels of 4 µs
/// each. Assumed.
pub const LAYER_LATENCY_S: f64 = 60e-6;

/// Seconds of an all-to-all with few rows, there and back: DeepEP's low-latency kernels take 77 and 114 µs among 8 chips
/// at 128 rows (github.com/deepseek-ai/DeepEP, 2025); the part that rows do not explain.
pub const ALL_TO_ALL_LATENCY_S: f64 = 100e-6;

/// Seconds of a sum over chips of a node with few rows: assumed, as NCCL's small all-reduces over NVLink take some tens of
/// microseconds.
pub const ALL_REDUCE_LATENCY_S: f64 = 20e-6;

/// Share of a chip's memory that a model's weights may take where it is served; the rest is for caches. Assumed.
pub const SERVED_WEIGHTS: f64 = 0.7;

/// Sequences of a chip from which a decode step works in two halves, whose communication hides behind each other: assumed;
/// half of it fills no more than a tile of rows.
pub const TWO_HALVES_FROM: f64 = 32.0;

/// Watts of a server's core at load, where nothing is measured: assumed, as EPYC 9654's 360 W over 96 cores (AMD data
/// sheet, 2022) with memory.
pub const WATTS_A_CORE: f64 = 5.0;

/// FITTED (serving): the share of what prefill and decode nodes could do that they do over a day, with users' load
/// rising and falling: to DeepSeek's 73.7K and 14.8K tokens a second and node (open-infra-index, day 6, February 2025).
pub const DAY_LOAD: f64 = 0.59;

/// Tokens for each step and sequence with MTP speculation: V3's 1.8 times the tokens a second (report, section 5.4.3).
pub const MTP_SPEEDUP: f64 = 1.8;

/// Seconds between two decode steps of the rollout engine in which chips wait for it: assumed. (vLLM's own work was more
/// than half of a step of an 8B model before version 0.6.0: blog.vllm.ai, 5 September 2024.)
pub const ENGINE_S: f64 = 8e-3;

/// MEASURED: published chip-hours over derived ones, of dense runs and speeds that nothing was fitted to: one in ten is
/// below the first, one in ten above the second (`published/runs.toml`; a test derives them again).
pub const SPREAD_DENSE: [f64; 2] = [0.74, 1.32];

/// MEASURED: the same of models with experts.
pub const SPREAD_WITH_EXPERTS: [f64; 2] = [0.84, 1.44];
