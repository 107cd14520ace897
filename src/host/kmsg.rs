//! What the kernel's own log says of refused allocations, read from `/dev/kmsg`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::host::Host;
use crate::kernel::printed::{CACHE_IS_FULL, CACHE_IS_FULL_LEFT_OUT, LEFT_OUT_END};

const DEVICE: &str = "/dev/kmsg";
/// The longest record (kernel/printk/printk.c: `CONSOLE_EXT_LOG_MAX`).
const RECORD: usize = 8192;
/// Records that are read at once, at most: more than a log of 16 MiB holds.
const MOST: usize = 1 << 18;
/// Lines that are kept of one reading: the kernel prints ten in five seconds.
const LINES: usize = 1024;

/// What the log has said of refused allocations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LoggedRefusals {
    /// Messages, each about one.
    pub(crate) told: u64,
    /// Messages that the log left out.
    pub(crate) suppressed: u64,
    /// The last of them, in microseconds since boot.
    pub(crate) last: Option<u64>,
}

impl LoggedRefusals {
    /// Allocations that were refused.
    #[must_use]
    pub(crate) fn all(&self) -> u64 {
        self.told.saturating_add(self.suppressed)
    }

    fn take(&mut self, time: u64, message: &str) -> bool {
        if message.starts_with(CACHE_IS_FULL) {
            self.told += 1;
        } else if let Some(left_out) = left_out(message) {
            self.suppressed = self.suppressed.saturating_add(left_out);
        } else {
            return false;
        }
        self.last = Some(time);
        true
    }
}

fn left_out(message: &str) -> Option<u64> {
    let number = message.strip_prefix(CACHE_IS_FULL_LEFT_OUT)?;
    number.strip_suffix(LEFT_OUT_END)?.parse().ok()
}

/// Time in microseconds and message of a record: `4,1234,209027553,-;Route cache is full`.
fn record(bytes: &[u8]) -> Option<(u64, &str)> {
    let text = str::from_utf8(bytes).ok()?;
    let (head, message) = text.split_once(';')?;
    let time = head.split(',').nth(2)?.parse().ok()?;
    // Behind the message there may be lines of properties.
    Some((time, message.lines().next().unwrap_or_default()))
}

/// The log, from some place on.
#[derive(Debug)]
pub(crate) struct KernelLog(File);

impl Host {
    /// The log from its start on, or from now on. `None` without the privilege, or where /proc is
    /// another one, whose kernel may be another host's.
    #[must_use]
    pub(crate) fn kernel_log(&self, from_now_on: bool) -> Option<KernelLog> {
        if self.proc != Path::new("/proc") {
            return None;
        }
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(nonblocking).open(DEVICE);
        let mut file = file.ok()?;
        if from_now_on {
            file.seek(SeekFrom::End(0)).ok()?;
        }
        Some(KernelLog(file))
    }
}

impl KernelLog {
    /// Adds what came since it was last read, and gives it as `dmesg` prints it.
    pub(crate) fn read(&mut self, all: &mut LoggedRefusals) -> Vec<u8> {
        refusals(&mut self.0, all)
    }
}

/// Reads records, of which each reading gives one.
fn refusals(log: &mut dyn Read, all: &mut LoggedRefusals) -> Vec<u8> {
    let mut buffer = vec![0; RECORD];
    let (mut text, mut lines) = (String::new(), 0);
    for _ in 0..MOST {
        let length = match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            // Records were overwritten before they were read; or one is longer than they can be.
            Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {
                continue;
            }
            Err(e) if e.kind() == ErrorKind::InvalidInput => continue,
            Err(_) => break,
        };
        let Some((time, message)) = record(&buffer[..length]) else {
            continue;
        };
        if all.take(time, message) && lines < LINES {
            let (seconds, rest) = (time / 1_000_000, time % 1_000_000);
            text += &format!("[{seconds:5}.{rest:06}] {message}\n");
            lines += 1;
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// A log that answers with these, one a reading.
    struct Records(VecDeque<Result<&'static str, ErrorKind>>);

    impl Read for Records {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let record = self.0.pop_front().unwrap_or(Err(ErrorKind::WouldBlock))?;
            buffer[..record.len()].copy_from_slice(record.as_bytes());
            Ok(record.len())
        }
    }

    const FULL: &str = "4,701,209027553,-;Route cache is full: consider increasing sysctl net.ipv[4|6].route.max_size.\n";

    fn read(records: &[Result<&'static str, ErrorKind>]) -> (LoggedRefusals, String) {
        let mut all = LoggedRefusals::default();
        let text = refusals(&mut Records(records.iter().copied().collect()), &mut all);
        (all, String::from_utf8(text).unwrap())
    }

    #[test]
    fn refusals_are_told_from_other_messages() {
        let (all, text) = read(&[
            Ok("6,700,1,-;Linux version 5.4.119-20\n"),
            Ok(FULL),
            Ok("4,702,214028703,-;dst_alloc: 57 callbacks suppressed\n SUBSYSTEM=net\n"),
            Ok("4,703,214028704,-;x Route cache is full: consider increasing sysctl net.ipv6\n"),
            Ok("4,704,214028705,-;dst_alloc: many callbacks suppressed\n"),
            Ok("no record"),
            Ok("4,x;Route cache is full: consider increasing sysctl net.ipv6\n"),
        ]);
        let wanted = LoggedRefusals {
            told: 1,
            suppressed: 57,
            last: Some(214_028_703),
        };
        assert_eq!((all, all.all()), (wanted, 58));
        assert_eq!(
            text,
            "[  209.027553] Route cache is full: consider increasing sysctl net.ipv[4|6].route.max_size.\n\
             [  214.028703] dst_alloc: 57 callbacks suppressed\n"
        );
    }

    #[test]
    fn what_was_overwritten_is_passed_over_and_anything_else_is_the_end() {
        let told = |between| read(&[Ok(FULL), Err(between), Ok(FULL)]).0.told;
        assert_eq!(told(ErrorKind::BrokenPipe), 2);
        assert_eq!(told(ErrorKind::Interrupted), 2);
        assert_eq!(told(ErrorKind::InvalidInput), 2);
        assert_eq!(told(ErrorKind::WouldBlock), 1);
        assert_eq!(told(ErrorKind::PermissionDenied), 1);
        let (all, text) = read(&[Ok(FULL); LINES + 9]);
        assert_eq!(all.told as usize, LINES + 9);
        assert_eq!(text.lines().count(), LINES);
    }

    #[test]
    fn the_log_of_another_host_is_not_read() {
        let host = |proc: &str| Host {
            proc: proc.into(),
            sys: "/sys".into(),
            state: "".into(),
        };
        assert!(host("/nowhere").kernel_log(false).is_none());
        // Without the privilege there is nothing to see; with it this host's log ends.
        if let Some(mut log) = host("/proc").kernel_log(true) {
            let mut all = LoggedRefusals::default();
            log.read(&mut all);
        }
    }
}
