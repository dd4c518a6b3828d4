//! Any bytes as a safetensors file: refused or read, never a panic, never memory beyond the file's own size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::config::Config;
use model::count::tensor_specs;
use model::presets::Dial;
use model::weights::Weights;

fuzz_target!(|bytes: &[u8]| {
    let Ok(weights) = Weights::from_bytes(bytes) else {
        return;
    };
    let dial = Dial { depth: 1, vocab_size: 8, max_position_embeddings: 8, experts: false, tie_word_embeddings: true };
    let _ = weights.check_names(&tensor_specs(&Config::DeepseekV3(dial.deepseek_v3())));
    let _ = weights.check_finite();
    for name in weights.names() {
        let (_, shape) = weights.info(name).expect("a listed tensor is there");
        // A shape that was accepted is backed by bytes of the file, unless a dimension is 0.
        let n: usize = shape.iter().product();
        assert!(n <= 2 * bytes.len(), "{name}: {n} values from {} bytes", bytes.len());
        let _ = weights.read_f32(name, shape, &mut vec![0.0; n]);
    }
});
