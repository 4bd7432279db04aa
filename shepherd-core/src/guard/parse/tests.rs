use proptest::prelude::*;

use super::*;
use crate::guard::arbitrary;

fn read(text: &str) -> Condition {
    text.parse().unwrap_or_else(|error: GuardError| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<Condition>().expect_err(text).to_string()
}

#[test]
fn prints_one_canonical_form() {
    let cases = [
        ("error_rate > 5% for 2m", "error_rate > 5% for 2m"),
        ("p95 > 1000ms for 5m", "p95 > 1s for 5m"),
        ("availability < 99% for 1m", "availability < 99% for 1m"),
        ("health_check_failures>50%for 30s", "health_check_failures > 50% for 30s"),
        ("error_rate > 2 x\n stable for 1m", "error_rate > 2x stable for 1m"),
        ("request_rate <= 10 /s", "request_rate <= 10/s"),
        ("memory >= 0.5 GiB", "memory >= 512MiB"),
        ("memory > 1000", "memory > 1000B"),
        ("query( checkout_failures ) > 3.50", "query(checkout_failures) > 3.5"),
        ("query(share) > 5%", "query(share) > 5%"),
        ("restarts > 0", "restarts > 0"),
        ("p99.9 > 1h 30m for 1h30m", "p99.9 > 1h30m for 1h30m"),
        ("((cpu > 1)) for 1m", "cpu > 1 for 1m"),
        ("cpu > 1 and (cpu > 2 and cpu > 3)", "cpu > 1 and cpu > 2 and cpu > 3"),
        ("cpu > 1 or (cpu > 2 and cpu > 3)", "cpu > 1 or cpu > 2 and cpu > 3"),
        ("(cpu > 1 or cpu > 2) and cpu > 3", "(cpu > 1 or cpu > 2) and cpu > 3"),
        ("(cpu > 1 and cpu > 2 for 1m) for 2m", "(cpu > 1 and cpu > 2 for 1m) for 2m"),
    ];
    for (text, canonical) in cases {
        assert_eq!(read(text).to_string(), canonical);
        assert_eq!(read(canonical), read(text));
    }
}

#[test]
fn and_binds_tighter_than_or() {
    let condition = read("cpu > 1 or cpu > 2 and cpu > 3");
    assert_eq!(condition, read("cpu > 1 or (cpu > 2 and cpu > 3)"));
    assert_ne!(condition, read("(cpu > 1 or cpu > 2) and cpu > 3"));
}

#[test]
fn json_is_the_text_and_is_checked() {
    let condition = read("error_rate > 2x stable");
    let json = serde_json::to_string(&condition).unwrap();
    assert_eq!(json, r#""error_rate > 2x stable""#);
    assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
    assert!(serde_json::from_str::<Condition>(r#""error_rate""#).is_err());
}

/// Text, where the caret stands, what was expected there, and the remedy.
const REFUSED: [(&str, &str, &str, &str); 38] = [
    ("error_rate > 5 for 2m", "              ^", "`%`", "error_rate is a share: write 5%"),
    ("error_rate > 0.05", "                 ^", "`%`", "error_rate is a share: write 5% or 0.05%"),
    ("error_rate > 101%", "             ^", "a share from 0% to 100%", ""),
    (
        "error_rate > 100%",
        "             ^",
        "a share that tells good from bad",
        "shares are from 0% to 100%, so `> 100%` is never true",
    ),
    (
        "availability <= 100%",
        "                ^",
        "a share that tells good from bad",
        "shares are from 0% to 100%, so `<= 100%` is always true",
    ),
    (
        "error_rate > -5%",
        "             ^",
        "a share such as 5%, or a multiple such as 2x stable",
        "nothing that is measured here is below zero",
    ),
    ("error_rate > 0x stable", "             ^", "a factor above 0", ""),
    ("error_rate > 2x for 1m", "                ^", "`stable`", "write 2x stable"),
    (
        "error_rate > stable",
        "             ^",
        "a share such as 5%, or a multiple such as 2x stable",
        "say how many times: 1x stable, 2x stable",
    ),
    (
        "error_rate > 5% for 0s",
        "                    ^",
        "a duration above 0s",
        "leave it out to fire at the first reading that is true",
    ),
    ("error_rate > 5% for", "                   ^", "a duration such as 90s, 5m or 1h30m", ""),
    (
        "error_rate > 5% for 2",
        "                     ^",
        "a unit: ms, s, m, h or d",
        "`for` takes a duration: write 2ms or 2s",
    ),
    ("error_rate > 5% for 2 parsecs", "                     ^", "a unit: ms, s, m, h or d", ""),
    ("error_rate > 5% for 5M", "                    ^", "a duration of at most 30days", ""),
    (
        "error_rate > 5% for 1m for 2m",
        "                       ^",
        "`and`, `or` or the end",
        "this already has a `for`",
    ),
    (
        "(error_rate > 5% for 1m) for 2m",
        "                         ^",
        "`and`, `or` or the end",
        "this already has a `for`",
    ),
    (
        "error_rate > 5% AND cpu > 1",
        "                ^",
        "`for`, `and`, `or` or the end",
        "write and in small letters",
    ),
    ("error_rate > 5% cpu", "                ^", "`for`, `and`, `or` or the end", ""),
    ("error_rate > 5%)", "               ^", "`for`, `and`, `or` or the end", ""),
    ("(error_rate > 5%", "                ^", "`for`, `and`, `or` or `)`", ""),
    (
        "error_rate == 5%",
        "           ^",
        "`>`, `>=`, `<` or `<=`",
        "what is measured is never quite equal: say from where on it is bad",
    ),
    ("error_rate 5%", "           ^", "`>`, `>=`, `<` or `<=`", ""),
    ("error_rate > ", "             ^", "a share such as 5%, or a multiple such as 2x stable", ""),
    ("p95 > 500 for 2m", "         ^", "a unit: ms, s, m, h or d", "p95 is a duration: write 500ms or 500s"),
    ("p95 > 5%", "       ^", "a unit: ms, s, m, h or d", "p95 is a duration: write 5ms or 5s"),
    ("request_rate < 10", "                 ^", "`/s`", "request_rate counts requests a second: write 10/s"),
    (
        "request_rate < 10/sec",
        "                 ^",
        "`/s`",
        "request_rate counts requests a second: write 10/s",
    ),
    ("memory > 512MB", "            ^", "B, KiB, MiB, GiB or TiB", "write 512MiB"),
    ("memory > 512 pages", "            ^", "B, KiB, MiB, GiB or TiB", ""),
    ("memory > 0.5B", "         ^", "a whole number of bytes that can be told", "write it like 512MiB"),
    ("cpu > 1.", "        ^", "a digit after the point", ""),
    ("cpu > 1234567890123", "      ^", "a number of at most 12 digits before and 6 after the point", ""),
    ("cpu > 3%", "       ^", "`for`, `and`, `or` or the end", ""),
    ("query > 3", "      ^", "`(`", "write query(NAME) with the name that your source knows it by"),
    ("query(a b) > 3", "      ^", "a name of letters, digits and any of _ - . :", ""),
    ("query(a", "       ^", "`)`", ""),
    ("memory > 1GiB or größe > 3", "                 ^", METRICS, ""),
    ("cpu > 3 µ", "        ^", "`for`, `and`, `or` or the end", ""),
];

const METRICS: &str = "a metric: error_rate, availability, p50, p90, p95, p99, p99.9, request_rate, \
                       health_check_failures, restarts, cpu, memory or query(NAME)";

#[test]
fn refusals_point_at_the_character_and_say_what_was_expected() {
    for (text, caret, expected, remedy) in REFUSED {
        let help = if remedy.is_empty() { String::new() } else { format!("\nhelp: {remedy}") };
        assert_eq!(refusal(text), format!("{}\n{caret} expected {expected}{help}", text.trim_end()));
    }
}

#[test]
fn an_unknown_metric_is_told_its_neighbour() {
    for (text, caret, remedy) in [
        ("eror_rate > 5%", "^", "did you mean error_rate?"),
        ("ERROR_RATE > 5%", "^", "did you mean error_rate?"),
        (
            "cpu > 1 and p99.99 > 2s",
            "            ^",
            "quantiles are p0.1 to p99.9, with at most one digit after the point",
        ),
    ] {
        assert_eq!(refusal(text), format!("{text}\n{caret} expected {METRICS}\nhelp: {remedy}"));
    }
    for (text, caret) in [("", "^"), ("   ", "   ^"), ("and > 5%", "^"), ("()", " ^")] {
        assert_eq!(refusal(text), format!("{}\n{caret} expected {METRICS}", text.trim_end()));
    }
}

#[test]
fn columns_count_characters() {
    let error = refusal("\u{3000}\u{3000}query(ä) > 3");
    assert_eq!(error, "  query(ä) > 3\n        ^ expected a name of letters, digits and any of _ - . :");
}

#[test]
fn hostile_texts_are_refused_early() {
    let deep = |depth: usize| format!("{}cpu > 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(deep(32).parse::<Condition>().is_ok());
    assert!(refusal(&deep(33)).contains("at most 32 parentheses within each other"));
    assert!(refusal(&deep(100_000)).contains("at most 1024 bytes\nhelp: make several guards of it"));
    let many = |count: usize| vec!["cpu > 1"; count].join(" or ");
    assert!(many(32).parse::<Condition>().is_ok());
    assert!(refusal(&many(33)).contains("at most 32 comparisons"));
    let dense = format!("query({})>1 and query({})>1", "a".repeat(500), "b".repeat(499));
    assert_eq!(dense.len(), 1022);
    assert!(refusal(&dense).contains("at most 1024 bytes when written with spaces"));
    assert!(refusal(&"ß".repeat(4000)).len() < 400);
    // Sums up to the largest duration there is, where humantime itself would overflow.
    assert!(refusal("cpu > 1 for 18446744073709551615s1000ms").contains("at most 12 digits"));
    assert!(refusal("cpu > 1 for 999999999999y 999999999999y").contains("expected a"));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(condition in arbitrary::condition()) {
        let text = condition.to_string();
        prop_assert_eq!(read(&text), condition, "{}", text);
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC*") {
        let _ = text.parse::<Condition>().map_err(|error| error.to_string());
    }

    #[test]
    fn no_nearly_right_text_is_too_strange(words in prop::collection::vec(prop::sample::select(vec![
        "error_rate", "p95", "memory", "query(", "a)", ">", "<=", "5", "%", "2", "x", "stable", "for", "and", "or",
        "(", ")", "m", "ms", "1h", "30m", "GiB", "/s", ".", "-", " ", "  ", "é", "\n", "\u{0}",
    ]), 0..20)) {
        if let Ok(condition) = words.concat().parse::<Condition>() {
            prop_assert_eq!(read(&condition.to_string()), condition);
        }
    }
}
