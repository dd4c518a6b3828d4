//! The shipped catalogue is sound; users' files are read strictly.

use super::*;

#[test]
fn the_shipped_chips_have_sources() {
    let catalogue = Catalogue::shipped();
    for id in
        ["a100", "h100", "h800", "h20", "h200", "b200", "gb200", "mi300x", "910b", "rtx3090", "rtx4090", "rtx5090"]
    {
        let chip = catalogue.chip(id).unwrap();
        assert!(["rates", "memory", "links", "price"].iter().all(|group| chip.source.contains_key(*group)), "{id}");
    }
    for chip in catalogue.chips() {
        assert!(chip.source.contains_key("rates"), "{}", chip.id);
        assert!(chip.price.is_none() || chip.source.contains_key("price"), "{}", chip.id);
        assert!(chip.buy.is_none() || chip.source.contains_key("buy"), "{}", chip.id);
    }
    assert_eq!(catalogue.chip("H800").unwrap().price(None).unwrap().0, 2.0);
    assert!(catalogue.chip("h20").unwrap().price(None).unwrap_err().to_string().contains("--price"));
    assert!(catalogue.chip("h80").unwrap_err().to_string().contains("h800"));
}

#[test]
fn a_users_chip_joins_and_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let good = "[chip.x1]\nname = \"X1\"\nper_node = 4\nbf16_tflops = 500\nmemory_gb = 64\nmemory_gb_s = 2000\n\
                link_gb_s = 100\nnic_gb_s = 25\nn_sm = 64\nwatts = 300\nprice = 1\n";
    std::fs::write(&path, good).unwrap();
    let catalogue = Catalogue::load(Some(&path)).unwrap();
    assert_eq!(catalogue.chip("x1").unwrap().gemm_bf16, 0.7);
    assert!(catalogue.chip("h800").is_ok());
    for (bad, needle) in [("memory_gbs = 1\n", "memory_gbs"), ("gemm_bf16 = 1.5\n", "gemm_bf16"), ("buy = -1\n", "buy")]
    {
        std::fs::write(&path, format!("{good}{bad}")).unwrap();
        let error = Catalogue::load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains(needle) && error.contains("mine.toml"), "{error}");
    }
    for (figure, nonsense, needle) in [
        ("watts = 300", "watts = 0", "watts"),
        ("bf16_tflops = 500", "bf16_tflops = 5e9", "1e12 operations"),
        ("bf16_tflops = 500", "bf16_tflops = 400000", "a watt"),
        ("bf16_tflops = 500", "bf16_tflops = nan", "bf16_tflops"),
        ("memory_gb = 64", "memory_gb = 0", "memory_gb"),
        ("memory_gb_s = 2000", "memory_gb_s = 2e12", "1e9 bytes a second"),
        ("nic_gb_s = 25", "nic_gb_s = -25", "nic_gb_s"),
        ("price = 1", "price = -1", "price"),
        ("price = 1", "price = 1e9", "price"),
        ("price = 1", "fp8_tflops = 5", "fp8_tflops"),
        ("price = 1", "host_share = -1", "host_share"),
        ("price = 1", "price = 1\nsource.price = \"a cloud, March 2098\"", "future"),
    ] {
        std::fs::write(&path, good.replace(figure, nonsense)).unwrap();
        let error = Catalogue::load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains(needle), "{nonsense}: {error}");
    }
}

/// Names that are one name, or none, or taken, are refused with the file.
#[test]
fn names_of_chips_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let chip = |id: &str| {
        format!(
            "[chip.{id}]\nname = \"X1\"\nper_node = 4\nbf16_tflops = 500\nmemory_gb = 64\nmemory_gb_s = 2000\n\
             link_gb_s = 100\nnic_gb_s = 25\nn_sm = 64\nwatts = 300\n"
        )
    };
    for (ids, needle) in [
        (&["x1", "X1"][..], "the same name as chip.X1"),
        (&["\"my chip\"", "mychip"], "the same name as chip.my chip"),
        (&["\"\""], "expected a name"),
        (&["\" \""], "expected a name"),
        (&["this"], "this machine"),
        (&["This"], "this machine"),
    ] {
        std::fs::write(&path, ids.iter().map(|id| chip(id)).collect::<String>()).unwrap();
        let error = Catalogue::load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains(needle) && error.contains("mine.toml"), "{ids:?}: {error}");
    }
    std::fs::write(&path, chip("x1") + &chip("x2")).unwrap();
    let catalogue = Catalogue::load(Some(&path)).unwrap();
    assert!(catalogue.chip("x1").is_ok() && catalogue.chip("X2").is_ok());
}

#[test]
fn this_machine_is_saved_beside_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new").join("catalogue.toml");
    let machine = Machine {
        cpu: "Test CPU".to_owned(),
        cores: 4,
        isa: "scalar".to_owned(),
        f32_gflops: 100.0,
        bf16_gflops: 200.0,
        memory_gb_s: 20.0,
        memory_bytes: Some(16_000_000_000),
    };
    let chip = Chip::of_machine(&machine, 0.04);
    chip.save(&path).unwrap();
    Chip { bf16_tflops: 0.3, ..chip.clone() }.save(&path).unwrap();
    let catalogue = Catalogue::load(Some(&path)).unwrap();
    let read = catalogue.chip("this-machine").unwrap();
    assert_eq!((read.bf16_tflops, read.price), (0.3, Some(0.16)));
    assert!(read.source["rates"].contains("Test CPU"));
    assert_eq!(catalogue.chip("this").unwrap(), read);
}

/// What a user's file says has the file for its source; names are asked for whatever their case and blanks.
#[test]
fn a_users_figures_are_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let text = "[chip.\"My Chip\"]\nname = \"X1\"\nper_node = 4\nbf16_tflops = 500\nmemory_gb = 64\nmemory_gb_s = 2000\n\
                link_gb_s = 100\nnic_gb_s = 25\nn_sm = 64\nwatts = 300\nprice = 1\n";
    std::fs::write(&path, text).unwrap();
    let catalogue = Catalogue::load(Some(&path)).unwrap();
    let chip = catalogue.chip("my chip").unwrap();
    assert!(["rates", "memory", "links", "price"].iter().all(|group| chip.source[*group].contains("mine.toml")));
    assert!(chip.price(None).unwrap().1.contains("mine.toml"));
    assert_eq!(chip.gemm_source(false), None, "nothing was measured");
    assert_eq!(chip.link_note(), None);
    let sheet = Chip { link_gb_s: 900.0, ..chip.clone() };
    assert!(sheet.link_note().unwrap().contains("half of it x 0.8 = 360"), "{:?}", sheet.link_note());
    assert!(Catalogue::shipped().chips().all(|chip| chip.link_note().is_none()));
    let mi300x = catalogue.chip("mi300x").unwrap();
    assert!(mi300x.gemm_source(false).is_some() && mi300x.gemm_source(true).is_none());
}
