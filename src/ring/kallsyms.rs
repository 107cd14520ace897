//! Addresses to names as the running kernel prints them (kernel/kallsyms.c: `kallsyms_lookup`,
//! `__sprint_symbol`), from `/proc/kallsyms` and `/proc/modules`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::kernel::printed::{RETURN_PROBE, RETURN_TRAMPOLINES};
use crate::order::map_of;
use crate::ring::print::{Addresses, push_text};

/// Sections of a module begin on pages of this size or a multiple.
const PAGE: u64 = 4096;
/// Farthest that an address may be behind the start of a BPF program, in bytes; the kernel does
/// not list where those end.
const MAX_BPF: u64 = 64 * 1024;
/// Names that are listed, and that the kernel does not find by address: its own trampolines.
const BUILT_IN: &str = "__builtin__";

/// Whose a symbol is: an index of `modules`, or the kernel's.
const KERNEL: u16 = 0;

struct Entry {
    address: u64,
    name: u32,
    len: u16,
    module: u16,
    is_code: bool,
}

/// All symbols by address.
pub(crate) struct Kallsyms {
    names: Vec<u8>,
    entries: Vec<Entry>,
    /// The names of modules, and where each is; the first stands for the kernel.
    modules: Vec<(String, Option<Range<u64>>)>,
}

impl std::fmt::Debug for Kallsyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kallsyms({} symbols)", self.entries.len())
    }
}

/// Where an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    name: &'a [u8],
    offset: u64,
    size: u64,
    module: &'a str,
}

/// `ffffffff9596d270 T ip6_dst_gc\t[module]`
fn symbol(line: &[u8]) -> Option<(u64, u8, &[u8], &str)> {
    let mut words = line.split(|&b| b == b' ' || b == b'\t');
    let mut word = || words.next().filter(|word| !word.is_empty());
    let address = u64::from_str_radix(std::str::from_utf8(word()?).ok()?, 16).ok()?;
    let kind = *word()?.first()?;
    let name = word()?;
    let module = word().and_then(|word| std::str::from_utf8(word).ok());
    let module = module.map_or("", |m| m.trim_start_matches('[').trim_end_matches(']'));
    Some((address, kind, name, module))
}

fn is_code(kind: u8) -> bool {
    matches!(kind, b't' | b'T' | b'w' | b'W')
}

/// Whether a line shows where a function is; `None` for one of something else.
#[must_use]
pub(crate) fn has_address(line: &[u8]) -> Option<bool> {
    let (address, kind, ..) = symbol(line)?;
    is_code(kind).then_some(address != 0)
}

/// `veth 36864 0 - Live 0xffffffffc04b6000 (OE)`
fn module(line: &str) -> Option<(&str, Range<u64>)> {
    let mut words = line.split(' ');
    let (name, size) = (words.next()?, words.next()?.parse::<u64>().ok()?);
    let start = words.find_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())?;
    Some((name, start..start.checked_add(size)?))
}

impl Kallsyms {
    /// Takes the texts of both files. Of several names of one address the kernel prints the
    /// first.
    pub(crate) fn new(symbols: &[u8], modules: &str) -> Kallsyms {
        let ranges: BTreeMap<&str, Range<u64>> = map_of(modules.lines().filter_map(module));
        let mut this = Kallsyms {
            names: Vec::with_capacity(symbols.len() / 2),
            entries: Vec::new(),
            modules: vec![(String::new(), None)],
        };
        for line in symbols.split(|&b| b == b'\n') {
            let Some((address, kind, name, module)) = symbol(line) else {
                continue;
            };
            // Places of per-CPU data are no addresses; `$x` marks code on some machines.
            if address == 0 || kind.eq_ignore_ascii_case(&b'a') || name.starts_with(b"$") {
                continue;
            }
            let last = this.modules.last().map(|(name, _)| name.as_str());
            if !module.is_empty() && last != Some(module) {
                let range = ranges.get(module).cloned();
                this.modules.push((module.to_owned(), range));
            }
            let of = match module {
                "" => 0,
                _ => this.modules.len().saturating_sub(1),
            };
            if let (Ok(at), Ok(len), Ok(of)) = (
                u32::try_from(this.names.len()),
                u16::try_from(name.len()),
                u16::try_from(of),
            ) {
                this.names.extend(name);
                this.entries.push(Entry {
                    address,
                    name: at,
                    len,
                    module: of,
                    is_code: is_code(kind),
                });
            }
        }
        this.names.shrink_to_fit();
        this.entries.sort_by_key(|entry| entry.address);
        this.entries.dedup_by_key(|entry| entry.address);
        this
    }

    /// What is at an address; `None` where the kernel prints it bare.
    pub(crate) fn find(&self, address: u64) -> Option<Found<'_>> {
        let after = self.entries.partition_point(|e| e.address <= address);
        let entry = self.entries.get(after.checked_sub(1)?)?;
        let next = self.entries.get(after);
        let start = entry.address;
        let (module, range) = self.modules.get(usize::from(entry.module))?;
        let end = if entry.module == KERNEL {
            // The last symbol of the kernel is behind all its code.
            next.filter(|next| next.module == KERNEL)?.address
        } else if let Some(range) = range.as_ref().filter(|range| range.contains(&address)) {
            let own = next.filter(|next| next.module == entry.module);
            // Behind its code a module goes on at the next page.
            let page = (address | (PAGE - 1)).saturating_add(1);
            match own {
                Some(next) if next.is_code => next.address,
                Some(next) => next.address.min(page),
                None => range.end.min(page),
            }
        } else if module == "bpf" && address.saturating_sub(start) < MAX_BPF {
            next.map_or(start.saturating_add(MAX_BPF), |next| next.address)
        } else {
            return None;
        };
        let name = self.names.get(entry.name as usize..)?;
        (!module.starts_with(BUILT_IN)).then_some(Found {
            name: name.get(..usize::from(entry.len))?,
            offset: address.saturating_sub(start),
            size: end.saturating_sub(start),
            module,
        })
    }
}

/// Prints addresses as the tracer and its probes do, by these options.
pub(crate) struct TracerAddresses<'a> {
    /// All symbols.
    pub(crate) kallsyms: &'a Kallsyms,
    /// `options/sym-offset`.
    pub(crate) sym_offset: bool,
    /// `options/sym-addr`.
    pub(crate) sym_addr: bool,
    /// Width of an address, in digits.
    pub(crate) digits: usize,
    /// Addresses that were printed without a name.
    pub(crate) nameless: RefCell<Vec<u64>>,
}

/// True where a name and an offset stand for a return probe. Newer kernels go by the address,
/// older ones by the name, which does not match once the offset is behind it.
fn is_return_probe(found: Found<'_>, with_offset: bool) -> bool {
    match RETURN_TRAMPOLINES
        .iter()
        .position(|name| name.as_bytes() == found.name)
    {
        Some(0) => !with_offset,
        Some(_) => found.offset == 0,
        None => false,
    }
}

fn push_place(out: &mut Vec<u8>, found: Found<'_>) {
    push_text(out, found.name);
    out.extend(format!("+{:#x}/{:#x}", found.offset, found.size).bytes());
}

fn push_module(out: &mut Vec<u8>, found: Found<'_>) {
    if !found.module.is_empty() {
        out.extend(format!(" [{}]", found.module).bytes());
    }
}

impl TracerAddresses<'_> {
    fn find(&self, address: u64) -> Option<Found<'_>> {
        let found = self.kallsyms.find(address);
        if found.is_none() {
            self.nameless.borrow_mut().push(address);
        }
        found
    }

    /// As in function entries, stacks and marks (kernel/trace/trace_output.c:
    /// `seq_print_ip_sym`).
    pub(crate) fn traced(&self, out: &mut Vec<u8>, address: u64) {
        self.print(out, address, self.sym_offset);
    }

    fn print(&self, out: &mut Vec<u8>, address: u64, with_offset: bool) {
        if address == 0 {
            out.push(b'0');
            return;
        }
        match self.find(address) {
            Some(found) if is_return_probe(found, with_offset) => out.extend(RETURN_PROBE.bytes()),
            Some(found) if with_offset => {
                push_place(out, found);
                push_module(out, found);
            }
            Some(found) => push_text(out, found.name),
            None => out.extend(format!("0x{address:08x}").bytes()),
        }
        if self.sym_addr {
            out.extend(format!(" <{address:0width$x}>", width = self.digits).bytes());
        }
    }
}

impl Addresses for TracerAddresses<'_> {
    fn function(&self, out: &mut Vec<u8>, address: u64) {
        match self.find(address) {
            Some(found) => {
                push_text(out, found.name);
                push_module(out, found);
            }
            None => out.extend(format!("0x{address:x}").bytes()),
        }
    }

    fn place(&self, out: &mut Vec<u8>, address: u64) {
        match self.find(address) {
            Some(found) => {
                push_place(out, found);
                push_module(out, found);
            }
            None => out.extend(format!("0x{address:x}").bytes()),
        }
    }

    /// The caller and the probed instruction have their place; the function that returned is its
    /// name (kernel/trace/trace_kprobe.c: `print_kretprobe_event`).
    fn probed(&self, out: &mut Vec<u8>, field: &str, address: u64) {
        self.print(out, address, field != "__probe_func");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a 6.1 kernel: code, an alias, data, a module, what it goes on with, a trampoline.
    const SYMBOLS: &[u8] = b"0000000000000000 A fixed_percpu_data
000000000000a000 A cpu_number
ffffffffb8000000 T _stext
ffffffffb88aaa90 T ip6_route_input
ffffffffb88aaa90 t alias
ffffffffb88aad20 t __pfx
ffffffffb8900000 T arch_rethook_trampoline
ffffffffb8900090 T kretprobe_trampoline
ffffffffb8900100 t $x
ffffffffb8900200 D _end
ffffffffc04b6000 t veth_get_link_ksettings\t[veth]
ffffffffc04b7a80 t veth_xmit\t[veth]
ffffffffc04b7cf0 t veth_xdp_get\t[veth]
ffffffffc04b9506 t veth_set_channels.cold\t[veth]
ffffffffc04ba024 r _note_10\t[veth]
ffffffffc04bd500 b key\t[veth]
ffffffffc04c0000 t ftrace_trampoline\t[__builtin__ftrace]
ffffffffc04d0000 t bpf_prog_6deef7357e7b4530\t[bpf]
ffffffffc04f0000 t gone\t[gone]
not a symbol
";
    const MODULES: &str = "veth 36864 0 - Live 0xffffffffc04b6000\nbroken\n";

    fn with<T>(
        sym_offset: bool,
        sym_addr: bool,
        use_it: impl FnOnce(TracerAddresses<'_>) -> T,
    ) -> T {
        let kallsyms = Kallsyms::new(SYMBOLS, MODULES);
        use_it(TracerAddresses {
            kallsyms: &kallsyms,
            sym_offset,
            sym_addr,
            digits: 16,
            nameless: RefCell::default(),
        })
    }

    fn text(print: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        print(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn places_as_the_kernel_prints_them() {
        for (address, printed) in [
            (0xffff_ffff_b7ff_ffff, "0xffffffffb7ffffff"),
            (0xffff_ffff_b88a_aa90, "ip6_route_input+0x0/0x290"),
            (0xffff_ffff_b88a_aad0, "ip6_route_input+0x40/0x290"),
            // Behind the kernel.
            (0xffff_ffff_b890_0200, "0xffffffffb8900200"),
            (0xffff_ffff_c000_0000, "0xffffffffc0000000"),
            (0xffff_ffff_c04b_7a81, "veth_xmit+0x1/0x270 [veth]"),
            // The last of its code ends with the page.
            (
                0xffff_ffff_c04b_9510,
                "veth_set_channels.cold+0xa/0xafa [veth]",
            ),
            (0xffff_ffff_c04b_d501, "key+0x1/0xb00 [veth]"),
            // Behind the module; the kernel's own trampoline; a module that is no more.
            (0xffff_ffff_c04b_f000, "0xffffffffc04bf000"),
            (0xffff_ffff_c04c_0053, "0xffffffffc04c0053"),
            (0xffff_ffff_c04f_0001, "0xffffffffc04f0001"),
            (
                0xffff_ffff_c04d_0001,
                "bpf_prog_6deef7357e7b4530+0x1/0x20000 [bpf]",
            ),
            (0xffff_ffff_c04e_0000, "0xffffffffc04e0000"),
        ] {
            let place = text(|out| with(false, false, |a| a.place(out, address)));
            assert_eq!(place, printed);
            let name = printed.split('+').next().unwrap();
            let traced = text(|out| with(false, false, |a| a.traced(out, address)));
            assert_eq!(traced, name);
            let module = printed
                .split_once(" [")
                .map_or(String::new(), |m| format!(" [{}", m.1));
            let function = text(|out| with(false, false, |a| a.function(out, address)));
            assert_eq!(function, format!("{name}{module}"));
        }
    }

    #[test]
    fn options_and_probes() {
        let of = |offset, addr, address| text(|out| with(offset, addr, |a| a.traced(out, address)));
        let input = 0xffff_ffff_b88a_aad0;
        assert_eq!(of(true, false, input), "ip6_route_input+0x40/0x290");
        assert_eq!(of(false, true, input), "ip6_route_input <ffffffffb88aaad0>");
        assert_eq!(of(false, true, 0), "0");
        assert_eq!(of(true, false, 0x1234), "0x00001234");
        let nameless = with(true, false, |a| {
            a.traced(&mut Vec::new(), input);
            a.traced(&mut Vec::new(), 0x1234);
            a.nameless.take()
        });
        assert_eq!(nameless, [0x1234]);
        // Newer kernels know a return probe by its address, older ones by its bare name.
        let (new, old) = (0xffff_ffff_b890_0000, 0xffff_ffff_b890_0090);
        for (offset, address, printed) in [
            (false, new, RETURN_PROBE),
            (true, new, RETURN_PROBE),
            (false, new + 1, "arch_rethook_trampoline"),
            (false, old, RETURN_PROBE),
            (false, old + 0x42, RETURN_PROBE),
            (true, old, "kretprobe_trampoline+0x0/0x170"),
        ] {
            assert_eq!(of(offset, false, address), printed, "{offset} {address:x}");
        }
        for (field, printed) in [
            ("__probe_func", "ip6_route_input"),
            ("__probe_ret_ip", "ip6_route_input+0x40/0x290"),
            ("__probe_ip", "ip6_route_input+0x40/0x290"),
        ] {
            let probed = text(|out| with(false, false, |a| a.probed(out, field, input)));
            assert_eq!(probed, printed);
        }
    }

    #[test]
    fn hidden_addresses_are_none() {
        let hidden = b"0000000000000000 T _stext\n0000000000000000 t veth_xmit\t[veth]\n";
        assert_eq!(
            format!("{:?}", Kallsyms::new(hidden, "")),
            "Kallsyms(0 symbols)"
        );
        let first = |text: &[u8]| text.split(|&b| b == b'\n').find_map(has_address);
        // Places of per-CPU data begin at 0 on every kernel, and are shown on any.
        assert_eq!(first(hidden), Some(false));
        assert_eq!(first(SYMBOLS), Some(true));
        assert_eq!(
            first(b"0000000000000000 A fixed_percpu_data\nnot a symbol\n"),
            None
        );
        let shown = Kallsyms::new(SYMBOLS, "");
        assert_eq!(format!("{shown:?}"), "Kallsyms(15 symbols)");
        assert_eq!(shown.find(0xffff_ffff_c04b_7a80), None);
    }
}
