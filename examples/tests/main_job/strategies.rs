use crate::program::Program;

const ALL: [&str; 4] = ["canary", "blue-green", "ab", "rolling"];

#[test]
fn a_healthy_candidate_is_promoted_and_no_request_is_lost() {
    let programs = ALL.map(|strategy| Program::start_short(&["--strategy", strategy, "--output", "json"]));
    for (program, strategy) in programs.into_iter().zip(ALL) {
        let ended = program.end();
        ended.assert_code(0);
        assert_eq!(ended.stdout.len(), 1, "{strategy}: {ended:#?}");
        let summary = ended.summary();
        assert_eq!((&summary["outcome"], &summary["failed"]), (&"promoted".into(), &0.into()), "{strategy}");
        assert!(
            summary["requests"].as_u64() > Some(0) && summary["trigger_to_off_ms"].is_null(),
            "{summary}"
        );
        let keys: Vec<&String> = summary.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["duration_ms", "failed", "outcome", "reason", "requests", "trigger_to_off_ms"]);
    }
}

#[test]
fn weights_of_ones_own_are_taken_and_text_tells_each_step() {
    let mut program = Program::start_short(&["--weights", "1,12.5,100", "--replicas", "2"]);
    for line in ["scale-candidate-1", "1% to the candidate", "12.5% to the candidate", "promoted"] {
        program.until(line);
    }
    let ended = program.end();
    ended.assert_code(0);
    assert!(ended.stdout.iter().any(|line| line.contains("v2 was promoted")), "{ended:#?}");
    assert!(ended.stderr.is_empty(), "{ended:#?}");
}

#[test]
fn a_dry_run_prints_the_plan_and_does_nothing() {
    for strategy in ALL {
        let ended = Program::run(&["--dry-run", "--strategy", strategy, "--interval", "1h"]);
        ended.assert_code(0);
        let text = ended.stdout.join("\n");
        assert!(text.contains("v1 -> v2") && text.contains("watch for 1h"), "{text}");
        assert!(text.contains("error_rate > 5% for 2s") && text.contains("the way back"), "{text}");
    }
    let plan = Program::run(&["--dry-run", "--output", "json"]).summary();
    assert_eq!(plan["candidate"], "v2");
}
