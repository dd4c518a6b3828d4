use super::{History, View, bar, dashboard, line, sparkline};

fn view(history: &History) -> View<'_> {
    View {
        stage: "zero",
        step: 1234,
        share_done: 0.5,
        left_s: Some(754.0),
        tokens_per_s: 12_345.0,
        share_of_peak: Some(0.41),
        dollars: 0.0132,
        phase: "sampling 34 of 64",
        history,
    }
}

fn reinforced() -> History {
    let mut history = History::default();
    for k in 0..100 {
        let t = f64::from(k) / 99.0;
        for (name, x) in [
            ("reward", t),
            ("loss", -t),
            ("completions/mean_thinking_length", 40.0 + 100.0 * t),
            ("entropy", 0.5),
            ("clip_ratio", 0.02),
        ] {
            history.push(name, x);
        }
    }
    history.push("val/accuracy", 0.615);
    history.push("val/accuracy_low", 0.55);
    history.push("val/accuracy_high", 0.68);
    history
}

#[test]
fn the_dashboard_says_where_the_run_stands() {
    let history = reinforced();
    let lines = dashboard(&view(&history), 80);
    let text = lines.join("\n");
    for part in [
        "zero  step 1,234",
        "50%",
        "12 min 34 s left",
        "12,345 tokens/s",
        "41% of peak",
        "$0.013",
        "sampling 34 of 64",
        "61.5% (55 to 68)",
        "thinking",
        "entropy",
        "clipped 2.0%",
        "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("loss"), "the loss of reinforcement says nothing:\n{text}");
    assert!(lines.len() <= 6 && lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    for width in [0, 1, 20, 200] {
        assert!(dashboard(&view(&history), width).iter().all(|line| line.chars().count() <= width));
    }
}

#[test]
fn a_log_has_one_line() {
    let text = line(&view(&reinforced()));
    assert!(text.starts_with("step 1234 · reward 0.9") && text.ends_with("$0.0132"), "{text}");
    let mut history = History::default();
    history.push("loss", 2.5);
    history.push("lr", 1e-3);
    assert!(line(&view(&history)).starts_with("step 1234 · loss 2.5 · lr 0.001 · "), "{}", line(&view(&history)));
    assert!(line(&view(&History::default())).starts_with("step 1234 · 12,345 tokens/s"));
}

#[test]
fn bars_fill() {
    assert_eq!((bar(0.0, 4).as_str(), bar(0.5, 4).as_str(), bar(1.0, 4).as_str()), ("····", "██··", "████"));
    assert_eq!(bar(0.125, 4), "▌···");
    assert_eq!(sparkline(&[1.0, f64::NAN, 2.0], 8), "▁█");
    assert_eq!(sparkline(&[], 8), "");
}

#[test]
fn a_long_history_stays_small() {
    let mut history = History::default();
    for k in 0..50_000 {
        history.push("loss", f64::from(k));
    }
    assert!(history.values("loss").len() <= 4096);
    assert_eq!(history.last("loss"), Some(49_999.0));
}
