//! What the kernel answers when it is asked whether it still holds the route cache against
//! `max_size`: a new network namespace has its default, which went up to where it limits nothing
//! when the check went (af6d10345ca7).

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::thread::UnshareFlags;

use crate::host::Host;
use crate::os::atomic::replace;

/// Where the answer is kept, below the state directory: the boot it is of, and the number.
const KEPT: &str = "new-max-size";
/// The network namespace of a thread, below /proc.
const OWN: &str = "thread-self/ns/net";
/// The limit, below /proc: of the network namespace of the thread that reads it.
const MAX_SIZE: &str = "sys/net/ipv6/route/max_size";

/// Goes into a new network namespace and reads its limit, by what does each.
fn answer(
    namespace: impl Fn() -> io::Result<u64>,
    leave: impl FnOnce() -> io::Result<()>,
    limit: impl FnOnce() -> io::Result<String>,
) -> io::Result<i64> {
    let before = namespace()?;
    leave()?;
    if namespace()? == before {
        return Err(io::Error::other("the namespace is the same"));
    }
    let text = limit()?;
    text.trim().parse().map_err(io::Error::other)
}

/// Asks this kernel. The namespace is that of one thread, and goes away with it.
fn ask(proc: &Path) -> io::Result<i64> {
    let (own, limit) = (proc.join(OWN), proc.join(MAX_SIZE));
    let thread = thread::Builder::new().name("ip6drop-netns".to_owned());
    let asked = thread.spawn(move || {
        // The memory and the files of the process stay shared: only the network is another.
        #[allow(deprecated)]
        let leave = || Ok(rustix::thread::unshare(UnshareFlags::NEWNET)?);
        answer(
            || Ok(fs::metadata(&own)?.ino()),
            leave,
            || fs::read_to_string(&limit),
        )
    })?;
    let ended = |_| io::Error::other("the thread ended early");
    asked.join().map_err(ended)?
}

impl Host {
    fn kept(&self) -> PathBuf {
        self.state.join(KEPT)
    }

    /// `net.ipv6.route.max_size` that a new network namespace of this kernel starts with, where
    /// it was asked since it was booted.
    #[must_use]
    pub(crate) fn new_max_size(&self) -> Option<i64> {
        let text = fs::read_to_string(self.kept()).ok()?;
        let (boot, size) = text.trim().split_once(' ')?;
        let is_of_this = !boot.is_empty() && boot == self.boot_id();
        size.parse().ok().filter(|_| is_of_this)
    }

    /// Asks the kernel for it, unless that is known, and keeps the answer in the state directory.
    /// Without the privilege there is none, nor where /proc is another one, whose kernel may be
    /// another host's.
    pub(crate) fn ask_new_max_size(&self) {
        if self.new_max_size().is_some() || self.proc != Path::new("/proc") {
            return;
        }
        if let Ok(size) = ask(&self.proc) {
            // Whoever cannot keep it asks again.
            let _ = replace(
                &self.kept(),
                format!("{} {size}\n", self.boot_id()).as_bytes(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What comes of a kernel that says this of the limit.
    fn told(limit: &str) -> Option<i64> {
        let namespace = Cell::new(1);
        let leave = || {
            namespace.set(2);
            Ok(())
        };
        answer(|| Ok(namespace.get()), leave, || Ok(limit.to_owned())).ok()
    }

    #[test]
    fn the_limit_of_another_namespace_is_the_answer() {
        assert_eq!(told("4096\n"), Some(4096));
        assert_eq!(told("16384\n"), Some(16384));
        assert_eq!(told("2147483647\n"), Some(2_147_483_647));
        assert_eq!(told("x\n"), None);
        let limit = || Ok("4096\n".to_owned());
        // The thread did not leave, or may not.
        assert!(answer(|| Ok(1), || Ok(()), limit).is_err());
        let denied = || Err(io::ErrorKind::PermissionDenied.into());
        assert!(answer(|| Ok(1), denied, limit).is_err());
        let absent = || Err(io::ErrorKind::NotFound.into());
        assert!(answer(absent, || Ok(()), limit).is_err());
    }

    #[test]
    fn this_kernel_answers_whoever_may_ask() {
        // Without the privilege there is nothing to see; with it the answer is that of a default.
        if let Ok(size) = ask(Path::new("/proc")) {
            assert!([4096, 16384, 2_147_483_647].contains(&size), "{size}");
        }
    }

    fn host(dir: &Path) -> Host {
        Host {
            proc: dir.join("proc"),
            sys: dir.to_owned(),
            state: dir.to_owned(),
        }
    }

    #[test]
    fn the_answer_is_kept_until_the_next_boot() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        let random = host.proc.join("sys/kernel/random");
        fs::create_dir_all(&random).unwrap();
        let kept = |text: &str| {
            fs::write(host.kept(), text).unwrap();
            host.new_max_size()
        };
        // Without a number of the boot nothing is known to be of it.
        assert_eq!(kept(" 4096\n"), None);
        fs::write(random.join("boot_id"), "b-1\n").unwrap();
        assert_eq!(kept("b-1 4096\n"), Some(4096));
        assert_eq!(kept("b-2 4096\n"), None);
        assert_eq!(kept("b-1 x\n"), None);
        assert_eq!(kept("b-1"), None);
        fs::remove_file(host.kept()).unwrap();
        assert_eq!(host.new_max_size(), None);
        // Of another host's files this kernel says nothing.
        host.ask_new_max_size();
        assert!(!host.kept().exists());
    }

    #[test]
    fn it_is_asked_once() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host {
            proc: "/proc".into(),
            ..host(dir.path())
        };
        host.ask_new_max_size();
        let Some(size) = host.new_max_size() else {
            return;
        };
        assert_eq!(ask(&host.proc).unwrap(), size);
        fs::write(host.kept(), format!("{} 77\n", host.boot_id())).unwrap();
        host.ask_new_max_size();
        assert_eq!(host.new_max_size(), Some(77));
    }
}
