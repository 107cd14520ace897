//! Addresses to function names, from the embedded `/proc/kallsyms`.

/// Farthest that an address may be behind a symbol and still belong to it, in bytes. No
/// function is larger; what is farther away is memory of a module or a trampoline.
const MAX_FUNCTION: u64 = 256 * 1024;

/// What x86 and others put in place of a return address (arch/x86/kernel/kprobes/core.c,
/// kernel/trace/rethook.c); the kernel prints all of them as `[unknown/kretprobe'd]`.
const RETURN_TRAMPOLINES: [&[u8]; 3] = [
    b"kretprobe_trampoline",
    b"__kretprobe_trampoline",
    b"arch_rethook_trampoline",
];

/// The functions of the traced kernel by address.
#[derive(Default)]
pub(super) struct Symbols {
    text: Vec<u8>,
    /// Address, and where in the text the name starts and ends.
    index: Vec<(u64, u32, u32)>,
}

/// An address as far as it has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named<'a> {
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
    /// Takes the text of `/proc/kallsyms`.
    pub(super) fn new(text: Vec<u8>) -> Self {
        let mut index = Vec::new();
        let base = text.as_ptr() as usize;
        // Places are kept in 32 bits; the file keeps the size in as many.
        if u32::try_from(text.len()).is_ok() {
            for line in text.split(|&b| b == b'\n') {
                if let Some((address, name)) = symbol(line) {
                    let at = name.as_ptr() as usize - base;
                    index.push((address, at as u32, (at + name.len()) as u32));
                }
            }
        }
        // Of several names for one address the kernel prints the first.
        index.sort_by_key(|&(address, at, _)| (address, at));
        index.dedup_by_key(|&mut (address, ..)| address);
        Symbols { text, index }
    }

    /// True where no function has an address.
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The function at an address.
    pub(super) fn find(&self, address: u64) -> Named<'_> {
        let after = self.index.partition_point(|&(start, ..)| start <= address);
        let Some(&(start, from, to)) = after.checked_sub(1).and_then(|at| self.index.get(at))
        else {
            return Named::Nothing;
        };
        let name = self
            .text
            .get(from as usize..to as usize)
            .unwrap_or_default();
        match address - start {
            _ if RETURN_TRAMPOLINES.contains(&name) => Named::ReturnProbe,
            offset if offset < MAX_FUNCTION => Named::Function(name, offset),
            _ => Named::Nothing,
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
        assert_eq!(find(0xffff_ffff_8100_00ff), Named::Nothing);
        assert_eq!(find(0xffff_ffff_8100_0100), Named::Function(b"first", 0));
        assert_eq!(
            find(0xffff_ffff_8100_0250),
            Named::Function(b"first", 0x150)
        );
        assert_eq!(find(0xffff_ffff_8100_0300), Named::ReturnProbe);
        assert_eq!(
            find(0xffff_ffff_c000_0010),
            Named::Function(b"nft_do_chain", 0x10)
        );
        assert_eq!(find(u64::MAX), Named::Nothing);
        assert!(Symbols::new(b"0000000000000000 T hidden\n".to_vec()).is_empty());
    }
}
