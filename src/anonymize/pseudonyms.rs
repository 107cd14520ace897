//! The pseudonym of each name.

use core::net::Ipv6Addr;

use crate::anonymize::address;
use crate::anonymize::key::Key;
use crate::host::netns::RUN_DIRS;
use crate::trace::{Comm, DevName};

/// Digits of a pseudonym. With its longest word it fits where the kernel keeps names of tasks and
/// interfaces, which have room for 15 bytes.
const DIGITS: usize = 10;

/// Gives pseudonyms.
#[derive(Debug, Clone)]
pub struct Pseudonyms {
    key: Key,
}

/// What a task is called that is the kernel's own; a worker without what it works on, which may
/// be named after an interface.
fn of_the_kernel(comm: &[u8]) -> Option<&[u8]> {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if matches!(comm, b"" | b"<idle>" | b"<...>" | b"swapper") {
        return Some(comm);
    }
    let slash = comm.iter().position(|&b| b == b'/')?;
    let (name, behind) = (&comm[..slash], &comm[slash + 1..]);
    match name {
        b"swapper" | b"ksoftirqd" => is_number(behind).then_some(comm),
        b"kworker" => {
            let is_of_worker = |b: &u8| b.is_ascii_digit() || matches!(b, b'u' | b':' | b'H');
            let length = behind.iter().take_while(|b| is_of_worker(b)).count();
            let end = if length == 0 {
                slash
            } else {
                slash + 1 + length
            };
            Some(&comm[..end])
        }
        _ => None,
    }
}

impl Pseudonyms {
    /// Those of a key.
    #[must_use]
    pub fn new(key: Key) -> Pseudonyms {
        Pseudonyms { key }
    }

    /// `dev-0123456789`.
    fn named(&self, kind: &str, name: &[u8]) -> String {
        let hash = self.key.hash(kind, name);
        format!("{kind}-{:0DIGITS$x}", hash >> (64 - 4 * DIGITS))
    }

    /// The address that stands for one; prefixes stay prefixes.
    #[must_use]
    pub(crate) fn address(&self, of: Ipv6Addr) -> Ipv6Addr {
        address::address(&self.key, of)
    }

    /// The name of an interface. `lo` is that of every host, and nothing is no name.
    #[must_use]
    pub(super) fn device(&self, name: &[u8]) -> Vec<u8> {
        match name {
            b"" | b"lo" => name.to_vec(),
            name => self.named("dev", name).into_bytes(),
        }
    }

    /// The same of one that a trace names.
    #[must_use]
    pub(super) fn dev_name(&self, dev: &DevName) -> DevName {
        DevName::new(&self.device(dev.as_bytes()))
    }

    /// The name of a task; those of the kernel's own stay.
    #[must_use]
    pub(super) fn task(&self, comm: &[u8]) -> Vec<u8> {
        of_the_kernel(comm).map_or_else(|| self.named("task", comm).into_bytes(), <[u8]>::to_vec)
    }

    /// The same of one that a trace names.
    #[must_use]
    pub(super) fn comm(&self, comm: &Comm) -> Comm {
        Comm::new(&self.task(comm.as_bytes()))
    }

    /// A host.
    #[must_use]
    pub(super) fn host(&self, name: &str) -> String {
        self.named("host", name.as_bytes())
    }

    /// A file; `-` is standard input.
    #[must_use]
    pub(crate) fn file(&self, name: &str) -> String {
        match name {
            "-" => name.to_owned(),
            name => self.named("file", name.as_bytes()),
        }
    }

    /// A pod, by its UID.
    #[must_use]
    pub(super) fn pod(&self, uid: &str) -> String {
        self.named("pod", uid.as_bytes())
    }

    /// A network namespace.
    #[must_use]
    pub(super) fn namespace(&self, name: &str) -> String {
        self.named("netns", name.as_bytes())
    }

    /// The file by which a namespace is entered; that of a process says no more than its number.
    #[must_use]
    pub(super) fn namespace_path(&self, path: &str) -> String {
        let number = path.strip_prefix("/proc/");
        let number = number.and_then(|rest| rest.strip_suffix("/ns/net"));
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if path.is_empty() || number.is_some_and(is_number) {
            return path.to_owned();
        }
        let known = RUN_DIRS
            .iter()
            .find_map(|dir| Some((dir, path.strip_prefix(dir)?.strip_prefix('/')?)));
        known.map_or_else(
            || self.namespace(path),
            |(dir, name)| format!("{dir}/{}", self.namespace(name)),
        )
    }

    /// A command that somebody gave.
    #[must_use]
    pub(super) fn command(&self, command: &str) -> String {
        self.named("command", command.as_bytes())
    }

    /// Any other word that the host may have chosen.
    #[must_use]
    pub(super) fn word(&self, word: &str) -> String {
        self.named("word", word.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Pseudonyms {
        Pseudonyms::new(Key::of_text("k"))
    }

    #[test]
    fn the_same_name_has_the_same_pseudonym() {
        let (one, again) = (names(), names());
        let other = Pseudonyms::new(Key::of_text("other"));
        assert_eq!(one.host("node7"), again.host("node7"));
        assert_ne!(one.host("node7"), one.host("node8"));
        assert_ne!(one.host("node7"), other.host("node7"));
        assert_ne!(one.host("a")[5..], one.file("a")[5..]);
        assert_eq!(one.file("-"), "-");
    }

    #[test]
    fn a_pseudonym_fits_where_the_name_was() {
        let dev = DevName::of_device(b"cali1234567890a").unwrap();
        let renamed = names().dev_name(&dev);
        assert_eq!(DevName::of_device(renamed.as_bytes()), Some(renamed));
        assert_eq!(renamed.as_bytes(), names().device(dev.as_bytes()));
        let task = names().task(b"kubelet");
        assert_eq!(task.len(), 15);
        assert_eq!(names().comm(&Comm::new(b"kubelet")).as_bytes(), task);
        assert_eq!(names().device(b"lo"), b"lo");
        assert_eq!(names().device(b""), b"");
    }

    #[test]
    fn tasks_of_the_kernel_keep_their_names() {
        for comm in [
            "<idle>",
            "<...>",
            "swapper",
            "swapper/3",
            "ksoftirqd/12",
            "kworker/u8:1",
            "kworker/0:1H",
        ] {
            assert_eq!(names().task(comm.as_bytes()), comm.as_bytes());
        }
        for (comm, shown) in [
            ("kworker/u8:1-wg0", "kworker/u8:1"),
            ("kworker/R-wg0", "kworker"),
        ] {
            assert_eq!(names().task(comm.as_bytes()), shown.as_bytes());
        }
        for comm in ["ping", "ksoftirqd/acme", "swapper/", "a/0", "ksoftirqd"] {
            assert!(
                names().task(comm.as_bytes()).starts_with(b"task-"),
                "{comm}"
            );
        }
    }

    #[test]
    fn namespaces_keep_where_they_are_found() {
        let names = names();
        let shown = |path| names.namespace_path(path);
        assert_eq!(shown("/proc/12/ns/net"), "/proc/12/ns/net");
        assert_eq!(shown(""), "");
        assert_eq!(
            shown("/run/netns/acme"),
            format!("/run/netns/{}", names.namespace("acme"))
        );
        assert!(shown("/srv/acme/proc/12/ns/net").starts_with("netns-"));
    }
}
