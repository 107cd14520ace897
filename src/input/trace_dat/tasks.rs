//! Names of tasks, from the embedded `saved_cmdlines`.

/// The names by process id.
#[derive(Default)]
pub(super) struct Tasks {
    text: Vec<u8>,
    /// Process id, and where in the text the name starts and ends.
    index: Vec<(u32, u32, u32)>,
}

impl Tasks {
    /// Takes the text of `saved_cmdlines`: one `PID COMM` a line. A comm may hold spaces.
    pub(super) fn new(text: Vec<u8>) -> Self {
        let mut index = Vec::new();
        let base = text.as_ptr() as usize;
        if u32::try_from(text.len()).is_ok() {
            for line in text.split(|&b| b == b'\n' || b == 0) {
                let Some(space) = memchr::memchr(b' ', line) else {
                    continue;
                };
                let (pid, comm) = line.split_at(space);
                let pid = std::str::from_utf8(pid).ok().and_then(|p| p.parse().ok());
                if let Some(pid) = pid {
                    let at = comm.as_ptr() as usize - base;
                    index.push((pid, (at + 1) as u32, (at + comm.len()) as u32));
                }
            }
        }
        index.sort_by_key(|&(pid, at, _)| (pid, at));
        Tasks { text, index }
    }

    /// The name the kernel would print: `<...>` where none was saved.
    pub(super) fn name(&self, pid: u32) -> &[u8] {
        let found = self.index.binary_search_by_key(&pid, |&(pid, ..)| pid);
        match found.ok().and_then(|at| self.index.get(at)) {
            Some(&(_, from, to)) => self
                .text
                .get(from as usize..to as usize)
                .unwrap_or_default(),
            None if pid == 0 => b"<idle>",
            None => b"<...>",
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
    }
}
