//! What another program of the host prints, asked with a limit of time and size.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Where programs of administrators are, which the search path of a script may lack.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";

/// How often a program that has said all is looked at until it has ended.
const LOOK: Duration = Duration::from_millis(1);

/// What a program prints; `None` where there is none of that name, where it fails, takes longer, or
/// prints more bytes. It is not waited for any longer, even where it cannot be killed.
#[must_use]
pub(crate) fn ask(program: &[&str], within: Duration, bytes: u64) -> Option<Vec<u8>> {
    let until = Instant::now() + within;
    let (name, arguments) = program.split_first()?;
    let mut child = Command::new(name)
        .args(arguments)
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    // Ends with the program, which closes its end.
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(bytes + 1).read_to_end(&mut text);
        let _ = sender.send(read.map(|_| text));
    });
    let text = receiver.recv_timeout(within).ok().and_then(Result::ok);
    let text = text.filter(|text| text.len() as u64 <= bytes);
    while text.is_some() {
        match child.try_wait() {
            Ok(Some(ended)) => return text.filter(|_| ended.success()),
            Ok(None) if Instant::now() < until => thread::sleep(LOOK),
            _ => break,
        }
    }
    let _ = child.kill();
    let _ = child.try_wait();
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_its_time_and_its_size() {
        let shell = |script, milliseconds, bytes| {
            let within = Duration::from_millis(milliseconds);
            ask(&["sh", "-c", script], within, bytes)
        };
        let long = 60_000;
        assert_eq!(shell("echo yes", long, 4), Some(b"yes\n".to_vec()));
        assert_eq!(shell("echo yes", long, 3), None);
        assert_eq!(shell("echo yes; exit 1", long, 4), None);
        assert_eq!(shell("exec sleep 60", 1, 4), None);
        assert_eq!(shell("exec >&-; exec sleep 60", 100, 4), None);
        assert_eq!(ask(&["no-such-program"], Duration::ZERO, 4), None);
    }
}
