use crate::program::{Ended, Program};

fn end(candidate: &str, more: &[&str]) -> Program {
    let arguments = ["--candidate", candidate, "--output", "json", "--rate", "200"];
    Program::start(&[&arguments, more].concat())
}

fn assert_taken_back(ended: &Ended, reason: &str) {
    ended.assert_code(1);
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "rolled_back", "{ended:#?}");
    assert!(summary["reason"].as_str().unwrap().contains(reason), "{summary}");
    assert!(summary["trigger_to_off_ms"].as_u64() < Some(1000), "{summary}");
}

#[test]
fn each_bad_candidate_is_taken_back_for_its_own_reason() {
    let cases = [
        ("failing", "error_rate > 5% for 2s: error_rate was "),
        ("slow", "p95 > 250ms for 3s: p95 was "),
        ("crashing", "v2 died at request 40"),
        ("leaking", "p95 > 250ms for 3s: p95 was "),
    ];
    let programs = cases.map(|(candidate, _)| end(candidate, &[]));
    for (program, (candidate, reason)) in programs.into_iter().zip(cases) {
        let ended = program.end();
        assert_taken_back(&ended, reason);
        let told = ended.stderr.join("\n");
        assert!(told.contains("hurt ") && told.contains("off "), "{candidate}: {told}");
        assert_eq!(candidate == "crashing", !told.contains("since "), "{candidate}: {told}");
        let unhurt = matches!(candidate, "slow" | "leaking");
        assert_eq!(ended.summary()["failed"] == 0, unhurt, "{candidate}: {told}");
    }
}

#[test]
fn each_strategy_takes_a_failing_candidate_back() {
    let strategies = ["blue-green", "ab", "rolling"];
    let programs = strategies.map(|strategy| end("failing", &["--strategy", strategy]));
    for program in programs {
        assert_taken_back(&program.end(), "error_rate > 5% for 2s");
    }
}

#[test]
fn guards_of_ones_own_take_the_place_of_the_usual_ones() {
    let guard = "availability < 90% for 1s and p50 < 1s";
    assert_taken_back(&end("failing", &["--guard", guard]).end(), "availability");
}
