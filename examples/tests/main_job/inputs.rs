use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use crate::program::Program;

#[test]
fn what_makes_no_sense_is_refused_with_one_message() {
    let cases: [(&[&str], &str); 14] = [
        (&["--strategy", "big-bang"], "[possible values: rolling, blue-green, canary, ab]"),
        (&["--candidate", "sleepy"], "[possible values: healthy, failing, slow, crashing, leaking]"),
        (&["--weights", "10,5"], "5% does not come after 10%"),
        (&["--weights", "10,120"], "120"),
        (&["--weights", "10,,100"], "weight"),
        (&["--weights", "10,100", "--strategy", "rolling"], "--weights are the steps of a canary"),
        (&["--interval", "soon"], "write a time such as 5s"),
        (&["--interval", "0s"], "from 100ms to 24h"),
        (&["--interval", "584942417355y1000y"], "from 100ms to 24h"),
        (&["--replicas", "0"], "0 is not in 1..=50"),
        (&["--guard", "eror_rate > 5% for 2s"], "\neror_rate > 5% for 2s\n^ expected"),
        (&["--guard", "error_rate > 5 for 2s"], "\nerror_rate > 5 for 2s\n              ^ expected"),
        (&["--guard", "query(backlog) > 5"], "query(backlog)"),
        (&["--guard", "memory > 1GiB"], "memory"),
    ];
    let programs = cases.map(|(arguments, _)| Program::start(arguments));
    for (program, (_, reason)) in programs.into_iter().zip(cases) {
        program.end().assert_refused(reason);
    }
}

#[test]
fn a_port_in_use_is_refused_by_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    Program::run(&["--port", &port]).assert_refused(&format!("cannot listen on 127.0.0.1:{port}"));
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "mine").unwrap();
    Program::run(&["--state", file.to_str().unwrap()]).assert_refused("a-file");
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn a_refusal_leaves_the_directory_free_for_what_makes_sense() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    Program::run(&["--state", state, "--guard", "query(backlog) > 5"]).assert_refused("query(backlog)");
    let mut program = Program::start(&["--state", state]);
    program.until("scale-candidate-1 begins");
}

#[test]
fn a_damaged_file_of_any_kind_is_refused_by_its_name_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let mut begun = Program::start_short(&["--state", state]);
    begun.until("25% to the candidate");
    begun.kill();
    for nth in 0..4 {
        // Listed anew each time, since each process that takes hold of the rollout renames its record.
        let file = files(directory.path().into()).swap_remove(nth);
        let whole = fs::read(&file).unwrap();
        let half = &whole[..whole.len() / 2];
        fs::write(&file, half).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        Program::run(&["--state", state]).assert_refused(name);
        assert_eq!(fs::read(&file).unwrap(), half, "{name} was overwritten");
        fs::write(&file, whole).unwrap();
    }
    let ended = Program::start_short(&["--state", state]).end();
    ended.assert_code(0);
}

/// All files that hold something, in order.
fn files(directory: PathBuf) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![directory]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert_eq!(found.len(), 4, "what was asked, the routing, the servers and the record: {found:?}");
    found
}
