//! What events say: made as the kernel writes them, and printed as it prints them.

use std::net::Ipv6Addr;

use crate::ring::format::{EventFormat, Field};
use crate::ring::machine::Machine;
use crate::ring::print::EventPrinter;
use crate::ring::symbols::Symbols;

const MACHINE: Machine = Machine {
    big_endian: false,
    long: 8,
};

/// What a field of a made event holds.
#[derive(Clone, Copy)]
enum Held {
    Number(i64),
    Text(&'static str),
    Address(&'static str),
    /// A string that the kernel could not read: its place, without a byte.
    Fault,
}
use Held::{Address, Fault, Number, Text};

/// The format of an event; fields are `TYPE NAME OFFSET SIZE SIGNED`.
fn format(name: &str, fields: &[&str], print: &str) -> EventFormat {
    let mut text = format!("name: {name}\n");
    for field in fields {
        let [signed, size, offset, declaration] =
            <[_; 4]>::try_from(field.rsplitn(4, ' ').collect::<Vec<_>>()).unwrap();
        text +=
            &format!("\tfield:{declaration};\toffset:{offset};\tsize:{size};\tsigned:{signed};\n");
    }
    EventFormat::parse(format!("{text}\nprint fmt: {print}\n").as_bytes())
}

/// An event as the kernel writes it: fields at their places, strings behind them.
fn packed(format: &EventFormat, held: &[(&str, Held)]) -> Vec<u8> {
    let end = |field: &Field| field.offset + field.size;
    let mut event = vec![0; format.fields.iter().map(end).max().unwrap()];
    for &(name, held) in held {
        let field = format.field(name).expect(name);
        let bytes = match held {
            Number(number) => number.to_le_bytes()[..field.size].to_vec(),
            Address(text) => text.parse::<Ipv6Addr>().unwrap().octets().to_vec(),
            Text(text) if field.located => {
                let place = event.len() as u32 | (text.len() as u32 + 1) << 16;
                event.extend(text.bytes().chain([0]));
                place.to_le_bytes().to_vec()
            }
            Text(text) => text.as_bytes().to_vec(),
            Fault => (event.len() as u32).to_le_bytes().to_vec(),
        };
        event[field.offset..][..bytes.len()].copy_from_slice(&bytes);
    }
    event
}

fn said(format: &EventFormat, event: &[u8]) -> String {
    let symbols = Symbols::new(b"ffffffff81000000 T ip6_pkt_drop\n".to_vec());
    let printer = EventPrinter {
        format,
        symbols: &symbols,
        machine: MACHINE,
    };
    let mut out = Vec::new();
    printer.says(&mut out, event);
    String::from_utf8(out).unwrap()
}

fn says(format: &EventFormat, held: &[(&str, Held)]) -> String {
    said(format, &packed(format, held))
}

/// The lookup of a 4.19 kernel.
fn lookup_4_19() -> EventFormat {
    let fields = [
        "u32 tb_id 8 4 0",
        "int err 12 4 1",
        "int oif 16 4 1",
        "int iif 20 4 1",
        "__u8 tos 24 1 0",
        "__u8 scope 25 1 0",
        "__u8 flags 26 1 0",
        "__u8 src[16] 27 16 0",
        "__u8 dst[16] 43 16 0",
        "u16 sport 60 2 0",
        "u16 dport 62 2 0",
        "u8 proto 64 1 0",
        "u8 rt_type 65 1 0",
        "__data_loc char[] name 68 4 1",
        "__u8 gw[16] 72 16 0",
    ];
    let print = r#""table %3u oif %d iif %d proto %u %pI6c/%u -> %pI6c/%u tos %d scope %d flags %x ==> dev %s gw %pI6c err %d", REC->tb_id, REC->oif, REC->iif, REC->proto, REC->src, REC->sport, REC->dst, REC->dport, REC->tos, REC->scope, REC->flags, __get_str(name), REC->gw, REC->err"#;
    format("fib6_table_lookup", &fields, print)
}

#[test]
fn lookups_of_4_19() {
    let format = lookup_4_19();
    let mut held = [
        ("tb_id", Number(255)),
        ("iif", Number(1)),
        ("proto", Number(17)),
        ("src", Address("fd00:1::2")),
        ("sport", Number(36859)),
        ("dst", Address("fd00:10:244:1::1")),
        ("dport", Number(9)),
        ("name", Text("lo")),
        ("err", Number(-113)),
    ];
    assert_eq!(
        says(&format, &held),
        "table 255 oif 0 iif 1 proto 17 fd00:1::2/36859 -> fd00:10:244:1::1/9 tos 0 scope 0 flags 0 ==> dev lo gw :: err -113"
    );
    held[0] = ("tb_id", Number(50));
    held[8] = ("tos", Number(0xc0));
    assert_eq!(
        says(&format, &held),
        "table  50 oif 0 iif 1 proto 17 fd00:1::2/36859 -> fd00:10:244:1::1/9 tos 192 scope 0 flags 0 ==> dev lo gw :: err 0"
    );
    let sent = [
        ("tb_id", Number(254)),
        ("oif", Number(3)),
        ("iif", Number(1)),
        ("proto", Number(17)),
        ("src", Address("fd00:10:244:1::1")),
        ("sport", Number(9)),
        ("dst", Address("fd00:1::2")),
        ("dport", Number(36859)),
        ("name", Text("eth0")),
        ("gw", Address("fe80::ecee:eeff:feee:1")),
    ];
    assert_eq!(
        says(&format, &sent),
        "table 254 oif 3 iif 1 proto 17 fd00:10:244:1::1/9 -> fd00:1::2/36859 tos 0 scope 0 flags 0 ==> dev eth0 gw fe80::ecee:eeff:feee:1 err 0"
    );
}

/// Newer kernels keep the device's name in the event itself, and print the flow label.
#[test]
fn lookups_of_newer_kernels() {
    let fields = [
        "u32 tb_id 8 4 0",
        "int err 12 4 1",
        "int oif 16 4 1",
        "int iif 20 4 1",
        "u32 flowlabel 24 4 0",
        "__u8 tos 28 1 0",
        "__u8 scope 29 1 0",
        "__u8 flags 30 1 0",
        "__u8 src[16] 31 16 0",
        "__u8 dst[16] 47 16 0",
        "u16 sport 64 2 0",
        "u16 dport 66 2 0",
        "u8 proto 68 1 0",
        "u8 rt_type 69 1 0",
        "char name[16] 70 16 0",
        "__u8 gw[16] 86 16 0",
    ];
    let print = r#""table %3u oif %d iif %d proto %u %pI6c/%u -> %pI6c/%u flowlabel %#x tos %d scope %d flags %x ==> dev %s gw %pI6c err %d", REC->tb_id, REC->oif, REC->iif, REC->proto, REC->src, REC->sport, REC->dst, REC->dport, REC->flowlabel, REC->tos, REC->scope, REC->flags, REC->name, REC->gw, REC->err"#;
    let format = format("fib6_table_lookup", &fields, print);
    let mut held = [
        ("tb_id", Number(254)),
        ("iif", Number(3)),
        ("proto", Number(17)),
        ("src", Address("2001:db8:1::2")),
        ("dst", Address("2001:db8:dead::5")),
        ("name", Text("cali1")),
        ("gw", Address("2001:db8:1::1")),
        ("flowlabel", Number(0)),
    ];
    assert_eq!(
        says(&format, &held),
        "table 254 oif 0 iif 3 proto 17 2001:db8:1::2/0 -> 2001:db8:dead::5/0 flowlabel 0x0 tos 0 scope 0 flags 0 ==> dev cali1 gw 2001:db8:1::1 err 0"
    );
    held[5] = ("name", Text("a-name-of-16-b-w"));
    held[7] = ("flowlabel", Number(0xa_0f64));
    assert_eq!(
        says(&format, &held),
        "table 254 oif 0 iif 3 proto 17 2001:db8:1::2/0 -> 2001:db8:dead::5/0 flowlabel 0xa0f64 tos 0 scope 0 flags 0 ==> dev a-name-of-16-b-w gw 2001:db8:1::1 err 0"
    );
}

#[test]
fn freed_packets_and_why() {
    let fields = [
        "void * skbaddr 8 8 0",
        "void * location 16 8 0",
        "unsigned short protocol 24 2 0",
        "enum skb_drop_reason reason 28 4 0",
    ];
    let print = r#""skbaddr=%p protocol=%u location=%p reason: %s", REC->skbaddr, REC->protocol, REC->location, __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" }, { 65, "IP_INNOROUTES" })"#;
    let format = format("kfree_skb", &fields, print);
    for (location, reason, printed) in [
        (0x88db_56c1, 65, "0x88db56c1 reason: IP_INNOROUTES"),
        (0x88db_56c1, 2, "0x88db56c1 reason: NOT_SPECIFIED"),
        (-0x7eff_ff90, 3, "ip6_pkt_drop+0x70 reason: NO_SOCKET"),
        (0x88db_56c1, 0x7b, "0x88db56c1 reason: 0x7b"),
    ] {
        let held = [
            ("skbaddr", Number(0xb7f1_1949)),
            ("protocol", Number(34525)),
            ("location", Number(location)),
            ("reason", Number(reason)),
        ];
        let printed = format!("skbaddr=0xb7f11949 protocol=34525 location={printed}");
        assert_eq!(says(&format, &held), printed);
    }
}

#[test]
fn received_packets() {
    let fields = [
        "void * skbaddr 8 8 0",
        "unsigned int len 16 4 0",
        "__data_loc char[] name 20 4 0",
    ];
    let held = [
        ("skbaddr", Number(0xff_8880_5d92)),
        ("len", Number(71)),
        ("name", Text("cali1")),
    ];
    for (conversion, printed) in [("%p", "0xff88805d92"), ("%px", "000000ff88805d92")] {
        let print = format!(
            r#""dev=%s skbaddr={conversion} len=%u", __get_str(name), REC->skbaddr, REC->len"#
        );
        let format = format("netif_receive_skb", &fields, &print);
        let printed = format!("dev=cali1 skbaddr={printed} len=71");
        assert_eq!(says(&format, &held), printed);
    }
}

#[test]
fn probes_with_packet_words() {
    let fields = [
        "unsigned long __probe_ip 8 8 0",
        "u64 skb 16 8 0",
        "__data_loc char[] dev 24 4 1",
        "s32 iif 28 4 1",
        "u64 w0 32 8 0",
        "u8 type 40 1 0",
        "u32 thresh 41 4 0",
        "s64 fast 45 8 1",
    ];
    let print = r#""(%lx) skb=0x%Lx dev=\"%s\" iif=%d w0=0x%llx type=%u gc_thresh=%u fast=%Ld", REC->__probe_ip, REC->skb, __get_str(dev), REC->iif, REC->w0, REC->type, REC->thresh, REC->fast"#;
    let format = format("drop", &fields, print);
    let held = |dev| {
        [
            ("__probe_ip", Number(-0x7f00_0000)),
            ("skb", Number(0xffff_8880_5d92_4900_u64 as i64)),
            ("dev", dev),
            ("iif", Number(4)),
            ("w0", Number(0x403a_3900_3aa4_0f60)),
            ("type", Number(200)),
            ("thresh", Number(u32::MAX.into())),
            ("fast", Number(-131_391_636_092_864)),
        ]
    };
    for (dev, printed) in [
        (Text("cali1"), r#""cali1""#),
        (Text("a\nb"), r#""a?b""#),
        (Text(""), r#""""#),
        (Fault, "(fault)"),
    ] {
        assert_eq!(
            says(&format, &held(dev)),
            format!(
                "(ip6_pkt_drop) skb=0xffff88805d924900 dev={printed} iif=4 w0=0x403a39003aa40f60 type=200 gc_thresh=4294967295 fast=-131391636092864"
            )
        );
    }
    // A string that the event does not reach is not one that the kernel could not read.
    let event = packed(&format, &held(Text("cali1")));
    assert!(!said(&format, &event[..event.len() - 1]).contains("(fault)"));
    assert!(!said(&format, &event[..26]).contains("(fault)"));
}

#[test]
fn what_is_not_understood_is_printed_by_its_fields() {
    let fields = [
        "s16 n 0 2 1",
        "u8 many[2] 2 2 0",
        "char name[3] 4 3 0",
        "u8 letter 7 1 0",
    ];
    let held = [
        ("n", Number(-7)),
        ("many", Number(0x1234)),
        ("name", Text("abc")),
        ("letter", Number(0x41)),
    ];
    let of = |print: &str| says(&format("other", &fields, print), &held);
    assert_eq!(
        of(
            r#""%hu %x %c %3c|%5.2s|%-5s|100%%", REC->n, REC->n, REC->letter, REC->letter, REC->name, REC->name"#
        ),
        "65529 fffffff9 A   A|   ab|abc  |100%"
    );
    for print in [
        r#""%d", REC->n + 1"#,
        r#""%d", REC->none"#,
        r#""%d", REC->many"#,
        r#""%c", REC->many"#,
        r#""%p", REC->many"#,
        r#""%pI6c", REC->many"#,
        r#""%pI6c", REC->n"#,
        r#""%s", REC->n"#,
        r#""\"%s\"", REC->n"#,
        r#""%e", REC->n"#,
        r#""%d", __print_symbolic(REC->n, { 1, "one" })"#,
        r#""%s", __print_symbolic(REC->many, { 1, "one" })"#,
        "",
    ] {
        assert_eq!(of(print), "n=-7 many=3412 name=abc letter=0x41", "{print}");
    }
    // Names of negative numbers, and functions without what lies behind their start.
    let named = r#""%s", __print_symbolic(REC->n, { -7, "seven" })"#;
    assert_eq!(of(named), "seven");
    let fields = ["u64 ip 0 8 0"];
    for (how, printed) in [("%ps", "ip6_pkt_drop"), ("%pS", "ip6_pkt_drop+0x10")] {
        let format = format("other", &fields, &format!("\"{how}\", REC->ip"));
        let held = [("ip", Number(-0x7eff_fff0))];
        assert_eq!(says(&format, &held), printed);
    }
}

/// A kilobyte printed 250 times, by a description or without, and a stack that fills a page of a
/// mebibyte: of each no more than readers look at.
#[test]
fn the_text_of_one_event_has_a_cap() {
    const MAX: usize = 64 * 1024;
    let names: Vec<String> = (0..250)
        .map(|n| format!("char f{n}[1024] 8 1024 1"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let by_print = format!("\"{}\"{}", "%s".repeat(250), ", REC->f0".repeat(250));
    for print in [&by_print[..], "REC->f0 + 1"] {
        let format = format("wide", &names, print);
        let len = said(&format, &[b'x'; 2000]).len();
        assert!((MAX..MAX + 2048).contains(&len), "{len}");
    }
    let format = format("kernel_stack", &["unsigned long caller[] 8 0 0"], "\"\"");
    let symbols = Symbols::new(b"ffffffff81000000 T ip6_pkt_drop\n".to_vec());
    let printer = EventPrinter {
        format: &format,
        symbols: &symbols,
        machine: MACHINE,
    };
    let event = 0xffff_ffff_8100_0000_u64.to_le_bytes().repeat(1 << 17);
    let mut out = Vec::new();
    printer.frames(&mut out, &event);
    assert!((MAX..MAX + 64).contains(&out.len()), "{}", out.len());
}
