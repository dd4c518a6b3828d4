use super::{Log, Meter, RunDir, read_ledger};
use serde_json::json;

#[test]
fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let first = RunDir::open(dir.path()).unwrap();
    let error = RunDir::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("in use by another"), "{error}");
    drop(first);
    RunDir::open(dir.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let error = RunDir::open(std::path::Path::new("/proc/no/such")).err().unwrap().to_string();
    assert!(error.contains("cannot create /proc/no/such"), "{error}");
}

#[test]
fn logs_are_cut_back_to_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.jsonl");
    let mut log = Log::open(&path, 0).unwrap();
    for step in 1..=5 {
        log.append(&json!({ "step": step, "loss": 0.5 })).unwrap();
    }
    drop(log);
    let mut text = std::fs::read_to_string(&path).unwrap();
    text += "{\"step\": 6, \"lo";
    std::fs::write(&path, &text).unwrap();
    drop(Log::open(&path, 5).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 5, "half a line goes");
    let mut log = Log::open(&path, 3).unwrap();
    log.append(&json!({ "step": 4 })).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.ends_with("{\"step\":4}\n"));
}

#[test]
fn what_the_world_said_is_repeated() {
    let path = tempfile::tempdir().unwrap();
    let dir = RunDir::open(path.path()).unwrap();
    let mut replay = dir.replay().unwrap();
    assert_eq!(replay.get("clock", 10, || json!(7)).unwrap(), json!(7));
    assert_eq!(replay.get("clock", 10, || panic!("known")).unwrap(), json!(7));
    drop(replay);
    let mut replay = dir.replay().unwrap();
    assert_eq!(replay.get("clock", 10, || panic!("known from the file")).unwrap(), json!(7));
    assert_eq!(replay.get("clock", 20, || json!(8)).unwrap(), json!(8));
}

#[test]
fn the_ledger_shows_what_a_kill_threw_away() {
    let path = tempfile::tempdir().unwrap();
    let dir = RunDir::open(path.path()).unwrap();
    let price = cost::Price { dollars_per_core_hour: 3600.0, source: "a test".to_owned() };
    let mut meter = Meter::start(&dir, "pretrain", price.clone(), 0).unwrap();
    meter.add(&dir, 1, 100, 1e9).unwrap();
    meter.prepare(&dir, 1).unwrap();
    meter.keep(&dir).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(250));
    meter.add(&dir, 2, 50, 1e9).unwrap();
    drop(meter); // as a kill does: no line is written
    assert!(read_ledger(path.path()).unwrap().is_empty());

    let meter = Meter::start(&dir, "pretrain", price.clone(), 1).unwrap();
    assert!(meter.dollars() >= 0.25, "a run's dollars survive a resume: {}", meter.dollars());
    meter.finish(&dir).unwrap();
    let lines = read_ledger(path.path()).unwrap();
    let shown: Vec<_> = lines.iter().map(|l| (l.attempt, l.lost, l.usage.tokens, l.to_step)).collect();
    assert_eq!(shown, [(1, false, 100, 1), (1, true, 50, 2), (2, false, 0, 1)]);
    assert!((lines[1].dollars - lines[1].usage.core_s).abs() < 1e-9 && lines[1].usage.wall_s >= 0.2);

    // Killed just after a checkpoint was complete: what went into it is not called lost.
    let mut meter = Meter::start(&dir, "pretrain", price.clone(), 1).unwrap();
    meter.add(&dir, 2, 70, 1e9).unwrap();
    meter.prepare(&dir, 2).unwrap();
    drop(meter);
    Meter::start(&dir, "pretrain", price.clone(), 2).unwrap().finish(&dir).unwrap();
    let lines = read_ledger(path.path()).unwrap();
    assert_eq!((lines[3].attempt, lines[3].lost, lines[3].usage.tokens), (3, false, 70));

    // A last start settles nothing twice.
    Meter::start(&dir, "pretrain", price, 1).unwrap().finish(&dir).unwrap();
    assert_eq!(read_ledger(path.path()).unwrap().len(), 6);
}
