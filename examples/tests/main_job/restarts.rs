use crate::program::Program;

fn start(state: &str, more: &[&str]) -> Program {
    Program::start_short(&[&["--state", state, "--output", "json"], more].concat())
}

#[test]
fn a_rollout_that_is_killed_again_and_again_is_promoted_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let moments = [
        "the service answers",
        "scale-candidate-1 begins",
        "10% to the candidate",
        "bake-25% begins",
        "scale-candidate-3 begins",
        "expose-100% begins",
        "promote begins",
        "return begins",
        "retire-candidate begins",
    ];
    for nth in 0..moments.len() {
        let mut program = start(state, &[]);
        // A kill may come late on a busy machine: the next run then has a moment behind it that was to be waited for.
        program.until_any(&moments[nth..]);
        program.kill();
    }
    let ended = start(state, &[]).end();
    ended.assert_code(0);
    assert_eq!(ended.summary()["failed"], 0, "{ended:#?}");

    let again = start(state, &[]).end();
    again.assert_code(0);
    assert_eq!(again.summary()["outcome"], "promoted");
    assert!(again.stderr[0].contains("v2 was promoted already"), "{again:#?}");
}

#[test]
fn a_bad_candidate_is_still_bad_after_a_kill_whatever_the_second_run_asks() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let mut program = start(state, &["--candidate", "failing"]);
    program.until("10% to the candidate");
    program.kill();
    let ended = start(state, &["--candidate", "healthy"]).end();
    ended.assert_code(1);
    assert_eq!(ended.summary()["outcome"], "rolled_back", "{ended:#?}");
    assert!(ended.stderr[0].contains("as it was asked at first"), "{ended:#?}");

    let again = start(state, &[]).end();
    again.assert_code(1);
    assert!(again.summary()["reason"].as_str().unwrap().contains("error_rate > 5%"), "{again:#?}");
}

#[test]
fn a_rollback_that_is_killed_ends_as_a_rollback() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let mut program = start(state, &["--candidate", "failing"]);
    program.until("taken back");
    program.kill();
    let ended = start(state, &[]).end();
    ended.assert_code(1);
    assert_eq!(ended.summary()["outcome"], "rolled_back", "{ended:#?}");
}

#[test]
fn each_strategy_goes_on_after_a_kill() {
    let cases =
        [("rolling", "scale-stable-1 begins"), ("blue-green", "bake-100% begins"), ("ab", "bake begins")];
    let directories = cases.map(|_| tempfile::tempdir().unwrap());
    let states = directories.each_ref().map(|directory| directory.path().to_str().unwrap());
    let begun = [0, 1, 2].map(|nth| start(states[nth], &["--strategy", cases[nth].0]));
    for (mut program, (_, moment)) in begun.into_iter().zip(cases) {
        program.until(moment);
        program.kill();
    }
    let resumed = states.map(|state| start(state, &[]));
    for (program, (strategy, _)) in resumed.into_iter().zip(cases) {
        let ended = program.end();
        ended.assert_code(0);
        assert_eq!(ended.summary()["failed"], 0, "{strategy}: {ended:#?}");
    }
}

#[test]
fn of_two_processes_on_one_directory_the_second_says_who_drives() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let mut first = start(state, &[]);
    first.until("10% to the candidate");
    Program::run(&["--state", state]).assert_refused("is driven by process ");
    let ended = first.end();
    ended.assert_code(0);
    assert_eq!(ended.summary()["failed"], 0, "{ended:#?}");
}
