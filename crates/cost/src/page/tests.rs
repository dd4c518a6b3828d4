//! Pages hold what they should and nothing from elsewhere.

use super::*;
use crate::catalogue::Catalogue;
use crate::plan::{Changes, preset};

#[test]
fn a_plans_page_has_the_answer_first() {
    let plan = preset("v3", &Changes::default(), &Catalogue::shipped()).unwrap();
    let page = Page::from(&plan);
    let text = page.text(true);
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle}: {text}"));
    assert!(at("days on 2,048") < at("The bill to expect") && at("The bill to expect") < at("Why"));
    assert!(at("pre-training") < at("longer contexts") && at("longer contexts") < at("total"));
    assert!(!page.text(false).contains("\nWhy\n"));
    let html = page.html();
    for needle in ["<svg", "The bill to expect", "FITTED", "rank 15"] {
        assert!(html.contains(needle), "{needle}");
    }
    assert!(!html.contains("http") && !html.contains("<script") && !html.contains("<link"), "nothing from elsewhere");
}

#[test]
fn what_users_write_is_escaped() {
    let page = Page { title: "<b>&\"'".to_owned(), headline: "<script>".to_owned(), ..Page::default() };
    let html = page.html();
    assert!(html.contains("&lt;b&gt;&amp;&quot;&#39;") && !html.contains("<script>"));
}

/// A layout may break after its commas, so that no table is wider than its page; a number may not.
#[test]
fn layouts_break_and_numbers_do_not() {
    let row = vec!["dp=128,pp=16,ep=64".to_owned(), "1,071,785".to_owned()];
    let table = Table { rows: vec![row], ..Table::new("t", &["", "n"]) };
    let html = Page { tables: vec![table], notes: vec!["Layout: dp=1,tp=2.".to_owned()], ..Page::default() }.html();
    for needle in ["dp=128,<wbr>pp=16,<wbr>ep=64", "dp=1,<wbr>tp=2", "1,071,785"] {
        assert!(html.contains(needle), "{needle}: {html}");
    }
}

#[test]
fn charts_draw_any_numbers() {
    let bars = |values: &[f64]| Chart::Bars {
        title: "t".to_owned(),
        bars: values.iter().map(|v| Bar { label: "l".to_owned(), value: *v, shown: v.to_string() }).collect(),
    };
    let curves = |points: &[(f64, f64)], log| Chart::Curves {
        title: "t".to_owned(),
        x: "x".to_owned(),
        y: "y".to_owned(),
        log,
        curves: vec![Curve { name: "c".to_owned(), points: points.to_vec() }],
    };
    let stages = |seconds: &[f64]| Chart::Stages {
        title: "t".to_owned(),
        parts: vec!["p".to_owned()],
        stages: seconds
            .iter()
            .map(|s| Stage { label: "l".to_owned(), seconds: vec![*s, 0.0], shown: "s".to_owned() })
            .collect(),
    };
    for chart in [
        stages(&[]),
        stages(&[0.0]),
        stages(&[1.0, 1e6, 3.0]),
        bars(&[]),
        bars(&[0.0, 0.0]),
        bars(&[1.0, 1e9]),
        curves(&[(1.0, 1.0)], false),
        curves(&[(1.0, 2.0), (1e9, 3.0)], true),
    ] {
        let svg = chart.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(!chart.text().is_empty());
    }
}

#[test]
fn chips_and_energy_read_well() {
    let catalogue = Catalogue::shipped();
    let plan = preset("v3", &Changes::default(), &catalogue).unwrap();
    let page = Page::from(&plan);
    assert!(page.headline.ends_with("on 2,048 x NVIDIA H800 SXM."), "{}", page.headline);
    assert_eq!((energy(3.005e6), energy(4e3)), ("3,005 MWh".to_owned(), "4 MWh".to_owned()));
    let fact = |name: &str| page.facts.iter().find(|(fact, _)| fact == name).unwrap().1.clone();
    assert_eq!(fact("batch"), "62.9M tokens: 15,360 sequences of 4,096");
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains(":-0.0"), "nothing is less than nothing");
}

/// A run of reinforcement learning is drawn: its phases, and a cycle of each of its parts, in text and as SVG.
#[test]
fn cycles_are_drawn() {
    let catalogue = Catalogue::shipped();
    for (name, parts) in [("r1-zero", 2), ("r1", 3)] {
        let page = Page::from(&preset(name, &Changes::default(), &catalogue).unwrap());
        assert_eq!(page.charts.len(), 1 + parts, "{name}");
        let (text, html) = (page.text(false), page.html());
        for needle in ["The run, by what the chips do", "A cycle of DeepSeek-R1", "rollout", "moving models"] {
            assert!(text.contains(needle) && html.contains(needle), "{name}: {needle}: {text}");
        }
        assert!(html.matches("<svg").count() > parts && !html.contains("NaN"), "{name}");
    }
}
