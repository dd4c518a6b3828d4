//! Any text as a `config.json`: refused, or read, counted and written back without loss.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::config::Config;
use model::count::{FlopModel, MlaForm, count_params, on_disk_values};

fuzz_target!(|text: &str| {
    let Ok(config) = Config::from_json(text) else {
        return;
    };
    let _ = count_params(&config);
    let _ = on_disk_values(&config);
    let _ = FlopModel::new(&config, MlaForm::Expanded);
    let written = config.to_json();
    assert_eq!(Config::from_json(&written).expect("what we write, we read"), config);
});
