//! Numbers as people read them.

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

/// `3 h 05 min`, `12 min 40 s`, `8 s`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.round().max(0.0) as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// `1234567` as `1.23 M`.
pub fn si(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e12 => (v / 1e12, " T"),
        v if v >= 1e9 => (v / 1e9, " B"),
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, ""),
    };
    let digits = if scaled >= 100.0 || unit.is_empty() {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$}{unit}")
}

/// A measured value in about three digits: `0.123`, `12.3`, `4,560`, `1.2e-5`.
pub fn value(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    let size = x.abs();
    match size {
        0.0 => "0".to_owned(),
        s if s < 1e-3 => format!("{x:.1e}"),
        s if s < 10.0 => trimmed(format!("{x:.3}")),
        s if s < 100.0 => trimmed(format!("{x:.1}")),
        s if s < 1e6 => format!("{}{}", if x < 0.0 { "-" } else { "" }, thousands(size.round() as u64)),
        _ => format!("{x:.2e}"),
    }
}

/// `0.250` as `0.25`, `3.000` as `3`.
fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share as `61.5%`.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// Dollars: two digits where they matter, more below a cent.
pub fn dollars(amount: f64) -> String {
    match amount.abs() {
        a if a == 0.0 || a >= 1.0 => format!("${amount:.2}"),
        a if a >= 0.01 => format!("${amount:.3}"),
        _ => format!("${amount:.5}"),
    }
}
