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
    let text = format!("{}{unit}", significant(scaled));
    if text.is_empty() { "0".to_owned() } else { text }
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
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `5576000` as `$5.58M`; cents and less with two digits that count.
pub fn dollars(value: f64) -> String {
    match value {
        v if v >= 1e4 => format!("${}", si(v)),
        v if v >= 1.0 => format!("${v:.2}"),
        v => format!("${}", significant(v)),
    }
}

/// Whole numbers with commas between thousands.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && text != "0" { format!("-{text}") } else { text }
}

/// Days, hours, minutes or seconds, whichever reads best.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 2.0 * 86_400.0 => format!("{} days", significant(s / 86_400.0)),
        s if s >= 2.0 * 3600.0 => format!("{} hours", significant(s / 3600.0)),
        s if s >= 120.0 => format!("{} minutes", significant(s / 60.0)),
        s => format!("{} s", significant(s)),
    }
}

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
        Ok(n) if n > 0.0 && (n * factor).is_finite() => Ok(n * factor),
        _ => Err(format!("`{text}` is not a count: expected a number above 0, such as 14.8T, 300B or 2e9")),
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
        assert_eq!(dollars(0.0042), "$0.0042");
        assert_eq!(thousands(2_664_000.4), "2,664,000");
        assert_eq!(duration(54.2 * 86_400.0), "54.2 days");
        assert_eq!(duration(0.5), "0.5 s");
    }

    #[test]
    fn counts_are_read_or_refused() {
        assert_eq!(parse_count("14.8T"), Ok(14.8e12));
        assert_eq!(parse_count("300b"), Ok(300e9));
        assert_eq!(parse_count("4e3"), Ok(4000.0));
        for bad in ["", "-3T", "many", "0", "inf", "5X", "T"] {
            assert!(parse_count(bad).is_err(), "{bad}");
        }
    }
}
