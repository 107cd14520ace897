//! Pages of a 6.1 kernel and made ones, handed out CPU by CPU as the kernel would.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;

use crate::host::Host;
use crate::tracefs::files::{Pipe, TraceFs, read_some};
use crate::tracefs::pages::names::{Comms, Symbols};
use crate::tracefs::pages::reader::PageReader;
use crate::tracefs::pages::source::Source;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/6.1-pages/", $name))
    };
}

const PAGE: usize = 4096;

/// What a reading of one CPU answers, in order.
type Answers = Rc<RefCell<VecDeque<Result<Vec<u8>, Errno>>>>;

/// An instance `x` with two CPUs.
struct Fake {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    cpus: [Answers; 2],
    log: RefCell<Vec<String>>,
}

struct FakeCpu(Answers);

impl Read for FakeCpu {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let answer = self.0.borrow_mut().pop_front();
        let page = answer.unwrap_or(Err(Errno::AGAIN))?;
        buffer[..page.len()].copy_from_slice(&page);
        Ok(page.len())
    }
}

impl Pipe for FakeCpu {
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl TraceFs for Fake {
    fn root(&self) -> &Path {
        Path::new("/fake")
    }
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.log.borrow_mut().push(path.to_owned());
        let found = self.files.borrow().get(path).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn write(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn append(&self, path: &str, data: &[u8]) -> io::Result<()> {
        self.write(path, data)
    }
    fn mkdir(&self, path: &str) -> io::Result<()> {
        self.write(path, b"")
    }
    fn rmdir(&self, path: &str) -> io::Result<()> {
        self.write(path, b"")
    }
    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        assert_eq!(path, "x/per_cpu");
        let names = self.files.borrow().get("cpus").cloned().unwrap_or_default();
        let names = String::from_utf8_lossy(&names).into_owned();
        Ok(names.lines().map(str::to_owned).collect())
    }
    fn exists(&self, path: &str) -> bool {
        self.files.borrow().contains_key(path)
    }
    fn pipe(&self, path: &str) -> io::Result<Box<dyn Pipe>> {
        let cpu = match path {
            "x/per_cpu/cpu0/trace_pipe_raw" => 0,
            "x/per_cpu/cpu1/trace_pipe_raw" => 1,
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Box::new(FakeCpu(Rc::clone(&self.cpus[cpu]))))
    }
}

fn formats() -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(fixture!("formats")).into_owned();
    let formats = text.split("name: ").skip(1).map(|text| {
        let name = text.lines().next().unwrap().to_owned();
        (name, format!("name: {text}"))
    });
    formats.collect()
}

fn fake() -> Fake {
    let heading = String::from_utf8_lossy(fixture!("trace")).into_owned();
    let heading = heading.split_inclusive('\n').take(12).collect::<String>();
    let mut files = BTreeMap::from([
        (
            "x/events/header_page".into(),
            fixture!("header_page").to_vec(),
        ),
        ("x/trace".into(), heading.into_bytes()),
        ("x/trace_clock".into(), b"[local] global counter\n".to_vec()),
        ("x/options/sym-offset".into(), b"0\n".to_vec()),
        ("saved_cmdlines".into(), fixture!("saved_cmdlines").to_vec()),
        ("cpus".into(), b"cpu0\ncpu1\nx\n".to_vec()),
    ]);
    for (name, text) in formats() {
        for of in ["events/ftrace", "x/events/g"] {
            files.insert(format!("{of}/{name}/format"), text.clone().into_bytes());
        }
    }
    Fake {
        files: RefCell::new(files),
        cpus: [Answers::default(), Answers::default()],
        log: RefCell::default(),
    }
}

/// A host with the symbols of the fixture.
fn host(dir: &Path) -> Host {
    std::fs::write(dir.join("kallsyms"), fixture!("kallsyms")).unwrap();
    std::fs::write(dir.join("modules"), fixture!("modules")).unwrap();
    Host {
        proc: dir.to_owned(),
        sys: dir.to_owned(),
        state: "".into(),
    }
}

fn look(fake: &Fake, host: &Host) -> Result<Source, String> {
    let own = [
        "drop",
        "gc_enter",
        "gc_exit",
        "xmit",
        "out",
        "rin",
        "fib6_table_lookup",
    ];
    let own = own.map(|name| format!("x/events/g/{name}/"));
    let events = own.iter().map(String::as_str);
    Source::look(fake, "x/", events, host).map_err(|why| why.to_string())
}

fn reader<'a>(fake: &'a Fake, dir: &Path) -> PageReader<'a> {
    let source = look(fake, &host(dir)).unwrap();
    PageReader::open(fake, "x/", Rc::new(source)).unwrap()
}

/// Reads up to the next `WouldBlock`.
fn text(reader: &mut PageReader<'_>, size: usize) -> String {
    let mut text = Vec::new();
    let mut buffer = vec![0; size];
    while let Some(n) = read_some(reader, &mut buffer).unwrap() {
        text.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8(text).unwrap()
}

/// A page of marks at these times, whose text is their time.
fn marks(times: &[u64]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut before = times[0];
    for time in times {
        let mark = format!("{time:07}\n");
        records.extend((6 | ((time - before) as u32) << 5).to_le_bytes());
        records.extend([5, 0, 0, 0]);
        records.extend(109u32.to_le_bytes());
        records.extend(0x1234u64.to_le_bytes());
        records.extend(mark.bytes());
        before = *time;
    }
    let mut page = times[0].to_le_bytes().to_vec();
    page.extend((records.len() as u64).to_le_bytes());
    page.extend(records);
    page.resize(PAGE, 0);
    page
}

/// The marks in a text.
fn order(text: &str) -> Vec<u64> {
    let marks = text.lines().filter_map(|line| line.split(": ").nth(2));
    marks.map(|mark| mark.parse().unwrap()).collect()
}

#[test]
fn the_text_of_pages_is_that_of_the_kernel() {
    let theirs = String::from_utf8_lossy(fixture!("trace"));
    let theirs: String = theirs
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    // What is read is whole lines, however small the piece.
    for size in [300, 64 * 1024] {
        let fake = fake();
        let mut reader = reader(&fake, dir.path());
        let cpus: [&[u8]; 2] = [fixture!("raw0"), fixture!("raw1")];
        for (answers, bytes) in fake.cpus.iter().zip(cpus) {
            let pages = bytes.chunks(PAGE).map(|page| Ok(page.to_vec()));
            answers.borrow_mut().extend(pages);
        }
        reader.catch_up().unwrap();
        let mut buffer = vec![0; size];
        let first = reader.read(&mut buffer).unwrap();
        assert!(first <= 8192 && buffer[..first].ends_with(b"\n"));
        let rest = text(&mut reader, size);
        let ours = String::from_utf8_lossy(&buffer[..first]).into_owned() + &rest;
        assert_eq!(ours, theirs);
        assert_eq!(text(&mut reader, size), "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_are_whole_lines(changes in vec((0..3 * PAGE, any::<u8>()), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let fake = fake();
        let mut reader = reader(&fake, dir.path());
        let mut bytes = fixture!("raw0").to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let pages = bytes.chunks(PAGE).map(|page| Ok(page.to_vec()));
        fake.cpus[0].borrow_mut().extend(pages);
        reader.catch_up().unwrap();
        let mut buffer = vec![0; 2 * PAGE];
        while let Some(n) = read_some(&mut reader, &mut buffer).unwrap() {
            prop_assert!(n > 0 && buffer[..n].ends_with(b"\n"));
        }
        prop_assert!(reader.cpus_are_empty());
    }
}

#[test]
fn losses_are_told_in_front_of_the_first_event_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let fake = fake();
    let mut reader = reader(&fake, dir.path());
    let pages = fixture!("lost0").chunks(PAGE).map(|page| page.to_vec());
    let mut pages: Vec<_> = pages.collect();
    // The kernel had no room for the number: 6.1 says so by the one flag alone.
    pages[1][11] |= 0x80;
    // A page that cannot be read is lost as well.
    pages[1][9] = 0xff;
    fake.cpus[0].borrow_mut().extend(pages.into_iter().map(Ok));
    reader.catch_up().unwrap();
    let all = text(&mut reader, 64 * 1024);
    let lost: Vec<&str> = all.lines().filter(|l| l.starts_with("CPU")).collect();
    assert_eq!(lost, ["CPU:0 [LOST 149 EVENTS]", "CPU:0 [LOST EVENTS]"]);
    assert!(
        all.starts_with("CPU:0 [LOST 149 EVENTS]\n           <...>-164 "),
        "{all}"
    );
}

#[test]
fn events_wait_until_no_cpu_can_have_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let fake = fake();
    let mut reader = reader(&fake, dir.path());
    let give = |cpu: usize, times: &[u64]| fake.cpus[cpu].borrow_mut().push_back(Ok(marks(times)));
    give(0, &[1000, 3000]);
    give(1, &[2000]);
    assert_eq!(text(&mut reader, 9000), "");
    // Older than what was read before.
    give(1, &[2500, 4000]);
    assert_eq!(order(&text(&mut reader, 9000)), [1000, 2000, 2500, 3000]);
    assert_eq!(order(&text(&mut reader, 9000)), [4000]);
    assert_eq!(text(&mut reader, 9000), "");
    // All that there is now, in order.
    give(0, &[6000, 6500]);
    give(1, &[5000, 7000]);
    reader.catch_up().unwrap();
    assert_eq!(order(&text(&mut reader, 9000)), [5000, 6000, 6500, 7000]);
    // Printing takes its time, and what comes meanwhile is read, and comes later.
    give(0, &[7100]);
    reader.catch_up().unwrap();
    std::thread::sleep(Duration::from_millis(60));
    give(1, &[7200]);
    assert_eq!(order(&text(&mut reader, 9000)), [7100]);
    assert_eq!(fake.cpus[1].borrow().len(), 0);
    assert_eq!(order(&text(&mut reader, 9000)), [7200]);
    // A clock that goes back is no reason to keep anything.
    give(0, &[9000]);
    give(0, &[8000]);
    reader.catch_up().unwrap();
    assert_eq!(order(&text(&mut reader, 9000)), [9000, 8000]);
}

#[test]
fn what_is_held_has_a_limit_and_a_flood_does_not_hide_another_cpu() {
    let dir = tempfile::tempdir().unwrap();
    let fake = fake();
    let mut reader = reader(&fake, dir.path());
    reader.max_held = 8;
    // However long it takes.
    reader.between = Duration::MAX;
    let flood = |from: u64| {
        let pages = (from..from + 2).map(|n| Ok(marks(&[n * 1000])));
        fake.cpus[0].borrow_mut().extend(pages);
    };
    // Of each CPU two pages a round: the flood is cut, and only what it has shown is complete.
    flood(10);
    flood(12);
    fake.cpus[1]
        .borrow_mut()
        .push_back(Ok(marks(&[11_500, 20_000])));
    assert_eq!(text(&mut reader, 9000), "");
    let shown = order(&text(&mut reader, 9000));
    assert_eq!(shown, [10_000, 11_000, 11_500, 12_000, 13_000]);
    assert_eq!(order(&text(&mut reader, 9000)), [20_000]);
    // One page more than may be held: the oldest are handed out although they should wait.
    reader.max_held = 2;
    flood(30);
    fake.cpus[1].borrow_mut().push_back(Ok(marks(&[30_500])));
    fake.cpus[0].borrow_mut().push_back(Ok(marks(&[32_000])));
    assert_eq!(text(&mut reader, 9000), "");
    reader.max_held = 1;
    let shown = order(&text(&mut reader, 9000));
    assert_eq!(shown[..2], [30_000, 30_500]);
}

#[test]
fn cpus_without_a_buffer_and_failures() {
    let dir = tempfile::tempdir().unwrap();
    let fake = fake();
    let mut reader = reader(&fake, dir.path());
    let answer = |cpu: usize, answer| fake.cpus[cpu].borrow_mut().push_back(answer);
    answer(0, Err(Errno::NODEV));
    answer(1, Err(Errno::INTR));
    answer(1, Ok(marks(&[1000])));
    assert_eq!(text(&mut reader, 9000), "");
    answer(0, Err(Errno::NODEV));
    assert_eq!(order(&text(&mut reader, 9000)), [1000]);
    answer(0, Err(Errno::IO));
    assert!(read_some(&mut reader, &mut [0; 100]).is_err());
    assert!(reader.poll_fd().is_none());
}

#[test]
fn where_pages_cannot_be_printed_it_is_said_why() {
    let dir = tempfile::tempdir().unwrap();
    let whole = host(dir.path());
    assert!(look(&fake(), &whole).is_ok());
    let change = |path: &str, from: &str, to: &str| {
        let fake = fake();
        let text = fake.files.borrow().get(path).cloned().unwrap_or_default();
        let text = String::from_utf8(text).unwrap().replace(from, to);
        fake.files.borrow_mut().insert(path.to_owned(), text.into());
        look(&fake, &whole).unwrap_err()
    };
    for (path, from, to, why) in [
        (
            "x/events/header_page",
            "commit",
            "x",
            "events/header_page does not describe the header of a page",
        ),
        (
            "x/events/header_page",
            "size:4080",
            "size:0",
            "events/header_page describes pages of 16 bytes",
        ),
        (
            "x/events/header_page",
            "size:4080",
            "size:40800000",
            "events/header_page describes pages of 40800016 bytes",
        ),
        (
            "x/trace_clock",
            "[local]",
            "[x86-tsc]",
            "the clock x86-tsc is no time",
        ),
        (
            "x/trace",
            "TASK-PID",
            "TASK",
            "this kernel prints other columns in front of events",
        ),
        (
            "x/events/g/drop/format",
            "skb=0x%Lx",
            "skb=%p",
            "the event drop prints hashed pointers",
        ),
        (
            "events/ftrace/print/format",
            "buf",
            "x",
            "the format of an event says too little",
        ),
        (
            "cpus",
            "cpu1",
            "cpu2",
            "x/per_cpu/cpu2/trace_pipe_raw: entity not found",
        ),
        ("cpus", "cpu", "", "x/per_cpu: entity not found"),
    ] {
        assert_eq!(change(path, from, to), why);
    }
    for option in ["record-tgid", "printk-msg-only", "fields", "func-args"] {
        let fake = fake();
        fake.files
            .borrow_mut()
            .insert(format!("x/options/{option}"), b"1\n".to_vec());
        let why = look(&fake, &whole).unwrap_err();
        assert_eq!(why, format!("options/{option} is on"));
    }
    for missing in [
        "x/events/header_page",
        "x/trace",
        "x/trace_clock",
        "events/ftrace/function/format",
    ] {
        let fake = fake();
        fake.files.borrow_mut().remove(missing);
        let why = look(&fake, &whole).unwrap_err();
        assert_eq!(why, format!("{missing}: entity not found"));
    }
    let hidden = "/proc/kallsyms hides its addresses or is masked; see sysctl kernel.kptr_restrict";
    std::fs::write(dir.path().join("kallsyms"), "0000000000000000 T _stext\n").unwrap();
    assert_eq!(look(&fake(), &whole).unwrap_err(), hidden);
    std::fs::remove_file(dir.path().join("kallsyms")).unwrap();
    assert_eq!(look(&fake(), &whole).unwrap_err(), hidden);
    std::fs::create_dir(dir.path().join("self")).unwrap();
    let status = dir.path().join("self/status");
    std::fs::write(&status, "CapEff:\t0000000400000000\n").unwrap();
    assert_eq!(look(&fake(), &whole).unwrap_err(), hidden);
    std::fs::write(&status, "CapEff:\t00000000a80425fb\n").unwrap();
    let denied = look(&fake(), &whole).unwrap_err();
    assert!(
        denied.ends_with("add SYSLOG to the container's capabilities"),
        "{denied}"
    );
}

#[test]
fn a_module_that_is_loaded_meanwhile_has_names() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let symbols = Symbols::of(&host).unwrap();
    let place = 0xffff_ffff_c05b_0010;
    let printed = || {
        let mut out = b"in front ".to_vec();
        symbols.print(&mut out, |out, kallsyms| match kallsyms.find(place) {
            Some(_) => {
                out.extend(b"named");
                Vec::new()
            }
            None => {
                out.extend(b"bare");
                vec![place]
            }
        });
        String::from_utf8(out).unwrap()
    };
    let append = |name: &str, line: &str| {
        let mut text = std::fs::read_to_string(dir.path().join(name)).unwrap();
        text += line;
        std::fs::write(dir.path().join(name), text).unwrap();
    };
    assert_eq!(printed(), "in front bare");
    append("kallsyms", "ffffffffc05b0000 t late_function\t[late]\n");
    append("modules", "late 4096 0 - Live 0xffffffffc05b0000\n");
    // The address is known to have no name, until another one is met.
    assert_eq!(printed(), "in front bare");
    let mut out = Vec::new();
    symbols.print(&mut out, |_, kallsyms| match kallsyms.find(place + 8) {
        Some(_) => Vec::new(),
        None => vec![place + 8],
    });
    assert_eq!(printed(), "in front named");
}

#[test]
fn names_of_tasks_are_read_when_one_is_unknown_and_kept() {
    let fake = fake();
    let mut comms = Comms::new();
    let reads = || fake.log.borrow().len();
    assert_eq!(comms.name(&fake, 109), b"ping");
    assert_eq!(comms.name(&fake, 0), b"<idle>");
    assert_eq!(comms.name(&fake, 96), b"sh");
    assert_eq!(reads(), 1);
    let cmdlines = b"96 <...>\n7777 late one\n".to_vec();
    fake.files
        .borrow_mut()
        .insert("saved_cmdlines".into(), cmdlines);
    // At most once for the events that were read together.
    assert_eq!(comms.name(&fake, 7777), b"<...>");
    assert_eq!(reads(), 1);
    comms.further_events();
    // No more than a part of the time goes into it.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(comms.name(&fake, 7777), b"late one");
    assert_eq!(comms.name(&fake, 96), b"sh");
    assert_eq!(reads(), 2);
}
