//! Records as text, the way the kernel prints them.

use std::fmt::Write;

use crate::rng::Rng;
use crate::setup::{Format, Setup, Start};
use crate::tracer::{Body, Record, Sort};
use crate::traffic::FIRST_TASK;

const TASKS: [&str; 4] = ["kubelet", "calico-node", "python3", "a b-1 [0] x"];
const PLANTED: [&str; 4] = [
    "fib6_table_look",
    "drop: (ip6_pkt_",
    "x: table 255 oi",
    "dev lo err 0",
];
const HEADER: &str = "#                              _-----=> irqs-off
#                             / _----=> need-resched
#                            | / _---=> hardirq/softirq
#                            || / _--=> preempt-depth
#                            ||| /     delay
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
";

fn comm(pid: u32, cpu: usize, tasks: [&str; 4]) -> String {
    match pid {
        0 => "<idle>".to_owned(),
        FIRST_TASK.. => tasks[(pid - FIRST_TASK) as usize % TASKS.len()].to_owned(),
        77..FIRST_TASK => format!("kworker/{cpu}:1"),
        _ => format!("ksoftirqd/{cpu}"),
    }
}

pub struct Printer<'s> {
    setup: &'s Setup,
    rng: Rng,
    pub text: String,
    /// The last answer of a table.
    answer: String,
    /// Numbers of the drops, in the order of the text.
    pub order: Vec<usize>,
}

impl<'s> Printer<'s> {
    pub fn new(setup: &'s Setup, rng: Rng) -> Printer<'s> {
        Printer {
            setup,
            rng,
            text: String::with_capacity(1 << 16),
            answer: String::new(),
            order: Vec::new(),
        }
    }

    fn head(&mut self, record: &Record, cpu: usize) {
        let format = self.setup.tracing.printed(self.setup.cpus);
        if format == Format::NoContext {
            return;
        }
        let named = self.setup.is_named();
        let planted = named && self.setup.identity.planted;
        let tasks = if planted { PLANTED } else { TASKS };
        let mut name = comm(record.pid, cpu, tasks);
        if record.pid != 0 && self.rng.below(40) == 0 {
            name = "<...>".to_owned();
        }
        let (pid, time) = (record.pid, record.time);
        let (seconds, micros) = (time / 1_000_000, time % 1_000_000);
        let text = &mut self.text;
        // Writing to a string does not fail.
        let _ = match format {
            Format::Perf => write!(
                text,
                "{name} {pid:>5} [{cpu:03}] {seconds:>5}.{micros:06}: ftrace:function:  "
            ),
            Format::Tgid => write!(text, "{name:>16}-{pid:<5}  (-----) [{cpu:03}] "),
            _ => write!(text, "{name:>16}-{pid:<5} [{cpu:03}] "),
        };
        if format != Format::Perf {
            if format != Format::NoFlags {
                text.push_str(&String::from_utf8_lossy(&record.flags));
                if named && self.setup.identity.newer {
                    text.push('.');
                }
            }
            let _ = write!(text, " {seconds:>5}.{micros:06}: ");
        }
    }

    fn perf(&mut self, record: &Record, cpu: usize) {
        match &record.body {
            Body::Text(text) => {
                self.head(record, cpu);
                self.text.push_str(text);
                self.text.push('\n');
            }
            Body::Stack(frames) => {
                self.text
                    .push_str("\tffffffff9826b7c3 ftrace_call+0x5 ([kernel.kallsyms])\n");
                for frame in frames {
                    let _ = writeln!(
                        self.text,
                        "\tffffffff98b00de5 {frame}+0x5 ([kernel.kallsyms])"
                    );
                }
                self.text.push('\n');
            }
        }
    }

    /// Somebody writes the last answer of a table into the trace once more, as if a route had
    /// been found.
    fn plant(&mut self, record: &Record, cpu: usize) {
        let (sort, planted) = (record.sort, self.setup.identity.planted);
        if let (Sort::Lookup, Body::Text(text)) = (sort, &record.body) {
            self.answer.clone_from(text);
        }
        let place = matches!(sort, Sort::Words | Sort::Input);
        if planted && place && !self.answer.is_empty() && self.rng.below(3) == 0 {
            self.head(record, cpu);
            let lie = self.answer.replace("dev lo", "dev eth0");
            let lie = lie.replace("err -113", "err 0");
            self.text.push_str("tracing_mark_write: ");
            self.text.push_str(&lie);
            self.text.push('\n');
        }
    }

    fn record(&mut self, record: &Record, cpu: usize) {
        if record.lost > 0 && self.setup.tracing.start != Start::File {
            let _ = writeln!(self.text, "CPU:{cpu} [LOST {} EVENTS]", record.lost);
        }
        if record.sort == Sort::Drop {
            self.order.extend(record.drop);
        }
        if self.setup.tracing.printed(self.setup.cpus) == Format::Perf {
            self.perf(record, cpu);
            return;
        }
        if self.setup.is_named() {
            self.plant(record, cpu);
        }
        self.head(record, cpu);
        match &record.body {
            Body::Text(text) => {
                self.text.push_str(text);
                self.text.push('\n');
            }
            Body::Stack(frames) => {
                self.text.push_str("<stack trace>\n");
                for frame in frames {
                    self.text.push_str(" => ");
                    self.text.push_str(frame);
                    self.text.push('\n');
                }
            }
        }
    }

    /// All CPUs' records, by time.
    pub fn all(&mut self, records: &[Vec<Record>]) {
        let mut order: Vec<(i64, usize, usize)> = Vec::new();
        for (cpu, records) in records.iter().enumerate() {
            let places = records.iter().enumerate();
            order.extend(places.map(|(place, record)| (record.time, cpu, place)));
        }
        order.sort_unstable();
        let perf = self.setup.tracing.printed(self.setup.cpus) == Format::Perf;
        let file = self.setup.tracing.start == Start::File && !perf;
        let lost: u64 = records.iter().flatten().map(|record| record.lost).sum();
        if file {
            let (kept, cpus) = (order.len(), self.setup.cpus);
            let written = kept as u64 + lost;
            let _ = write!(
                self.text,
                "# tracer: function\n#\n# entries-in-buffer/entries-written: {kept}/{written}   #P:{cpus}\n#\n{HEADER}"
            );
        }
        let mut started = vec![false; self.setup.cpus];
        let mut first = true;
        let mut done = vec![0; self.setup.cpus];
        for (_, cpu, place) in order {
            if place < done[cpu] {
                continue;
            }
            if file && lost > 0 && !std::mem::replace(&mut started[cpu], true) && !first {
                let _ = writeln!(self.text, "##### CPU {cpu} buffer started ####");
            }
            first = false;
            self.record(&records[cpu][place], cpu);
            done[cpu] = place + 1;
            // perf prints a stack with its event.
            if perf
                && let Some(stack) = records[cpu].get(place + 1)
                && matches!(stack.body, Body::Stack(_))
            {
                self.record(stack, cpu);
                done[cpu] += 1;
            }
        }
    }
}
