//! Numbers and strings read one after another.

use std::io::{self, Read};

use crate::input::trace_dat::damage::{Damage, Remedy};
use crate::ring::machine::Machine;

/// Longest name, in bytes.
const MAX_NAME: usize = 4096;

/// Fields read one after another; none is larger than what is left of the part they are in.
pub(super) struct Fields<R> {
    inner: R,
    part: &'static str,
    start: u64,
    position: u64,
    left: u64,
    machine: Machine,
}

impl<'a> Fields<&'a [u8]> {
    /// Fields of a part of these bytes.
    pub(super) fn of(bytes: &'a [u8], part: &'static str, start: u64, machine: Machine) -> Self {
        Fields::new(bytes, part, start, bytes.len() as u64, machine)
    }
}

impl<R: Read> Fields<R> {
    /// Fields of a part of `left` bytes that starts at byte `start` of the file.
    pub(super) fn new(
        inner: R,
        part: &'static str,
        start: u64,
        left: u64,
        machine: Machine,
    ) -> Self {
        Fields {
            inner,
            part,
            start,
            position: start,
            left,
            machine,
        }
    }

    /// Goes on in another part of the file, right behind.
    pub(super) fn enter(&mut self, part: &'static str) {
        self.part = part;
        self.start = self.position;
    }

    /// Takes another byte order or word size from here on.
    pub(super) fn set_machine(&mut self, machine: Machine) {
        self.machine = machine;
    }

    /// Bytes left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// An error about the part.
    pub(super) fn damage(&self, what: impl Into<String>) -> Damage {
        Damage::new(self.part, self.start, what)
    }

    /// The same, with something else to try.
    pub(super) fn damage_with(&self, what: impl Into<String>, remedy: Remedy) -> Damage {
        Damage {
            remedy,
            ..self.damage(what)
        }
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Damage> {
        let len = out.len() as u64;
        let left = self.left.checked_sub(len);
        let left = left.ok_or_else(|| Damage::cut_off(self.part, self.start))?;
        self.inner.read_exact(out).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => Damage::cut_off(self.part, self.start),
            _ => Damage::unreadable(self.part, self.start, &e),
        })?;
        self.left = left;
        self.position = self.position.saturating_add(len);
        Ok(())
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, len: u64) -> Result<Vec<u8>, Damage> {
        if len > self.left {
            return Err(Damage::cut_off(self.part, self.start));
        }
        let mut out = vec![0; len as usize];
        self.fill(&mut out)?;
        Ok(out)
    }

    /// A number of `N` bytes.
    fn number<const N: usize>(&mut self) -> Result<u64, Damage> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(self.machine.number(&out))
    }

    /// One byte.
    pub(super) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(self.number::<1>()? as u8)
    }

    /// Two bytes.
    pub(super) fn u16(&mut self) -> Result<u16, Damage> {
        Ok(self.number::<2>()? as u16)
    }

    /// Four bytes.
    pub(super) fn u32(&mut self) -> Result<u32, Damage> {
        Ok(self.number::<4>()? as u32)
    }

    /// Eight bytes.
    pub(super) fn u64(&mut self) -> Result<u64, Damage> {
        self.number::<8>()
    }

    /// The name of an event system, a buffer, a clock or a compression method: a string that
    /// ends with a NUL, without it.
    pub(super) fn name(&mut self) -> Result<Vec<u8>, Damage> {
        let mut text = Vec::new();
        loop {
            match self.u8()? {
                0 => return Ok(text),
                _ if text.len() == MAX_NAME => return Err(self.damage("holds an endless string")),
                byte => text.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_cap() {
        for (len, sound) in [(MAX_NAME, true), (MAX_NAME + 1, false)] {
            let mut bytes = vec![b'n'; len];
            bytes.push(0);
            let mut fields = Fields::of(&bytes, "part", 0, Machine::default());
            assert_eq!(fields.name().is_ok(), sound);
        }
    }
}
