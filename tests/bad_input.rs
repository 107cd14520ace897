//! Input that is damaged, hostile, or no trace at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{capture, class, command, facts, ip6drop, json, number, stderr, stdout, unwrapped};
use flate2::write::GzEncoder;

/// The program on these bytes as standard input.
fn on(input: &[u8], args: &[&str]) -> std::process::Output {
    command()
        .arg("report")
        .args(args)
        .write_stdin(input)
        .output()
        .unwrap()
}

fn fails(output: &std::process::Output, with: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(output));
    assert!(stderr(output).contains(with), "{}", stderr(output));
    assert!(
        stderr(output).starts_with("ip6drop: "),
        "{}",
        stderr(output)
    );
}

fn exhausted() -> Vec<u8> {
    std::fs::read(capture("4.19-fp/exhausted")).unwrap()
}

#[test]
fn what_cannot_be_opened() {
    fails(&ip6drop(["report", "/no/such/file"]), "no such file");
    let nothing = tempfile::tempdir().unwrap();
    let dir = nothing.path().to_str().unwrap();
    for format in ["text", "ndjson"] {
        let output = ip6drop(["report", "--format", format, dir]);
        fails(&output, "no trace among the 0 files in it; hidden files");
    }
    fails(&on(b"", &[]), "is empty");
    fails(&on(b"\n\n  \n", &[]), "is empty");
    fails(
        &on(b"hello\nworld\n", &[]),
        "no trace found in 2 lines; the first is: hello",
    );
    for command in ["report", "merge"] {
        let output = ip6drop([command, "-", "-"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(stderr(&output).contains("once only"), "{command}");
    }
}

#[test]
fn a_count_that_cannot_be_is_refused() {
    for duration in ["0s", "5ms", "25h", "soon"] {
        let output = ip6drop(["funnel", "--duration", duration]);
        assert_eq!(output.status.code(), Some(2), "{duration}");
        assert!(stderr(&output).contains("--duration"), "{duration}");
    }
    for (option, value) in [
        ("--src", "10.0.0.1"),
        ("--dst", "fd00::/129"),
        ("--dev", "eth 0"),
    ] {
        let output = ip6drop(["funnel", option, value]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(stderr(&output).contains(option), "{option}");
    }
    let output = ip6drop(["funnel", "--tracefs", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(3));
    // Whoever is not root hears of that first.
    let said = stderr(&output);
    assert!(
        said.contains("/nowhere/at/all") || said.contains("sudo ip6drop"),
        "{said}"
    );
    assert_eq!(stdout(&output), "");
}

#[test]
fn a_lab_that_cannot_be_is_refused() {
    for words in [
        &["fully"][..],
        &["--duration", "0s"],
        &["--for", "2m"],
        &["--duration", "soon"],
        &["--keep", "--list"],
    ] {
        let output = ip6drop([&["lab"], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert_eq!(stdout(&output), "");
    }
    let output = ip6drop(["lab", "--tracefs", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(
        said.contains("/nowhere/at/all") || said.contains("sudo ip6drop"),
        "{said}"
    );
    assert_eq!((stdout(&output), said.lines().count()), (String::new(), 1));
}

#[test]
fn scenarios_are_listed_for_anybody() {
    let output = ip6drop(["lab", "--list"]);
    assert_eq!(output.status.code(), Some(0));
    let listed = stdout(&output);
    for name in ["full ", "no-route ", "never-stopping ", "remedy "] {
        assert!(listed.contains(name), "{listed}");
    }
}

#[test]
fn a_copy_that_cannot_be_kept_is_no_fault_of_the_input() {
    let dat = [b"\x17\x08\x44tracing6\0".as_slice(), &[0; 64]].concat();
    for (format, bytes) in [("ndjson", exhausted()), ("text", dat)] {
        let output = command()
            .args(["report", "--format", format])
            .env("TMPDIR", "/no/such/directory")
            .write_stdin(bytes)
            .output()
            .unwrap();
        fails(
            &output,
            "-: cannot keep a copy of it in /no/such/directory: ",
        );
        assert!(stderr(&output).ends_with("; set TMPDIR to a directory with room\n"));
    }
}

#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, exhausted()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // Root reads everything: give the rights of root up, if that is possible here.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let binary = dir.path().join("ip6drop");
        // By another process: see the same in tests/status_tree.rs.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_ip6drop"))
            .arg(&binary)
            .status();
        assert!(copied.unwrap().success());
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .arg("report")
            .arg(&path)
            .output()
            .unwrap();
        fails(&output, "permission denied");
    } else {
        fails(
            &ip6drop(["report".as_ref(), path.as_os_str()]),
            "permission denied",
        );
    }
}

#[test]
fn binary_data_is_no_trace() {
    let bytes: Vec<u8> = (0..100_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    fails(&on(&bytes, &[]), "no trace found");
    fails(&on(&[0; 4096], &[]), "no trace found in 1 lines");
    fails(&on(&[0x1f, 0x8b, 1, 2, 3], &[]), "gzip");
}

#[test]
fn what_another_program_must_read_first() {
    for (bytes, command) in [
        (b"PERFILE2h\0\0\0".as_slice(), "perf script -i FILE"),
        (b"\xff\xfe \0p\0\n\0", "iconv -f UTF-16 -t UTF-8 FILE"),
        (b"\xfe\xff\0 \0p\0\n", "iconv -f UTF-16 -t UTF-8 FILE"),
    ] {
        let output = on(bytes, &[]);
        fails(&output, &format!("; try: {command} | ip6drop report -\n"));
        assert_eq!(stderr(&output).lines().count(), 1);
    }
    fails(
        &on(b"BZ\n", &[]),
        "the first is: BZ; give the text of trace_pipe",
    );
}

#[test]
fn one_bad_input_does_not_hide_the_others() {
    let path = capture("4.19-fp/exhausted").display().to_string();
    let output = ip6drop(["report", "--format", "json", "/no/such/file", &path]);
    fails(&output, "no such file");
    let report = json(&output);
    assert_eq!(class(&report, "rcv-dst-alloc")[0], 48);
    assert_eq!(number(&report["health"]["broken_inputs"]), 1);
    let names: [&str; 2] = ["/no/such/file", &path];
    assert_eq!(report["source"]["inputs"], serde_json::json!(names));
}

#[test]
fn what_is_in_an_input_that_gives_nothing_is_not_clean() {
    let quiet = b"# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: lost 0 0\n";
    let status = |args: &[&str]| {
        let output = on(quiet, args);
        (
            output.status.code(),
            json(&output)["verdict"]["exit"].clone(),
        )
    };
    let json = ["--format", "json", "-"];
    assert_eq!(status(&json), (Some(0), 0.into()));
    let with_another = [&json[..], &["/no/such/file"]].concat();
    assert_eq!(status(&with_another), (Some(1), 13.into()));
    // Counters that agree with what was read say nothing of what was not.
    let facts = facts("4.19-fp/exhausted").display().to_string();
    let trace = capture("4.19-fp/exhausted").display().to_string();
    let output = ip6drop([
        "report",
        "--format",
        "json",
        "--facts",
        &facts,
        &trace,
        "/no/such/file",
    ]);
    let report = common::json(&output);
    assert_eq!(report["control"]["in_no_routes"], serde_json::Value::Null);
}

#[test]
fn damage_inside_a_trace_is_counted_and_shown() {
    let mut text = exhausted();
    text.splice(
        0..0,
        *b"root@node:~# cat trace_pipe\n\xff\xfe\x00 garbage \x1b[31m\n",
    );
    let output = on(&text, &["--format", "json"]);
    let report = json(&output);
    assert_eq!(class(&report, "rcv-dst-alloc")[0], 48);
    assert_eq!(number(&report["health"]["unparsed_lines"]), 2);
    assert_eq!(
        report["health"]["unparsed_samples"][0],
        "root@node:~# cat trace_pipe"
    );
    assert!(!stdout(&on(&text, &[])).contains('\x1b'));
}

#[test]
fn line_ends_of_other_systems_and_log_prefixes() {
    let text = String::from_utf8(exhausted()).unwrap();
    let plain = json(&on(text.as_bytes(), &["--format", "json"]));
    for (name, changed) in [
        ("CRLF", text.replace('\n', "\r\n")),
        (
            "log prefix",
            text.lines()
                .map(|l| format!("2026-11-23T10:00:00.000Z node-7 {l}\n"))
                .collect(),
        ),
        (
            "indented",
            text.lines().map(|l| format!("    {l}\n")).collect(),
        ),
        ("quoted", text.lines().map(|l| format!("> {l}\n")).collect()),
    ] {
        let report = json(&on(changed.as_bytes(), &["--format", "json"]));
        for key in ["drops", "per_cpu", "gc", "stacks", "tasks"] {
            assert_eq!(report[key], plain[key], "{name}: {key}");
        }
        assert_eq!(number(&report["health"]["unparsed_lines"]), 0, "{name}");
    }
}

#[test]
fn cut_off_text_and_gzip() {
    let text = exhausted();
    let whole = text.len();
    for cut in [whole - 1, whole - 7, whole / 2, 5000] {
        let output = on(&text[..cut], &["--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        common::check_sums("cut", &json(&output));
    }
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&text).unwrap();
    let zipped = encoder.finish().unwrap();
    let report = json(&on(&zipped, &["--format", "json"]));
    assert_eq!(class(&report, "rcv-dst-alloc")[0], 48);
    let twice = [zipped.clone(), zipped.clone()].concat();
    assert_eq!(
        class(&json(&on(&twice, &["--format", "json"])), "rcv-dst-alloc")[0],
        96
    );
    let output = on(&zipped[..zipped.len() / 2], &["--format", "json"]);
    fails(&output, "cut-off gzip");
    let report = json(&output);
    assert!(
        number(&report["drops"]["total"]) > 0,
        "what could be read is reported"
    );
    assert_eq!(number(&report["health"]["broken_inputs"]), 1);
}

#[test]
fn numbers_that_are_too_large() {
    let line = |pid: &str, cpu: &str| {
        format!(
            "         python3-{pid}  [{cpu}] ..s1    52.560614: ip6_pkt_drop <-ip6_pkt_discard\n"
        )
    };
    let text = line("1", "4294967295")
        + &line("18446744073709551615", "0")
        + &line("1", "4294967296")
        + &line("18446744073709551616", "0");
    let report = json(&on(text.as_bytes(), &["--format", "json"]));
    assert_eq!(number(&report["drops"]["total"]), 2);
    assert_eq!(number(&report["health"]["unparsed_lines"]), 2);
    let rows = report["per_cpu"].as_array().unwrap();
    assert_eq!(number(&rows[1]["cpu"]), 4_294_967_295);
    assert_eq!(number(&report["tasks"][1]["pid"]), u64::MAX);
}

/// Runs the program with at most this much address space, and feeds it.
fn within_memory(kilobytes: u64, feed: impl FnOnce(&mut dyn Write)) -> std::process::Output {
    let mut child = Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {kilobytes}; exec \"$0\" report --format json"),
        ])
        .arg(env!("CARGO_BIN_EXE_ip6drop"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    feed(&mut stdin);
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_line_of_one_gibibyte() {
    let output = within_memory(100_000, |out| {
        let block = vec![b'x'; 1 << 20];
        for _ in 0..1024 {
            out.write_all(&block).unwrap();
        }
        out.write_all(b"\n").unwrap();
        out.write_all(&exhausted()).unwrap();
    });
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(number(&report["health"]["unparsed_lines"]), 1);
    assert_eq!(class(&report, "rcv-dst-alloc")[0], 48);
}

#[test]
fn a_million_distinct_stacks() {
    let output = within_memory(400_000, |out| {
        let mut out = std::io::BufWriter::new(out);
        for n in 0..1_000_000 {
            write!(
                out,
                "              cc-7     [002] ..s1    52.560614: ip6_pkt_drop <-ip6_pkt_discard\n\
                 \x20             cc-7     [002] ..s1    52.560614: <stack trace>\n => ip6_pkt_drop\n => f{n}\n"
            )
            .unwrap();
        }
    });
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(number(&report["drops"]["total"]), 1_000_000);
    assert_eq!(number(&report["health"]["stacks"]), 1_000_000);
    assert!(number(&report["health"]["stacks_beyond"]) > 0);
}

#[test]
fn more_live_tasks_and_cpus_than_are_followed() {
    let output = within_memory(200_000, |out| {
        let mut out = std::io::BufWriter::new(out);
        for n in 0..200_000u32 {
            let cpu = n.wrapping_mul(2_654_435_761);
            writeln!(out, "              cc-{n:<7} [{cpu:03}] ..s1    52.560614: ip6_pkt_drop <-ip6_pkt_discard").unwrap();
        }
    });
    let report = json(&output);
    common::check_sums("many", &report);
    assert_eq!(number(&report["drops"]["total"]), 200_000);
}

#[test]
fn a_closed_pipe_is_quiet() {
    let output = Command::new("sh")
        .args([
            "-c",
            "\"$0\" report --format ndjson \"$1\" | head -n 1 >/dev/null",
        ])
        .arg(env!("CARGO_BIN_EXE_ip6drop"))
        .arg(capture("4.19-fp/alternating"))
        .output()
        .unwrap();
    assert_eq!(stderr(&output), "");
    // The program's own status, with its reader gone before it starts to write.
    let mut child = Command::new(env!("CARGO_BIN_EXE_ip6drop"))
        .args(["report", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(&exhausted()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_full_disk_is_an_error() {
    let path = capture("4.19-fp/exhausted").display().to_string();
    for format in ["text", "json", "ndjson", "folded"] {
        let output = ip6drop(["report", "--format", format, "-o", "/dev/full", &path]);
        fails(&output, "No space left on device");
    }
}

#[test]
fn a_report_never_destroys_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace");
    std::fs::write(&path, exhausted()).unwrap();
    let output = ip6drop([
        "report".as_ref(),
        "-o".as_ref(),
        path.as_os_str(),
        path.as_os_str(),
    ]);
    fails(&output, "is an input");
    assert_eq!(std::fs::read(&path).unwrap(), exhausted());
    for format in ["text", "ndjson"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ip6drop"))
            .args(["report", "--format", format, "-o"])
            .arg(&path)
            .stdin(std::fs::File::open(&path).unwrap())
            .output()
            .unwrap();
        fails(&output, "is an input");
        assert_eq!(std::fs::read(&path).unwrap(), exhausted(), "{format}");
    }
}

#[test]
fn a_report_never_destroys_its_facts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("facts").display().to_string();
    let kept = std::fs::read(facts("4.19-fp/exhausted")).unwrap();
    std::fs::write(&path, &kept).unwrap();
    let trace = capture("4.19-fp/exhausted").display().to_string();
    let output = ip6drop(["report", "--facts", &path, "-o", &path, &trace]);
    fails(&output, "is an input");
    assert_eq!(std::fs::read(&path).unwrap(), kept);
}

#[test]
fn names_from_the_trace_never_reach_the_terminal_raw() {
    let text =
        b"   \x1b]0;x\x07\x1b[31mE-7     [002] ..s1    52.560614: ip6_pkt_drop <-ip6_pkt_discard\n";
    for format in ["text", "json", "ndjson", "folded"] {
        let output = on(text, &["--format", format]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            !output.stdout.contains(&0x1b) && !output.stdout.contains(&7),
            "{format}"
        );
    }
    assert_eq!(
        number(&json(&on(text, &["--format", "json"]))["drops"]["total"]),
        1
    );
}

#[test]
fn bad_facts_are_named() {
    let path = capture("4.19-fp/exhausted").display().to_string();
    fails(
        &ip6drop(["report", "--facts", "/no/such/file", &path]),
        "/no/such/file",
    );
    fails(
        &ip6drop(["report", "--facts", &path, &path]),
        "no facts found",
    );
}

/// A program that holds words of a trace is no trace.
#[test]
fn a_binary_is_no_trace_whatever_words_it_holds() {
    let text = b"\x7fELF\x02\x01\0\0\n# tracer: function\n => ip6_pkt_drop\n";
    fails(&on(text, &["-"]), "no trace found");
}

#[test]
fn a_recording_that_did_not_end_is_no_all_clear() {
    let preamble = "# ip6drop: version 1\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop\n\
                    # ip6drop: before Ip6InNoRoutes 7\n";
    let end = "# ip6drop: after Ip6InNoRoutes 7\n# ip6drop: lost 0 0\n";
    let said = |text: &str| {
        let output = on(text.as_bytes(), &["--exit-code"]);
        (output.status.code(), stdout(&output))
    };
    // Tracing was refused half-way, or the recording is still being written.
    let (exit, text) = said(preamble);
    assert_eq!(exit, Some(13), "{text}");
    let text = unwrapped(&text);
    let (first, _) = text.split_once(" Trace ").unwrap();
    assert!(first.contains("cut off or never began"), "{text}");
    assert!(text.contains("1 recording is not finished"), "{text}");
    let (exit, text) = said(&format!("{preamble}{end}"));
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.starts_with("No IPv6 drop in this trace."), "{text}");
}

#[test]
fn a_sample_is_cut_and_a_count_is_capped() {
    let long = format!("{}\n", "no trace at all ".repeat(100));
    let most = u64::from(u32::MAX);
    let log = "dst_alloc: 99999999999 callbacks suppressed\n".repeat(2);
    let map =
        "@[\n    ip6_pkt_drop+5\n    ip6_pkt_discard+12\n    ip6_input_finish+7\n]: 99999999999\n";
    let bytes = [&exhausted()[..], long.as_bytes(), log.as_bytes()].concat();
    let report = json(&on(&bytes, &["--format", "json"]));
    let sample = report["health"]["unparsed_samples"][0].as_str().unwrap();
    assert_eq!(sample, &long[..160]);
    assert_eq!(report["health"]["log_suppressed"], 2 * most);
    let counted = json(&on(map.as_bytes(), &["--format", "json"]));
    assert_eq!(counted["drops"]["total"], most);
}
