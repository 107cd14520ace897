//! Names of tasks, from `saved_cmdlines`.

use crate::ring::names::Names;

/// What the kernel prints for a task whose name was not saved.
pub(crate) const NO_NAME: &[u8] = b"<...>";

/// The names by process id.
#[derive(Default)]
pub(crate) struct Tasks(Names);

/// `PID COMM`; a comm may hold spaces.
fn task(line: &[u8]) -> Option<(u64, &[u8])> {
    let (pid, comm) = line.split_at(memchr::memchr(b' ', line)?);
    let pid: u32 = std::str::from_utf8(pid).ok()?.parse().ok()?;
    Some((pid.into(), &comm[1..]))
}

impl Tasks {
    /// Takes the text of `saved_cmdlines`, one task a line.
    pub(crate) fn new(text: Vec<u8>) -> Self {
        Tasks(Names::new(text, task))
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let names = self.0.all();
        names.filter_map(|(pid, comm)| Some((u32::try_from(pid).ok()?, comm)))
    }

    /// The name the kernel would print: `<...>` where none was saved.
    pub(crate) fn name(&self, pid: u32) -> &[u8] {
        let pid = u64::from(pid);
        match self.0.last_up_to(pid) {
            Some((known, comm)) if known == pid => comm,
            _ if pid == 0 => b"<idle>",
            _ => NO_NAME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_kernel_prints_them() {
        let tasks = Tasks::new(b"1042 python3\n7 a b-1 \nx y\n12\n0".to_vec());
        assert_eq!(tasks.name(1042), b"python3");
        assert_eq!(tasks.name(7), b"a b-1 ");
        assert_eq!(tasks.name(0), b"<idle>");
        assert_eq!(tasks.name(12), b"<...>");
        let all: Vec<_> = tasks.all().collect();
        assert_eq!(all, [(7, &b"a b-1 "[..]), (1042, b"python3")]);
    }
}
