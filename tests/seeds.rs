//! The seed of the hashes is another in each run and shows in no output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use common::capture;
use ip6drop::inside::cli::Cli;
use ip6drop::inside::{commands, hash};

/// Where the other process finds its seed and its inputs, and leaves what it wrote.
const SEED: &str = "SEED_OF_THE_TEST";
const OUTPUT: &str = "OUTPUT_OF_THE_TEST";
const INPUTS: &str = "INPUTS_OF_THE_TEST";

const FORMATS: [&str; 7] = [
    "text",
    "json",
    "ndjson",
    "folded",
    "html",
    "markdown",
    "prometheus",
];

/// More stacks, tasks, CPUs and destinations than any table begins with.
fn many(dir: &Path) -> PathBuf {
    let mut text = String::from("# tracer: function\n#\n");
    for n in 0..3000_u32 {
        let start = format!(
            "{:>16}-{} [{:03}] ..s1 {}.{:06}: ",
            format!("task{}", n % 700),
            1000 + n % 900,
            n % 37 * 400,
            100 + n / 1000,
            n % 1000 * 1000
        );
        let kind = ["ip6_pkt_discard", "ip6_pkt_prohibit"][n as usize % 2];
        text += &format!("{start}ip6_pkt_drop <-{kind}\n{start}<stack trace>\n");
        text += &format!(
            " => ip6_pkt_drop\n => {kind}\n => f{}\n => g{}\n",
            n % 800,
            n % 3
        );
    }
    let path = dir.join("many.txt");
    std::fs::write(&path, text).unwrap();
    path
}

/// What a process with this seed writes of these inputs, format after format.
fn outputs(seed: u64, inputs: &[PathBuf]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_process_with_a_seed", "--"])
        .env(SEED, seed.to_string())
        .env(OUTPUT, dir.path())
        .env(INPUTS, std::env::join_paths(inputs).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let file = |format: &&str| std::fs::read(dir.path().join(format)).unwrap();
    FORMATS.iter().flat_map(file).collect()
}

#[test]
#[ignore = "is run by the others, as a process of its own for each seed"]
fn the_process_with_a_seed() {
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    assert!(hash::choose(seed), "a table was made before");
    let dir = PathBuf::from(std::env::var_os(OUTPUT).unwrap());
    let inputs = std::env::var_os(INPUTS).unwrap();
    for format in FORMATS {
        let file = dir.join(format);
        let words = ["ip6drop", "report", "--format", format, "-o"];
        let words = words.map(PathBuf::from).into_iter().chain([file.clone()]);
        let _ = commands::run(Cli::parse_from(words.chain(std::env::split_paths(&inputs))));
        assert!(file.metadata().unwrap().len() > 0, "{format}");
    }
}

#[test]
fn the_output_is_the_same_under_every_seed() {
    let dir = tempfile::tempdir().unwrap();
    for inputs in [
        vec![many(dir.path())],
        vec![
            capture("4.19-orc/alternating-probes"),
            capture("4.19-identity/iif"),
            capture("4.19-fp/lost"),
        ],
    ] {
        let first = outputs(1, &inputs);
        for seed in [0, u64::MAX] {
            assert!(outputs(seed, &inputs) == first, "seed {seed}, {inputs:?}");
        }
    }
}
