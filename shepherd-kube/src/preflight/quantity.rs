//! Amounts as Kubernetes writes them.

/// Binary suffixes before the decimal ones that they begin with.
const SUFFIXES: &[(&str, f64)] = &[
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// `500m` is 0.5, `1Gi` is 1,073,741,824; none when it is no amount.
pub(super) fn amount(text: &str) -> Option<f64> {
    if let Ok(plain) = text.parse() {
        return Some(plain);
    }
    let (number, factor) =
        SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_notation() {
        let close = |text: &str, wanted: f64| (amount(text).unwrap() / wanted - 1.0).abs() < 1e-12;
        assert!(close("3", 3.0) && close("500m", 0.5) && close("0.1", 0.1) && close("2e3", 2000.0));
        assert!(close("1Gi", 1_073_741_824.0) && close("128M", 128e6) && close("1.5Ki", 1536.0));
        assert_eq!((amount("many"), amount("")), (None, None));
    }
}
