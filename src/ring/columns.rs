//! The columns in front of an event in `trace_pipe` (kernel/trace/trace_output.c:
//! `trace_print_context`, `trace_print_lat_fmt`). Their widths and number differ by version; the
//! heading that the kernel writes over them in the file `trace` says which there are.

use crate::ring::clock::Clock;
use crate::ring::print::push_text;

/// Places in the heading that do not move: `CPU#` stands over the `[` behind the process id.
const BEFORE_PID: usize = 17;
/// Widths of the process id: up to 5.10, and later.
const PID_WIDTHS: [usize; 2] = [5, 7];
/// What the letters of the flags column mean, in order. Kernels of 5.16 and later have the last.
const FLAGS: [&[&str]; 5] = [
    &["irqs-off", "irqs-off/BH-disabled"],
    &["need-resched"],
    &["hardirq/softirq"],
    &["preempt-depth"],
    &["migrate-disable"],
];

/// Which columns there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Width of the process id.
    pid: usize,
    /// Letters of the flags column: none, 4 or 5.
    flags: usize,
}

/// What the columns of an event show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context<'a> {
    /// The task's name.
    pub(crate) comm: &'a [u8],
    /// Its process id.
    pub(crate) pid: i32,
    /// CPU number.
    pub(crate) cpu: u32,
    /// `common_flags`.
    pub(crate) flags: u8,
    /// `common_preempt_count`.
    pub(crate) preempt_count: u8,
    /// Time stamp in nanoseconds.
    pub(crate) time: u64,
}

impl Columns {
    /// Reads the heading; `None` where it has columns of another kind.
    pub(crate) fn parse(heading: &[u8]) -> Option<Columns> {
        let text = String::from_utf8_lossy(heading);
        let lines = text.lines().take_while(|line| line.starts_with('#'));
        let mut labels = Vec::new();
        for line in lines {
            if let Some((_, label)) = line.split_once("=> ") {
                labels.push(label.trim());
            }
            if !line.contains("TASK-PID") {
                continue;
            }
            let pid = line.find("CPU#")?.checked_sub(BEFORE_PID + 1)?;
            let flags = line.matches('|').count();
            let known = labels.len() == flags
                && matches!(flags, 0 | 4 | 5)
                && labels.iter().zip(FLAGS).all(|(l, known)| known.contains(l))
                && PID_WIDTHS.contains(&pid)
                && !line.contains("TGID");
            return known.then_some(Columns { pid, flags });
        }
        None
    }

    /// Prints the columns, up to the text of the event.
    pub(crate) fn print(self, out: &mut Vec<u8>, context: Context<'_>) {
        let Context { comm, pid, cpu, .. } = context;
        out.extend(std::iter::repeat_n(
            b' ',
            16usize.saturating_sub(comm.len()),
        ));
        push_text(out, comm);
        out.extend(format!("-{pid:<width$} [{cpu:03}] ", width = self.pid).bytes());
        if self.flags > 0 {
            self.flags(out, context);
        }
        let time = Clock::default().print(context.time);
        out.extend(format!(" {time}: ").bytes());
    }

    fn flags(self, out: &mut Vec<u8>, context: Context<'_>) {
        let has = |bit: u8| context.flags & bit != 0;
        out.push(match (has(0x01), has(0x80)) {
            (true, true) => b'D',
            (true, false) => b'd',
            (false, true) => b'b',
            (false, false) => b'.',
        });
        // The bit of a lazy reschedule (6.13 and later) meant before that the machine cannot tell
        // whether interrupts are off, which no machine of 64 bits says.
        out.push(match (has(0x04), has(0x20), has(0x02)) {
            (true, true, true) => b'B',
            (true, true, false) => b'N',
            (true, false, true) => b'b',
            (true, false, false) => b'n',
            (false, true, true) => b'L',
            (false, true, false) => b'p',
            (false, false, true) => b'l',
            (false, false, false) => b'.',
        });
        out.push(match (has(0x40), has(0x08), has(0x10)) {
            (true, true, _) => b'Z',
            (true, false, _) => b'z',
            (false, true, true) => b'H',
            (false, true, false) => b'h',
            (false, false, true) => b's',
            (false, false, false) => b'.',
        });
        let mut depth = |count: u8| match count {
            0 => out.push(b'.'),
            count => out.extend(format!("{count:x}").bytes()),
        };
        if self.flags == FLAGS.len() {
            depth(context.preempt_count & 0x0f);
            depth(context.preempt_count >> 4);
        } else {
            depth(context.preempt_count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# tracer: function
#
# entries-in-buffer/entries-written: 72/72   #P:4
#
#                              _-----=> irqs-off
#                             / _----=> need-resched
#                            | / _---=> hardirq/softirq
#                            || / _--=> preempt-depth
#                            ||| /     delay
#           TASK-PID   CPU#  ||||    TIMESTAMP  FUNCTION
#              | |       |   ||||       |         |
         python3-1032  [003] ..s1   133.146007: ip6_dst_gc <-dst_alloc
";
    const NEW: &str = "# tracer: nop
#
# entries-in-buffer/entries-written: 0/0   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
";
    /// A 4.19 kernel with options/irq-info off.
    const BARE: &str = "#           TASK-PID   CPU#      TIMESTAMP  FUNCTION\n";

    fn printed(heading: &str, context: Context<'_>) -> String {
        let mut out = Vec::new();
        let columns = Columns::parse(heading.as_bytes()).unwrap();
        columns.print(&mut out, context);
        String::from_utf8(out).unwrap()
    }

    const CONTEXT: Context<'_> = Context {
        comm: b"python3",
        pid: 1032,
        cpu: 3,
        flags: 0x10,
        preempt_count: 1,
        time: 133_146_006_500,
    };

    #[test]
    fn the_columns_are_those_of_the_heading() {
        for (heading, line) in [
            (OLD, "         python3-1032  [003] ..s1   133.146007: "),
            (NEW, "         python3-1032    [003] ..s1.   133.146007: "),
            (BARE, "         python3-1032  [003]    133.146007: "),
        ] {
            assert_eq!(printed(heading, CONTEXT), line);
        }
        let wide = Context {
            comm: b"a-name-of-16-b-w",
            pid: 4_194_304,
            time: 123_456_000_000_000,
            ..CONTEXT
        };
        let line = "a-name-of-16-b-w-4194304 [003] ..s1. 123456.000000: ";
        assert_eq!(printed(NEW, wide), line);
    }

    #[test]
    fn columns_of_another_kind_are_not_guessed() {
        for (from, to) in [
            ("TASK-PID", "TASK"),
            ("migrate-disable", "need-resched-lazy"),
            ("|||||  T", "||||  T"),
            ("     CPU#", "      CPU#"),
            ("  CPU#", "TGID   CPU#"),
            ("# tracer: nop\n#", "x\n#"),
        ] {
            let other = NEW.replacen(from, to, 1);
            assert_ne!(other, NEW);
            assert_eq!(Columns::parse(other.as_bytes()), None, "{to}");
        }
    }

    #[test]
    fn flags_are_those_of_the_kernel() {
        for (flags, preempt_count, old, new) in [
            (0x00, 0, "....", "....."),
            (0x10, 0x01, "..s1", "..s1."),
            (0x19, 0x1f, "d.H1f", "d.Hf1"),
            (0x08, 0x20, "..h20", "..h.2"),
            (0x48, 0, "..Z.", "..Z.."),
            (0x50, 0, "..z.", "..z.."),
            (0x84, 0, "bn..", "bn..."),
            (0xa5, 0, "DN..", "DN..."),
            (0x20, 0x0a, ".p.a", ".p.a."),
            (0x02, 0, ".l..", ".l..."),
            (0x06, 0, ".b..", ".b..."),
            (0x22, 0, ".L..", ".L..."),
            (0x26, 0, ".B..", ".B..."),
        ] {
            let context = Context {
                flags,
                preempt_count,
                ..CONTEXT
            };
            for (heading, letters) in [(OLD, old), (NEW, new)] {
                let line = printed(heading, context);
                assert!(line.contains(&format!("[003] {letters}   133")), "{line}");
            }
        }
    }
}
