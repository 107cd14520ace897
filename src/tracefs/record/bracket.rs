//! Facts read at a moment when no drop is under way, so that a recording holds exactly the
//! drops that the counters rose by, also while packets are dropped all the time.
//!
//! The pipe is emptied, the facts are read, and the pipe is emptied again: where that second
//! reading shows no drop, every drop before it belongs to one side of the facts and every
//! later one to the other.

use std::io;
use std::time::{Duration, Instant};

use memchr::memmem;

use crate::kernel::functions::Function;
use crate::tracefs::files::{Pipe, read_some};

/// When a moment without a drop is given up, and the end of a pipe that is filled faster than
/// it is read.
const PATIENCE: Duration = Duration::from_secs(1);
/// When a moment without any event is given up: between a refusal and its drop is none.
const QUIET: Duration = Duration::from_millis(500);
/// When the second of them is given up while a recording goes on; the first in half the time.
const SOON: Duration = Duration::from_millis(100);

/// What was in the pipe around the facts.
#[derive(Debug, Default)]
pub(crate) struct Bracket {
    /// The text in front of the facts.
    pub(crate) text: Vec<u8>,
    /// The facts.
    pub(crate) facts: Vec<u8>,
    /// What came behind the facts, and is no drop.
    pub(crate) behind: Vec<u8>,
    /// False where drops were under way each time.
    pub(crate) exact: bool,
}

/// Takes what waits in the pipe; false where it did not come to an end.
fn empty(pipe: &mut dyn Pipe, text: &mut Vec<u8>, end: Instant) -> io::Result<bool> {
    let mut buffer = vec![0; 64 * 1024];
    pipe.catch_up()?;
    while let Some(n) = read_some(pipe, &mut buffer)? {
        text.extend_from_slice(&buffer[..n]);
        if Instant::now() >= end {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads facts at a moment without a drop. What came meanwhile is in front of them in the text;
/// what came after that moment and was taken with it is no drop, and is to be left out at the ends
/// of a recording, so that the text never holds an attempt that the facts do not cover.
///
/// # Errors
/// Those of reading the pipe.
pub(crate) fn bracket(
    pipe: &mut dyn Pipe,
    facts: &mut dyn FnMut() -> Vec<u8>,
) -> io::Result<Bracket> {
    let now = Instant::now();
    bracket_until(pipe, facts, now + QUIET, now + PATIENCE)
}

/// The same between two events of a recording that goes on, which is kept waiting for a moment only.
///
/// # Errors
/// Those of reading the pipe.
pub(crate) fn bracket_soon(
    pipe: &mut dyn Pipe,
    facts: &mut dyn FnMut() -> Vec<u8>,
) -> io::Result<Bracket> {
    let now = Instant::now();
    bracket_until(pipe, facts, now + SOON / 2, now + SOON)
}

fn bracket_until(
    pipe: &mut dyn Pipe,
    facts: &mut dyn FnMut() -> Vec<u8>,
    quiet: Instant,
    end: Instant,
) -> io::Result<Bracket> {
    let mut bracket = Bracket::default();
    empty(pipe, &mut bracket.text, end)?;
    loop {
        bracket.facts = facts();
        let mut behind = Vec::new();
        let ended = empty(pipe, &mut behind, end)?;
        // The name is in the entry of a drop and in its stack, which may come apart.
        bracket.exact =
            ended && memmem::find(&behind, Function::PktDrop.name().as_bytes()).is_none();
        if bracket.exact && (behind.is_empty() || Instant::now() >= quiet) {
            bracket.behind = behind;
            return Ok(bracket);
        }
        bracket.text.append(&mut behind);
        if Instant::now() >= end {
            return Ok(bracket);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::os::fd::BorrowedFd;

    use super::*;

    /// A pipe that answers with these pieces; an empty one is a pipe that is empty.
    struct Pieces(VecDeque<&'static str>);

    impl io::Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.pop_front().unwrap_or_default().as_bytes();
            buffer[..piece.len()].copy_from_slice(piece);
            match piece.len() {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                n => Ok(n),
            }
        }
    }

    impl Pipe for Pieces {
        fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }
    }

    fn run(pieces: &[&'static str]) -> (Bracket, usize) {
        let mut readings = 0;
        let mut facts = || {
            readings += 1;
            readings.to_string().into_bytes()
        };
        let mut pipe = Pieces(pieces.iter().copied().collect());
        let (quiet, end) = (Instant::now(), Instant::now() + PATIENCE);
        let bracket = bracket_until(&mut pipe, &mut facts, quiet, end).unwrap();
        (bracket, readings)
    }

    #[test]
    fn facts_are_read_again_until_no_drop_came_meanwhile() {
        let (found, readings) = run(&[
            "a ip6_pkt_drop <-x\n",
            "",
            "b ip6_pkt_drop <-x\n",
            "",
            "gc\n",
            "",
        ]);
        assert_eq!((found.exact, readings), (true, 2));
        assert_eq!(found.facts, b"2");
        assert_eq!(found.behind, b"gc\n");
        // The drop behind the first reading is in front of the second; the call behind that
        // one belongs to neither side.
        assert_eq!(found.text, b"a ip6_pkt_drop <-x\nb ip6_pkt_drop <-x\n");
    }

    #[test]
    fn a_quiet_moment_is_better_than_one_without_a_drop() {
        let mut readings = 0;
        let mut facts = || {
            readings += 1;
            Vec::new()
        };
        let mut pipe = Pieces(["", "ip6_dst_gc <-x\n", "", ""].into());
        let found = bracket(&mut pipe, &mut facts).unwrap();
        assert!(found.exact);
        assert_eq!((readings, &found.text[..]), (2, &b"ip6_dst_gc <-x\n"[..]));
    }

    #[test]
    fn a_stack_alone_is_a_drop_too() {
        let (found, readings) = run(&["", " => ip6_pkt_drop\n", "", ""]);
        assert_eq!((found.exact, readings), (true, 2));
        assert_eq!(found.text, b" => ip6_pkt_drop\n");
    }

    #[test]
    fn drops_without_end_are_no_reason_to_go_on_for_ever() {
        let mut pipe = Pieces(["one", "two ip6_pkt_drop\n", ""].into());
        let found =
            bracket_until(&mut pipe, &mut Vec::new, Instant::now(), Instant::now()).unwrap();
        assert!(!found.exact);
        assert_eq!(found.text, b"onetwo ip6_pkt_drop\n");
    }
}
