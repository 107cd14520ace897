//! Makes trace.dat files of any version, byte order and word size, as trace-cmd.dat(5) describes them.

use std::io::Write;

/// What the files of one test have in common.
#[derive(Clone, Copy)]
pub struct Dat {
    pub version: u8,
    pub big: bool,
    pub long: usize,
    /// Sections and CPU data of version 7 in zlib.
    pub zlib: bool,
    /// CPU 0 had no room for some events.
    pub full: bool,
}

/// A record of a ring buffer; times are differences in nanoseconds.
#[derive(Clone)]
pub enum Record {
    /// An event: its bytes.
    Event(u32, Vec<u8>),
    /// An event that was taken back.
    Discarded(u32, u32),
    /// A difference of more than 27 bits.
    Extend(u64),
    /// An absolute time.
    Stamp(u64),
    /// Nothing more in this sub-buffer.
    Padding,
}

/// A sub-buffer: its time, what was lost in front of it, its records.
#[derive(Clone)]
pub struct Page {
    pub time: u64,
    pub lost: Option<Option<u64>>,
    pub records: Vec<Record>,
}

pub const PAGE: usize = 4096;
pub const FUNCTION: u16 = 1;
pub const STACK: u16 = 4;
pub const ENTER: u16 = 1201;
pub const EXIT: u16 = 1202;

/// A name of 250 letters.
pub const LONG: &str = concat!(
    "a_function_with_a_name_of_fifty_letters_like_these",
    "a_function_with_a_name_of_fifty_letters_like_these",
    "a_function_with_a_name_of_fifty_letters_like_these",
    "a_function_with_a_name_of_fifty_letters_like_these",
    "a_function_with_a_name_of_fifty_letters_like_these",
);

pub const SYMBOLS: [&str; 9] = [
    "ip6_dst_gc",
    "dst_alloc",
    "fib6_run_gc",
    "ip6_pkt_drop",
    "ip6_pkt_discard",
    "ip6_pol_route_input",
    "ip6_route_input",
    LONG,
    "kretprobe_trampoline",
];

impl Dat {
    pub fn number(self, value: u64, size: usize) -> Vec<u8> {
        if self.big {
            value.to_be_bytes()[8 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        }
    }

    /// An address inside a symbol.
    pub fn address(self, symbol: &str) -> u64 {
        let at = SYMBOLS.iter().position(|s| *s == symbol).unwrap() as u64;
        let base: u64 = if self.long == 8 {
            0xffff_ffff_8100_0000
        } else {
            0xc010_0000
        };
        base + 0x1000 * at + 0x10
    }

    fn kallsyms(self) -> Vec<u8> {
        let mut text = String::from("00000000 A nothing\n");
        for symbol in SYMBOLS {
            text += &format!("{:x} T {symbol}\n", self.address(symbol) - 0x10);
        }
        text.into_bytes()
    }

    fn format(self, name: &str, id: u16, fields: &str, print: &str) -> Vec<u8> {
        format!(
            "name: {name}\nID: {id}\nformat:\n\
             \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
             \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\
             \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n\
             \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n{fields}\n\
             print fmt: {print}\n"
        )
        .into_bytes()
    }

    fn formats(self) -> [Vec<Vec<u8>>; 2] {
        let long = self.long;
        let field = |what: &str, offset: usize, size: usize, signed: u8| {
            format!("\tfield:{what};\toffset:{offset};\tsize:{size};\tsigned:{signed};\n")
        };
        let function = field("unsigned long ip", 8, long, 0)
            + &field("unsigned long parent_ip", 8 + long, long, 0);
        let stack =
            field("int size", 8, 4, 1) + &field("unsigned long caller[]", 8 + long.max(4), 0, 0);
        let enter = field("unsigned long __probe_ip", 8, long, 0)
            + &field("u16 family", 8 + long, 2, 0)
            + &field("s64 fast", 16 + long, 8, 1);
        let exit = field("unsigned long __probe_func", 8, long, 0)
            + &field("unsigned long __probe_ret_ip", 8 + long, long, 0)
            + &field("u32 ret", 8 + 2 * long, 4, 0);
        [
            vec![
                self.format(
                    "function",
                    FUNCTION,
                    &function,
                    "\" %lx <-- %lx\", REC->ip, REC->parent_ip",
                ),
                self.format("kernel_stack", STACK, &stack, "\"\""),
            ],
            vec![
                self.format(
                    "gc_enter",
                    ENTER,
                    &enter,
                    "\"(%lx) family=%u fast=%Ld\", REC->__probe_ip, REC->family, REC->fast",
                ),
                self.format(
                    "gc_exit",
                    EXIT,
                    &exit,
                    "\"(%lx <- %lx) ret=0x%x\", REC->__probe_func, REC->__probe_ret_ip, REC->ret",
                ),
            ],
        ]
    }

    fn common(self, id: u16, pid: u32) -> Vec<u8> {
        let mut event = self.number(id.into(), 2);
        event.extend([0, 0]);
        event.extend(self.number(pid.into(), 4));
        event
    }

    pub fn function(self, pid: u32, name: &str, caller: &str) -> Record {
        let mut event = self.common(FUNCTION, pid);
        event.extend(self.number(self.address(name), self.long));
        event.extend(self.number(self.address(caller), self.long));
        Record::Event(1000, event)
    }

    pub fn stack(self, pid: u32, callers: &[&str]) -> Record {
        let mut event = self.common(STACK, pid);
        event.extend(self.number(callers.len() as u64, 4));
        event.resize(8 + self.long.max(4), 0);
        for caller in callers {
            event.extend(self.number(self.address(caller), self.long));
        }
        event.extend(self.number(u64::MAX, self.long));
        Record::Event(1000, event)
    }

    pub fn enter(self, pid: u32, fast: i64) -> Record {
        let mut event = self.common(ENTER, pid);
        event.extend(self.number(self.address("ip6_dst_gc") - 0x10, self.long));
        event.extend(self.number(10, 2));
        event.resize(16 + self.long, 0);
        event.extend(self.number(fast as u64, 8));
        Record::Event(1000, event)
    }

    pub fn exit(self, pid: u32, ret: u32) -> Record {
        let mut event = self.common(EXIT, pid);
        event.extend(self.number(self.address("ip6_dst_gc") - 0x10, self.long));
        event.extend(self.number(self.address("dst_alloc"), self.long));
        event.extend(self.number(ret.into(), 4));
        Record::Event(1000, event)
    }

    fn record(self, record: &Record) -> Vec<u8> {
        let header = |kind: u64, delta: u64| {
            let word = if self.big {
                kind << 27 | delta
            } else {
                delta << 5 | kind
            };
            self.number(word, 4)
        };
        let low = (1 << 27) - 1;
        match record {
            Record::Event(delta, bytes) => {
                let padded = bytes.len().next_multiple_of(4);
                let mut out = if padded <= 28 * 4 {
                    header(padded as u64 / 4, u64::from(*delta))
                } else {
                    let mut out = header(0, u64::from(*delta));
                    out.extend(self.number(padded as u64 + 4, 4));
                    out
                };
                out.extend(bytes);
                out.resize(out.len() + padded - bytes.len(), 0);
                out
            }
            Record::Discarded(delta, len) => {
                let mut out = header(29, u64::from(*delta));
                out.extend(self.number(u64::from(*len), 4));
                out.resize(4 + *len as usize, 0xaa);
                out
            }
            Record::Extend(delta) | Record::Stamp(delta) => {
                let kind = if matches!(record, Record::Extend(_)) {
                    30
                } else {
                    31
                };
                let mut out = header(kind, delta & low);
                out.extend(self.number(delta >> 27, 4));
                out
            }
            Record::Padding => {
                let mut out = header(29, 0);
                out.extend([0xff; 12]);
                out
            }
        }
    }

    fn page(self, page: &Page) -> Vec<u8> {
        let records: Vec<u8> = page.records.iter().flat_map(|r| self.record(r)).collect();
        let flags = match page.lost {
            None => 0,
            Some(None) => 1 << 31,
            Some(Some(_)) => 3 << 30,
        };
        let mut out = self.number(page.time, 8);
        out.extend(self.number(records.len() as u64 | flags, self.long));
        out.extend(&records);
        if let Some(Some(lost)) = page.lost {
            out.extend(self.number(lost, self.long));
        }
        assert!(out.len() <= PAGE);
        out.resize(PAGE, 0);
        out
    }

    fn header_info(self) -> Vec<u8> {
        let long = self.long;
        let page = format!(
            "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\
             \tfield: local_t commit;\toffset:8;\tsize:{long};\tsigned:1;\n\
             \tfield: char data;\toffset:{};\tsize:{};\tsigned:1;\n",
            8 + long,
            PAGE - 8 - long
        );
        let mut out = b"header_page\0".to_vec();
        out.extend(self.number(page.len() as u64, 8));
        out.extend(page.bytes());
        out.extend(b"header_event\0");
        out.extend(self.number(4, 8));
        out.extend(b"none");
        out
    }

    fn files(self, files: &[Vec<u8>]) -> Vec<u8> {
        let mut out = self.number(files.len() as u64, 4);
        for file in files {
            out.extend(self.number(file.len() as u64, 8));
            out.extend(file);
        }
        out
    }

    /// The parts that both versions have, with their numbers of version 7.
    fn parts(self) -> Vec<(u16, Vec<u8>)> {
        let sized = |size: usize, bytes: &[u8]| {
            let mut out = self.number(bytes.len() as u64, size);
            out.extend(bytes);
            out
        };
        let [ftrace, probes] = self.formats();
        let mut events = self.number(1, 4);
        events.extend(b"kprobes\0");
        events.extend(self.files(&probes));
        vec![
            (16, self.header_info()),
            (17, self.files(&ftrace)),
            (18, events),
            (19, sized(4, &self.kallsyms())),
            (20, sized(4, b"")),
            (21, sized(8, b"1042 python 3\n7 \x1b[31mred\n")),
        ]
    }

    fn start(self) -> Vec<u8> {
        let mut out = b"\x17\x08\x44tracing".to_vec();
        out.extend([b'0' + self.version, 0, u8::from(self.big), self.long as u8]);
        out.extend(self.number(PAGE as u64, 4));
        out
    }

    /// A file with these buffers: the name of each, and its pages by CPU.
    pub fn file(self, buffers: &[(&str, Vec<Vec<Page>>)]) -> Vec<u8> {
        let data: Vec<Vec<Vec<u8>>> = buffers
            .iter()
            .map(|(_, cpus)| {
                let pages = |pages: &Vec<Page>| pages.iter().flat_map(|p| self.page(p)).collect();
                cpus.iter().map(pages).collect()
            })
            .collect();
        match self.version {
            6 => self.version6(buffers, &data),
            _ => self.version7(buffers, &data),
        }
    }

    fn options(self, options: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (id, data) in options {
            out.extend(self.number((*id).into(), 2));
            out.extend(self.number(data.len() as u64, 4));
            out.extend(data);
        }
        out
    }

    fn known(self, cpus: usize) -> Vec<(u16, Vec<u8>)> {
        let dropped = u8::from(self.full);
        let stats = format!("CPU: 0\nentries: 0\ndropped events: {dropped}\nread events: 9\n");
        vec![
            (2, stats.into_bytes()),
            (4, b"local [global] counter\0".to_vec()),
            (5, b"Linux node7 4.19.113 x86_64\0".to_vec()),
            (8, self.number(cpus as u64, 4)),
            (7, b"1000\0".to_vec()),
            (99, vec![0; 5]),
        ]
    }

    fn version6(self, buffers: &[(&str, Vec<Vec<Page>>)], data: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let cpus = buffers[0].1.len();
        let mut out = self.start();
        for (_, part) in self.parts() {
            out.extend(part);
        }
        out.extend(self.number(cpus as u64, 4));
        out.extend(b"options  \0");
        let mut options = self.known(cpus);
        let table = 10 + 16 * cpus;
        let mut instances = Vec::new();
        let fixed = self.options(&options).len();
        let names: usize = buffers[1..]
            .iter()
            .map(|(name, _)| 6 + 8 + name.len() + 1)
            .sum();
        let tables = out.len() + fixed + names + 2;
        for (number, (name, _)) in buffers[1..].iter().enumerate() {
            let mut option = self.number((tables + table * (number + 1)) as u64, 8);
            option.extend(name.bytes());
            option.push(0);
            options.push((3, option));
            instances.push(number + 1);
        }
        out.extend(self.options(&options));
        out.extend(self.number(0, 2));
        assert_eq!(out.len(), tables);
        let mut at = (tables + table * buffers.len()).next_multiple_of(PAGE);
        for cpus in data {
            out.extend(b"flyrecord\0");
            for pages in cpus {
                out.extend(self.number(at as u64, 8));
                out.extend(self.number(pages.len() as u64, 8));
                at += pages.len();
            }
        }
        out.resize(out.len().next_multiple_of(PAGE), 0);
        out.extend(data.iter().flatten().flatten());
        out
    }

    fn block(self, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let mut out = self.number(packed.len() as u64, 4);
        out.extend(self.number(bytes.len() as u64, 4));
        out.extend(packed);
        out
    }

    pub fn section(self, id: u16, bytes: &[u8]) -> Vec<u8> {
        let body = if self.zlib {
            self.block(bytes)
        } else {
            bytes.to_vec()
        };
        self.section_header(id, self.zlib, &body)
    }

    fn section_header(self, id: u16, packed: bool, body: &[u8]) -> Vec<u8> {
        let mut out = self.number(id.into(), 2);
        out.extend(self.number(packed.into(), 2));
        out.extend(self.number(0, 4));
        out.extend(self.number(body.len() as u64, 8));
        out.extend(body);
        out
    }

    /// The start of a file of version 7 whose options are at `options`.
    pub fn start7(self, options: u64) -> Vec<u8> {
        let mut out = self.start();
        out.extend(if self.zlib {
            &b"zlib\x001.2\x00"[..]
        } else {
            b"none\0\0"
        });
        out.extend(self.number(options, 8));
        out
    }

    fn version7(self, buffers: &[(&str, Vec<Vec<Page>>)], data: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut out = self.start7(0);
        let pointer = out.len() - 8;
        let mut options = self.known(buffers[0].1.len());
        for (id, part) in self.parts() {
            options.push((id, self.number(out.len() as u64, 8)));
            out.extend(self.section(id, &part));
        }
        for ((name, _), cpus) in buffers.iter().zip(data) {
            let mut option = self.number(out.len() as u64, 8);
            for text in [*name, "global"] {
                option.extend(text.bytes());
                option.push(0);
            }
            option.extend(self.number(PAGE as u64, 4));
            option.extend(self.number(cpus.len() as u64, 4));
            out.extend(self.section_header(3, self.zlib, &[]));
            for (cpu, pages) in cpus.iter().enumerate() {
                let body = if self.zlib {
                    let chunks: Vec<_> = pages.chunks(2 * PAGE).collect();
                    let mut body = self.number(chunks.len() as u64, 4);
                    chunks
                        .iter()
                        .for_each(|chunk| body.extend(self.block(chunk)));
                    body
                } else {
                    pages.clone()
                };
                option.extend(self.number(cpu as u64, 4));
                option.extend(self.number(out.len() as u64, 8));
                option.extend(self.number(body.len() as u64, 8));
                out.extend(body);
            }
            options.push((3, option));
        }
        let at = out.len() as u64;
        out[pointer..pointer + 8].copy_from_slice(&self.number(at, 8));
        options.push((0, self.number(0, 8)));
        out.extend(self.section(0, &self.options(&options)));
        out
    }
}
