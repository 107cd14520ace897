//! Frames, as the captures of 4.19 show them: of a kernel with frame pointers, and of one with
//! the ORC unwinder, where tail calls leave no frame.

use crate::event::{Base, Raw, Way, What};
use crate::setup::{Reply, Under};

/// The unwinder, and whether a return probe sits on `ip6_dst_gc`.
#[derive(Debug, Clone, Copy)]
pub struct Unwinder {
    pub orc: bool,
    pub return_probe: bool,
}

type Frames = Vec<&'static str>;

const SYSCALL: [&str; 5] = [
    "sock_sendmsg",
    "__sys_sendto",
    "__x64_sys_sendto",
    "do_syscall_64",
    "entry_SYSCALL_64_after_hwframe",
];

fn task_send(orc: bool, out: &mut Frames) {
    out.push("udpv6_sendmsg");
    if !orc {
        out.push("inet_sendmsg");
    }
    out.extend(SYSCALL);
}

fn task_lookup(orc: bool, custom: bool, out: &mut Frames) {
    rules(orc, custom, "ip6_pol_route_output", out);
    if orc {
        out.extend(["ip6_dst_lookup_tail.constprop.0", "ip6_sk_dst_lookup_flow"]);
    } else {
        out.extend([
            "ip6_route_output_flags",
            "ip6_dst_lookup_tail.constprop.0",
            "ip6_dst_lookup_flow",
            "ip6_sk_dst_lookup_flow",
        ]);
    }
    task_send(orc, out);
}

/// From a table's lookup to the caller of `fib6_rule_lookup`.
fn rules(orc: bool, custom: bool, lookup: &'static str, out: &mut Frames) {
    out.push("ip6_pol_route");
    if !orc {
        out.push(lookup);
    }
    if custom {
        out.extend(["fib6_rule_action", "fib_rules_lookup"]);
    }
    out.push("fib6_rule_lookup");
}

const IDLE: [&str; 10] = [
    "smp_apic_timer_interrupt",
    "apic_timer_interrupt",
    "native_safe_halt",
    "amd_e400_idle",
    "arch_cpu_idle",
    "default_idle_call",
    "do_idle",
    "cpu_startup_entry",
    "start_secondary",
    "secondary_startup_64",
];

/// From a softirq down.
fn softirq(raw: &Raw, orc: bool, out: &mut Frames) {
    out.push("__do_softirq");
    match raw.base {
        Base::Softirq(Under::Send(_)) => {
            out.extend(["do_softirq_own_stack", "do_softirq", "__local_bh_enable_ip"]);
            out.push("ip6_finish_output2");
            if !orc {
                out.extend(["ip6_finish_output", "ip6_output", "ip6_local_out"]);
            }
            out.extend(["ip6_send_skb", "udp_v6_send_skb"]);
            task_send(orc, out);
        }
        Base::OverLookup => {
            out.extend(["do_softirq_own_stack", "do_softirq", "__local_bh_enable_ip"]);
            task_lookup(orc, raw.custom, out);
        }
        Base::Softirq(Under::Ksoftirqd) => {
            out.extend([
                "run_ksoftirqd",
                "smpboot_thread_fn",
                "kthread",
                "ret_from_fork",
            ]);
        }
        Base::Softirq(Under::Idle) => {
            out.push("irq_exit");
            out.extend(IDLE);
        }
        Base::Softirq(Under::Irq(_)) | Base::OverTask | Base::Task | Base::Worker => {
            out.extend(["irq_exit", "do_IRQ", "ret_from_intr"]);
        }
    }
}

/// From the reception of a packet down.
fn reception(raw: &Raw, orc: bool, out: &mut Frames) {
    if raw.list {
        out.extend(["ipv6_list_rcv", "__netif_receive_skb_list_core"]);
        out.extend(["netif_receive_skb_list", "napi_complete_done"]);
        out.extend(["virtnet_poll", "net_rx_action"]);
        return softirq(raw, orc, out);
    }
    if !orc {
        out.extend(["__netif_receive_skb_one_core", "__netif_receive_skb"]);
    }
    out.extend(["process_backlog", "net_rx_action"]);
    softirq(raw, orc, out);
}

/// From a delivered packet's protocol down.
fn delivery(raw: &Raw, orc: bool, out: &mut Frames) {
    out.push("ip6_input_finish");
    if raw.list {
        out.extend(["ip6_sublist_rcv_finish", "ip6_sublist_rcv"]);
    } else if !orc {
        out.extend(["ip6_input", "ipv6_rcv"]);
    }
    reception(raw, orc, out);
}

fn output_side(orc: bool, out: &mut Frames) {
    if !orc {
        out.push("ip6_local_out");
    }
    out.extend(["ip6_send_skb", "udp_v6_send_skb"]);
    task_send(orc, out);
}

/// From `ip6_pkt_drop` down.
fn dropped(raw: &Raw, (handler_out, prohibit): (bool, bool), orc: bool, out: &mut Frames) {
    out.push("ip6_pkt_drop");
    if !orc {
        out.push(
            crate::event::Handler {
                out: handler_out,
                prohibit,
            }
            .name(),
        );
    }
    if handler_out {
        output_side(orc, out);
    } else {
        if raw.list {
            out.extend(["ip6_sublist_rcv_finish", "ip6_sublist_rcv"]);
        } else if !orc {
            out.push("ipv6_rcv");
        }
        reception(raw, orc, out);
    }
}

/// From `ip6_dst_alloc` down.
fn allocation(raw: &Raw, orc: bool, out: &mut Frames) {
    out.push("ip6_dst_alloc");
    let output = "ip6_pol_route_output";
    match raw.way {
        Way::Input => {
            rules(orc, raw.custom, "ip6_pol_route_input", out);
            out.push("ip6_route_input");
            if !orc {
                out.push("ip6_rcv_finish_core.constprop.0.isra.0");
            }
            out.push(if raw.list {
                "ip6_sublist_rcv"
            } else {
                "ipv6_rcv"
            });
            reception(raw, orc, out);
        }
        Way::Answer(reply) => {
            rules(orc, raw.custom, output, out);
            if !orc {
                out.push("ip6_route_output_flags");
            }
            match reply {
                Reply::ClosedPort => out.extend(["icmp6_send", "icmpv6_send", "__udp6_lib_rcv"]),
                Reply::Echo => out.extend([
                    "ip6_dst_lookup_tail.constprop.0",
                    "ip6_dst_lookup",
                    "icmpv6_echo_reply",
                    "icmpv6_rcv",
                ]),
                Reply::Tcp | Reply::None => out.extend([
                    "ip6_dst_lookup_tail.constprop.0",
                    "ip6_dst_lookup_flow",
                    "tcp_v6_send_response",
                    "tcp_v6_send_reset",
                    "tcp_v6_rcv",
                ]),
            }
            delivery(raw, orc, out);
        }
        Way::Error {
            out: side,
            prohibit,
        } => {
            rules(orc, raw.custom, output, out);
            if !orc {
                out.push("ip6_route_output_flags");
            }
            out.extend(["icmp6_send", "icmpv6_send"]);
            dropped(raw, (side, prohibit), orc, out);
        }
        Way::Back => {
            rules(orc, raw.custom, "ip6_pol_route_lookup", out);
            out.extend(["ip6_route_lookup", "nf_hook_slow", "ipv6_rcv"]);
            reception(raw, orc, out);
        }
        Way::Output => task_lookup(orc, raw.custom, out),
        Way::NdiscAnswer => {
            out.extend(["icmp6_dst_alloc", "ndisc_send_skb", "ndisc_send_na"]);
            out.extend(["ndisc_recv_ns", "ndisc_rcv", "icmpv6_rcv"]);
            delivery(raw, orc, out);
        }
        Way::NdiscTimer => {
            out.extend(["icmp6_dst_alloc", "ndisc_send_skb", "ndisc_send_ns"]);
            out.extend(["ndisc_solicit", "neigh_probe", "neigh_timer_handler"]);
            timer(raw, orc, out);
        }
        Way::NdiscWorker => {
            out.extend(["icmp6_dst_alloc", "ndisc_send_skb", "ndisc_send_ns"]);
            out.extend(["addrconf_dad_work", "process_one_work", "worker_thread"]);
            out.extend(["kthread", "ret_from_fork"]);
        }
        Way::GcTimer => {}
    }
}

fn timer(raw: &Raw, orc: bool, out: &mut Frames) {
    out.extend(["call_timer_fn", "__run_timers.part.0"]);
    out.push("run_timer_softirq");
    softirq(raw, orc, out);
}

/// The frames behind an event that has a stack.
pub fn frames(raw: &Raw, unwinder: Unwinder) -> Frames {
    let orc = unwinder.orc;
    let mut out = Vec::with_capacity(40);
    match raw.what {
        What::Drop(handler, _) => {
            dropped(raw, (handler.out, handler.prohibit), orc, &mut out);
        }
        _ if unwinder.return_probe && orc => out.extend(["ip6_dst_gc", "[unknown/kretprobe'd]"]),
        _ if unwinder.return_probe => {
            // As captured: the caller is lost, and the tracer's own frame shows.
            out.extend(["ftrace_regs_call", "ip6_dst_gc"]);
            allocation(raw, orc, &mut out);
        }
        _ => {
            out.extend(["ip6_dst_gc", "dst_alloc"]);
            allocation(raw, orc, &mut out);
        }
    }
    out
}

/// The function that an entry's event names behind `<-`.
pub fn caller(raw: &Raw, orc: bool) -> &'static str {
    match raw.what {
        What::RouteInput(_) if orc && raw.list => "ip6_sublist_rcv",
        What::RouteInput(_) if orc => "ipv6_rcv",
        What::RouteInput(_) => "ip6_rcv_finish_core.constprop.0.isra.0",
        What::RunGc if raw.way != Way::GcTimer => "ip6_dst_gc",
        What::RunGc if orc => "call_timer_fn",
        What::RunGc => "fib6_gc_timer_cb",
        What::Handler(handler, _) if raw.list && !handler.out => "ip6_sublist_rcv_finish",
        What::Drop(handler, _) if raw.list && !handler.out && orc => "ip6_sublist_rcv_finish",
        What::Handler(handler, _) => match (handler.out, orc) {
            (false, true) => "process_backlog",
            (false, false) => "ipv6_rcv",
            (true, true) => "ip6_send_skb",
            (true, false) => "ip6_local_out",
        },
        What::Drop(handler, _) => match (handler.out, orc) {
            (false, true) => "process_backlog",
            (true, true) => "ip6_send_skb",
            (_, false) => handler.name(),
        },
        What::IcmpSend => "icmpv6_send",
        _ => "dst_alloc",
    }
}
