//! Reading, checking and writing safetensors; damaged files never panic.

use super::*;
use crate::config::Config;
use crate::count::tensor_specs;
use crate::presets::Dial;
use half::bf16;
use proptest::prelude::*;

fn out<'a>(name: &str, shape: &[usize], values: &'a [f32], stored: StoredType) -> OutTensor<'a> {
    OutTensor { name: name.to_owned(), shape: shape.to_vec(), values: OutValues::F32(values), stored }
}

fn file_of(tensors: &[OutTensor]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    write_file(&path, tensors).unwrap();
    std::fs::read(path).unwrap()
}

fn file_with_header(header: &str, n_data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + n_data, 0);
    bytes
}

fn refusal(bytes: Vec<u8>) -> String {
    Weights::from_bytes(bytes).err().expect("must be refused").to_string()
}

fn tiny() -> (Config, Vec<TensorSpec>) {
    let dial =
        Dial { depth: 2, vocab_size: 40, max_position_embeddings: 64, experts: true, tie_word_embeddings: false };
    let config = Config::DeepseekV3(dial.deepseek_v3());
    let specs = tensor_specs(&config);
    (config, specs)
}

/// A model's worth of zeros with chosen tensors left out or added.
fn model_file(keep: impl Fn(&TensorSpec) -> bool, more: &[(&str, &[usize])]) -> Weights {
    let (_, specs) = tiny();
    let zeros = vec![0.0; specs.iter().map(TensorSpec::n_values).max().unwrap()];
    let mut tensors: Vec<OutTensor> = specs
        .iter()
        .filter(|s| keep(s))
        .map(|s| out(&s.name, &s.shape, &zeros[..s.n_values()], StoredType::Bf16))
        .collect();
    for (name, shape) in more {
        let n: usize = shape.iter().product();
        tensors.push(out(name, shape, &zeros[..n], StoredType::F32));
    }
    Weights::from_bytes(file_of(&tensors)).unwrap()
}

#[test]
fn values_survive_in_every_type() {
    let values = [0.0f32, -1.5, 3.0e-30, 65000.0, 1.0 / 3.0, -0.0];
    for stored in [StoredType::F32, StoredType::Bf16] {
        let weights = Weights::from_bytes(file_of(&[out("a", &[2, 3], &values, stored)])).unwrap();
        let (mut f, mut b) = ([7.0f32; 6], [bf16::ZERO; 6]);
        weights.read_f32("a", &[2, 3], &mut f).unwrap();
        weights.read_bf16("a", &[2, 3], &mut b).unwrap();
        for (i, x) in values.iter().enumerate() {
            let rounded = bf16::from_f32(*x);
            assert_eq!(b[i].to_bits(), rounded.to_bits());
            let expected = if stored == StoredType::F32 { *x } else { rounded.to_f32() };
            assert_eq!(f[i].to_bits(), expected.to_bits());
        }
    }
    // F16, which we read and do not write.
    let mut bytes = file_with_header(r#"{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#, 4);
    let n = bytes.len();
    bytes[n - 4..].copy_from_slice(&[0x00, 0x3c, 0x00, 0xc0]);
    let mut f = [0.0; 2];
    Weights::from_bytes(bytes).unwrap().read_f32("h", &[2], &mut f).unwrap();
    assert_eq!(f, [1.0, -2.0]);
}

#[test]
fn shards_are_written_and_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..30).map(|i| i as f32).collect();
    let names = ["a", "b", "c"];
    let tensors: Vec<OutTensor> = names
        .iter()
        .enumerate()
        .map(|(i, name)| out(name, &[10], &values[10 * i..10 * (i + 1)], StoredType::F32))
        .collect();
    assert_eq!(write_weights(dir.path(), &tensors, 80).unwrap(), 120);
    assert!(dir.path().join("model-00002-of-00002.safetensors").exists());
    let weights = Weights::open(dir.path()).unwrap();
    assert_eq!(weights.names().collect::<Vec<_>>(), names);
    assert_eq!((weights.n_bytes(), weights.n_values()), (120, 30));
    let mut c = [0.0; 10];
    weights.read_f32("c", &[10], &mut c).unwrap();
    assert_eq!(c, values[20..30]);

    let index = dir.path().join(INDEX_FILE);
    let good = std::fs::read_to_string(&index).unwrap();
    for (bad, part) in [
        (good.replace("model-00002", "../model-00002"), "beside the index"),
        (good.replace("model-00002-of-00002", "model-00003-of-00003"), "model-00003"),
        (good.replace("\"c\"", "\"d\""), "`d`"),
        ("{}".to_owned(), "weight_map"),
        ("{".to_owned(), "JSON"),
    ] {
        std::fs::write(&index, bad).unwrap();
        let error = Weights::open(dir.path()).err().expect("must be refused").to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_damaged_container_is_refused_with_its_reason() {
    let whole = file_of(&[out("a", &[4], &[1.0; 4], StoredType::F32)]);
    assert!(refusal(vec![]).contains("truncated"));
    assert!(refusal(whole[..40].to_vec()).contains("truncated"));
    let error = refusal(whole[..whole.len() - 1].to_vec());
    assert!(error.contains("describes 16 bytes") && error.contains("has 15"), "{error}");
    let mut longer = whole.clone();
    longer.push(0);
    assert!(refusal(longer).contains("has 17"));
    let mut lying = whole.clone();
    lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refusal(lying).contains("18446744073709551615"));

    let two = |a: &str, b: &str| {
        file_with_header(
            &format!(
                r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":{a}}},"b":{{"dtype":"F32","shape":[2],"data_offsets":{b}}}}}"#
            ),
            16,
        )
    };
    assert!(Weights::from_bytes(two("[0,8]", "[8,16]")).is_ok());
    assert!(refusal(two("[0,8]", "[4,12]")).contains("overlap"));
    assert!(refusal(two("[0,8]", "[0,8]")).contains("overlap"));
    assert!(refusal(two("[0,8]", "[8,15]")).contains("shape and type"));
    assert!(refusal(two("[8,0]", "[8,16]")).contains("overlap"));
    let huge = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}}"#;
    assert!(refusal(file_with_header(huge, 16)).contains("too large"));
    let unknown = r#"{"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,16]}}"#;
    assert!(refusal(file_with_header(unknown, 16)).contains("Q9"));
}

#[test]
fn the_tensors_must_be_those_of_the_configuration() {
    let (_, specs) = tiny();
    let all = model_file(|s| s.role != Role::MtpDuplicate, &[]);
    assert_eq!(all.check_names(&specs).unwrap(), NameReport { has_mtp: true, ignored: vec![] });

    let published = model_file(|_| true, &[("model.layers.0.self_attn.rotary_emb.inv_freq", &[4])]);
    let report = published.check_names(&specs).unwrap();
    assert_eq!(report.ignored.len(), 3, "{report:?}");

    let without_mtp = model_file(|s| s.role == Role::Main, &[]);
    assert!(!without_mtp.check_names(&specs).unwrap().has_mtp);

    let gone = "model.layers.1.mlp.experts.3.up_proj.weight";
    let error = model_file(|s| s.name != gone, &[]).check_names(&specs).unwrap_err().to_string();
    assert!(error.contains("1 missing") && error.contains(gone), "{error}");

    let half_mtp = model_file(|s| s.name != "model.layers.2.eh_proj.weight", &[]);
    assert!(half_mtp.check_names(&specs).unwrap_err().to_string().contains("eh_proj"));

    let misspelt = ("model.layers.1.mlp.experts.3.upp_proj.weight", &[1usize][..]);
    let error = model_file(|s| s.name != gone, &[misspelt]).check_names(&specs).unwrap_err().to_string();
    assert!(error.contains(&format!("nearest: `{}`", misspelt.0)), "{error}");
    assert!(error.contains(&format!("nearest: `{gone}`")), "{error}");

    let mut wider = specs.clone();
    wider.last_mut().unwrap().shape[0] += 1;
    let wide = Weights::check_names(&all, &wider);
    assert!(wide.is_ok(), "the last spec is a duplicate, which is not needed");
    wider[0].shape[0] += 1;
    let error = all.check_names(&wider).unwrap_err().to_string();
    assert!(error.contains("model.embed_tokens.weight") && error.contains("[40, 128]"), "{error}");
}

#[test]
fn values_that_are_not_finite_are_refused_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let bad = [1.0, f32::NAN];
    let error = write_file(&path, &[out("w", &[2], &bad, StoredType::F32)]).unwrap_err().to_string();
    assert!(error.contains("`w`") && error.contains("value 1"), "{error}");
    assert!(!path.exists());
    let beyond_bf16 = [f32::MAX];
    assert!(write_file(&path, &[out("w", &[1], &beyond_bf16, StoredType::Bf16)]).is_err());

    for dtype in ["F32", "BF16", "F16"] {
        let (n_bytes, infinity): (usize, &[u8]) = match dtype {
            "F32" => (8, &[0, 0, 0x80, 0xff]),
            "BF16" => (4, &[0x80, 0xff]),
            _ => (4, &[0, 0xfc]),
        };
        let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":[2],"data_offsets":[0,{n_bytes}]}}}}"#);
        let mut bytes = file_with_header(&header, n_bytes);
        let n = bytes.len();
        bytes[n - infinity.len()..].copy_from_slice(infinity);
        let weights = Weights::from_bytes(bytes).unwrap();
        let error = weights.read_f32("w", &[2], &mut [0.0; 2]).unwrap_err().to_string();
        assert!(error.contains("value 1 is -inf"), "{dtype}: {error}");
        assert!(weights.read_bf16("w", &[2], &mut [bf16::ZERO; 2]).is_err());
        assert!(weights.check_finite().unwrap_err().to_string().contains("`w`"));
    }
}

#[test]
fn wrong_types_and_places_are_named() {
    let bytes = file_with_header(r#"{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#, 4);
    let error = Weights::from_bytes(bytes).unwrap().read_f32("w", &[4], &mut [0.0; 4]).unwrap_err();
    assert!(error.to_string().contains("F8_E4M3"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let error = Weights::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains(SINGLE_FILE), "{error}");
    std::fs::write(dir.path().join("pytorch_model.bin"), b"x").unwrap();
    assert!(Weights::open(dir.path()).err().unwrap().to_string().contains("pytorch_model.bin"));
    assert!(Weights::open(&dir.path().join("no")).is_err());
    assert!(Weights::open(Path::new("/dev/null")).is_err());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_of_its_own() {
    let values = vec![0.0; 1 << 20];
    let error = write_file(Path::new("/dev/full"), &[out("w", &[1 << 20], &values, StoredType::F32)]);
    assert!(matches!(error, Err(Error::DiskFull { .. })), "{error:?}");
}

/// Reads everything that an opened file offers.
fn read_all(bytes: Vec<u8>) {
    let Ok(weights) = Weights::from_bytes(bytes) else {
        return;
    };
    let _ = weights.check_names(&tiny().1);
    let _ = weights.check_finite();
    for name in weights.names() {
        let (_, shape) = weights.info(name).unwrap();
        let n: usize = shape.iter().product();
        let _ = weights.read_f32(name, shape, &mut vec![0.0; n]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), cuts in any::<bool>()) {
        let values = [1.0f32; 12];
        let mut bytes = file_of(&[
            out("model.norm.weight", &[3, 4], &values, StoredType::F32),
            out("lm_head.weight", &[12], &values, StoredType::Bf16),
        ]);
        for (at, byte) in changes {
            let i = at.index(bytes.len());
            bytes[i] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(bytes);
    }

    #[test]
    fn lying_numbers_in_the_header_never_panic(shape in prop::collection::vec(any::<u64>(), 0..4), start in any::<u64>(), end in any::<u64>(), small in any::<bool>()) {
        let limit = |n: u64| if small { n % 20 } else { n };
        let shape: Vec<u64> = shape.into_iter().map(limit).collect();
        let header = format!(r#"{{"w":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[{},{}]}}}}"#, limit(start), limit(end));
        read_all(file_with_header(&header, 16));
    }
}
