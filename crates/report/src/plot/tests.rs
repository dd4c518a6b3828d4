use super::{Chart, Line, Unit, buckets, escape, range, ticks};
use crate::curves::Curve;
use crate::test_support::curve;
use proptest::prelude::*;

#[test]
fn ticks_are_round() {
    assert_eq!(ticks(0.0, 1.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(ticks(3.0, 97.0, 4), [25.0, 50.0, 75.0]);
    assert!(ticks(0.0, 0.0, 4).is_empty());
    assert_eq!(range(0.1, 0.9, Unit::Share).0, 0.0);
    assert_eq!(range(0.5, 0.5, Unit::Plain), (0.25, 0.75));
}

#[test]
fn a_chart_draws_its_lines_and_their_interval() {
    let accuracy = curve([0.2, 0.5, 0.8]);
    let chart = Chart {
        title: "Accuracy <strict>".to_owned(),
        unit: Unit::Share,
        lines: vec![
            Line::sparse("all", &accuracy).with_band(&curve([0.1, 0.4, 0.7]), &curve([0.3, 0.6, 0.9])),
            Line::dense("nothing", &Curve::default()),
        ],
        ..Chart::default()
    };
    let svg = chart.svg();
    assert_eq!(svg.matches("<circle").count(), 3);
    assert_eq!(svg.matches("<polygon").count(), 1);
    assert_eq!(svg.matches("<path").count(), 1, "a curve without values is left out");
    assert!(svg.contains("Accuracy &lt;strict&gt;") && svg.contains("80%"));
    assert!(Chart::default().is_empty() && !chart.is_empty());
}

#[test]
fn gaps_interrupt_a_line() {
    let chart = Chart { lines: vec![Line::dense("a", &curve([1.0, 2.0, f64::NAN, 4.0]))], ..Chart::default() };
    let svg = chart.svg();
    let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
}

#[test]
fn long_curves_are_thinned_to_what_can_be_seen() {
    let long = curve((0..10_000).map(f64::from));
    let thin = buckets(&long, 240);
    assert_eq!((thin.len(), thin.steps[239]), (240, 10_000));
    let svg = Chart { lines: vec![Line::dense("a", &long)], ..Chart::default() }.svg();
    assert!(svg.len() < 30_000, "{} bytes", svg.len());
}

proptest! {
    /// Whatever is drawn stays inside the frame and is well-formed.
    #[test]
    fn drawings_are_whole(values in prop::collection::vec(prop_oneof![Just(f64::NAN), -1e9..1e9_f64], 1..100), title in ".*") {
        let chart = Chart { title, lines: vec![Line::dense("x", &curve(values))], ..Chart::default() };
        let svg = chart.svg();
        prop_assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        prop_assert!(!svg.split(" d=\"").skip(1).any(|d| d.split('"').next().unwrap_or("").contains("NaN")));
        for path in svg.split(" d=\"").skip(1) {
            let path = path.split('"').next().unwrap();
            for point in path.split(['M', 'L']).filter(|p| !p.is_empty()) {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                prop_assert!((45.0..=453.0).contains(&x) && (9.0..=187.0).contains(&y), "{x} {y}");
            }
        }
    }

    #[test]
    fn escaped_text_holds_no_markup(text in ".*") {
        let safe = escape(&text);
        prop_assert!(!safe.contains(['<', '>', '"', '\'']));
    }
}
