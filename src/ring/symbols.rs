//! Addresses to function names, from `/proc/kallsyms`.

use crate::kernel::printed::RETURN_TRAMPOLINES;
use crate::ring::names::Names;

/// Farthest that an address may be behind a symbol and still belong to it, in bytes. No
/// function is larger; what is farther away is memory of a module or a trampoline.
const MAX_FUNCTION: u64 = 256 * 1024;

/// The functions of the traced kernel by address.
#[derive(Default)]
pub(crate) struct Symbols(Names);

/// An address as far as it has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolved<'a> {
    /// A function, and how far behind its start, in bytes.
    Function(&'a [u8], u64),
    /// A return probe stands in place of the caller.
    ReturnProbe,
    /// No function is there.
    Nothing,
}

/// `ffffffff9596d270 T ip6_dst_gc [module]`: the address and the name of functions.
fn symbol(line: &[u8]) -> Option<(u64, &[u8])> {
    let mut words = line.split(u8::is_ascii_whitespace);
    let address = words.next().and_then(|w| std::str::from_utf8(w).ok())?;
    let address = u64::from_str_radix(address, 16).ok().filter(|&a| a != 0)?;
    let is_code = matches!(words.next()?, b"t" | b"T" | b"w" | b"W");
    let name = words.next().filter(|name| !name.is_empty())?;
    (is_code && !name.starts_with(b"$")).then_some((address, name))
}

impl Symbols {
    /// Takes the text of `/proc/kallsyms`. Of several names for one address the kernel prints
    /// the first.
    pub(crate) fn new(text: Vec<u8>) -> Self {
        Symbols(Names::new(text, symbol))
    }

    /// True where no function has an address.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The function at an address.
    pub(crate) fn find(&self, address: u64) -> Resolved<'_> {
        let is_trampoline = |name| RETURN_TRAMPOLINES.iter().any(|t| t.as_bytes() == name);
        match self.0.last_up_to(address) {
            Some((_, name)) if is_trampoline(name) => Resolved::ReturnProbe,
            Some((start, name)) => match address.saturating_sub(start) {
                offset @ 0..MAX_FUNCTION => Resolved::Function(name, offset),
                _ => Resolved::Nothing,
            },
            None => Resolved::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_that_an_address_is_in() {
        let symbols = Symbols::new(
            b"0000000000000000 A per_cpu\nffffffff81000100 T first\nffffffff81000100 t alias\n\
              ffffffff81000200 d data\nffffffff81000300 t kretprobe_trampoline\n\
              ffffffffc0000000 t nft_do_chain\t[nf_tables]\nbad line\nffff"
                .to_vec(),
        );
        let find = |address| symbols.find(address);
        assert_eq!(find(0xffff_ffff_8100_00ff), Resolved::Nothing);
        assert_eq!(find(0xffff_ffff_8100_0100), Resolved::Function(b"first", 0));
        assert_eq!(
            find(0xffff_ffff_8100_0250),
            Resolved::Function(b"first", 0x150)
        );
        assert_eq!(find(0xffff_ffff_8100_0300), Resolved::ReturnProbe);
        assert_eq!(
            find(0xffff_ffff_c000_0010),
            Resolved::Function(b"nft_do_chain", 0x10)
        );
        assert_eq!(find(u64::MAX), Resolved::Nothing);
        assert!(Symbols::new(b"0000000000000000 T hidden\n".to_vec()).is_empty());
    }
}
