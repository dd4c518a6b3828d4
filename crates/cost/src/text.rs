//! Numbers for people.

/// `1234567` as `1.23M`.
pub fn si(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e12 => (v / 1e12, "T"),
        v if v >= 1e9 => (v / 1e9, "B"),
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e3 => (v / 1e3, "K"),
        v => (v, ""),
    };
    format!("{}{unit}", significant(scaled))
}

/// As [`si`], and small values with the digits that count.
pub fn si_or_small(value: f64) -> String {
    if value.abs() < 1000.0 { significant(value) } else { si(value) }
}

/// Three significant digits, without zeros at the end of a fraction.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    let digits = 2 - value.abs().log10().floor() as i64;
    let text = format!("{value:.*}", digits.clamp(0, 12) as usize);
    if text.contains('.') { trimmed(&text) } else { text }
}

/// `5576000` as `$5.58M`; cents and less with the digits that count; `-` where no price is known.
pub fn dollars(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v >= 1e4 => format!("${}", si(v)),
        v if v >= 1.0 => format!("${v:.2}"),
        v => format!("${}", significant(v)),
    }
}

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

/// The nearest whole number, as [`thousands`] writes it; for what is never negative.
pub fn whole(value: f64) -> String {
    thousands(value.round() as u64)
}

/// `55.9 days`, `3 h 05 min`, `12 min 40 s`, `20.2 s`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.round().max(0.0) as u64;
    match (s / 86_400, s / 3600, s / 60 % 60, s % 60) {
        (2.., ..) => format!("{} days", significant(seconds / 86_400.0)),
        (_, 0, 0, _) => format!("{} s", significant(seconds.max(0.0))),
        (_, 0, m, s) => format!("{m} min {s:02} s"),
        (_, h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// A share as `61.5%`.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
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
        s if s < 10.0 => trimmed(&format!("{x:.3}")),
        s if s < 100.0 => trimmed(&format!("{x:.1}")),
        s if s < 1e6 => format!("{}{}", if x < 0.0 { "-" } else { "" }, whole(size)),
        _ => format!("{x:.2e}"),
    }
}

/// `0.250` as `0.25`, `3.000` as `3`.
fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// More of anything than there will be: beyond this a number is a slip of the hand.
const MOST: f64 = 1e18;

/// `14.8T`, `62.9M`, `4e3` or `512`.
///
/// # Errors
/// Anything else.
pub fn parse_count(text: &str) -> std::result::Result<f64, String> {
    let trimmed = text.trim().replace(['_', ','], "");
    let (number, factor) = match trimmed.chars().last().map(|c| c.to_ascii_uppercase()) {
        Some('K') => (&trimmed[..trimmed.len() - 1], 1e3),
        Some('M') => (&trimmed[..trimmed.len() - 1], 1e6),
        Some('B') | Some('G') => (&trimmed[..trimmed.len() - 1], 1e9),
        Some('T') => (&trimmed[..trimmed.len() - 1], 1e12),
        _ => (trimmed.as_str(), 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(n) if n > 0.0 && n * factor <= MOST => Ok(n * factor),
        Ok(n) if n > 0.0 => Err(format!("`{text}` is too many: expected at most {MOST:e}")),
        _ => Err(format!("`{text}` is not a count: expected a number above 0, such as 14.8T, 300B or 2e9")),
    }
}

/// A whole number: `4096`, `4096.0`, `4,096` or `4K`.
///
/// # Errors
/// Anything else.
pub fn parse_whole(text: &str) -> std::result::Result<u64, String> {
    match text.trim().parse::<u64>() {
        Ok(n) => Ok(n),
        Err(_) => match parse_count(text)? {
            n if n.fract() == 0.0 => Ok(n as u64),
            _ => Err(format!("`{text}` is not whole: expected a whole number, such as 4096")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(si(14.8e12), "14.8T");
        assert_eq!(si(999.0), "999");
        assert_eq!(significant(0.00123456), "0.00123");
        assert_eq!(significant(20.0), "20");
        assert_eq!(dollars(5_576_000.0), "$5.58M");
        assert_eq!((dollars(0.0042), dollars(f64::NAN)), ("$0.0042".to_owned(), "-".to_owned()));
        assert_eq!((whole(2_664_000.4), thousands(999)), ("2,664,000".to_owned(), "999".to_owned()));
        assert_eq!(duration(54.2 * 86_400.0), "54.2 days");
        assert_eq!(duration(0.5), "0.5 s");
        assert_eq!(duration(11_100.0), "3 h 05 min");
        assert_eq!((duration(760.0), duration(59.7)), ("12 min 40 s".to_owned(), "1 min 00 s".to_owned()));
        assert_eq!(
            (value(0.25), value(1e-5), value(-4560.0)),
            ("0.25".to_owned(), "1.0e-5".to_owned(), "-4,560".to_owned())
        );
    }

    #[test]
    fn counts_are_read_or_refused() {
        assert_eq!(parse_count("14.8T"), Ok(14.8e12));
        assert_eq!(parse_count("300b"), Ok(300e9));
        assert_eq!(parse_count("4e3"), Ok(4000.0));
        for bad in ["", "-3T", "many", "0", "inf", "1e300", "NaN", "5X", "T"] {
            assert!(parse_count(bad).is_err(), "{bad}");
        }
        for (text, n) in [("4096", 4096), ("4096.0", 4096), ("4,096", 4096), ("1.5K", 1500), ("0", 0)] {
            assert_eq!(parse_whole(text), Ok(n), "{text}");
        }
        for bad in ["4096.5", "-1", "", "x", "1e30"] {
            assert!(parse_whole(bad).is_err(), "{bad}");
        }
    }
}
