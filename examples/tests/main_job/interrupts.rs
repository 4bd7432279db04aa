#![cfg(unix)]

use crate::program::Program;

#[test]
fn one_interrupt_takes_traffic_back_and_ends_cleanly() {
    for output in ["text", "json"] {
        let mut program = Program::start(&["--output", output]);
        program.until("10% to the candidate");
        program.interrupt();
        program.until("the candidate's traffic is off");
        let ended = program.end();
        ended.assert_code(1);
        let (text, summary) = match output {
            "json" => (&ended.stderr, Some(ended.summary())),
            _ => (&ended.stdout, None),
        };
        assert!(text.iter().any(|line| line.contains("v2 was aborted")), "{ended:#?}");
        assert!(text.iter().any(|line| line.contains(" 0 failed")), "{ended:#?}");
        if let Some(summary) = summary {
            assert_eq!((&summary["outcome"], &summary["failed"]), (&"aborted".into(), &0.into()));
            assert!(summary["trigger_to_off_ms"].is_u64(), "{summary}");
        }
    }
}

#[test]
fn a_second_interrupt_leaves_at_once_and_a_later_run_ends_the_abort() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--state", directory.path().to_str().unwrap(), "--output", "json"];
    let mut program = Program::start(&arguments);
    program.until("10% to the candidate");
    program.interrupt();
    program.until("the candidate's traffic is off");
    program.interrupt();
    let ended = program.end();
    ended.assert_code(3);
    assert_eq!(ended.summary()["outcome"], "failed", "{ended:#?}");

    let later = Program::run(&arguments);
    later.assert_code(1);
    assert_eq!(later.summary()["outcome"], "aborted", "{later:#?}");
}

#[test]
fn an_interrupt_before_anybody_met_the_candidate_has_nothing_to_take_off() {
    let mut program = Program::start(&["--output", "json"]);
    program.until("scale-candidate-1 begins");
    program.interrupt();
    let ended = program.end();
    ended.assert_code(1);
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "aborted", "{ended:#?}");
}

#[test]
fn an_interrupt_after_the_promotion_comes_too_late_and_says_so() {
    let mut program = Program::start_short(&[]);
    program.until("return begins");
    program.interrupt();
    let ended = program.end();
    ended.assert_code(0);
    assert!(ended.stdout.iter().any(|line| line.contains("came too late")), "{ended:#?}");
}
