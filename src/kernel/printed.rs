//! What the kernel, its tracer and its log print of drops and allocations.

/// What `dst_alloc` logs where the collector of dst entries reports failure (net/core/dst.c),
/// up to where versions differ.
pub(crate) const CACHE_IS_FULL: &str = "Route cache is full: consider increasing sysctl net.ipv";

/// How the kernel's log says that it left out some of those messages, up to their number.
pub(crate) const CACHE_IS_FULL_LEFT_OUT: &str = "dst_alloc: ";

/// What stands behind their number.
pub(crate) const LEFT_OUT_END: &str = " callbacks suppressed";

/// A frame whose return address a return probe has replaced (kernel/trace/trace_output.c).
pub(crate) const RETURN_PROBE: &str = "[unknown/kretprobe'd]";

/// A frame that stands for the tracer's own trampoline (kernel/trace/trace_output.c, 6.4 on), and
/// the address that the kernel keeps for it (kernel/trace/trace.h: `FTRACE_TRAMPOLINE_MARKER`).
pub(crate) const TRAMPOLINE: (&str, u64) = ("[FTRACE TRAMPOLINE]", i32::MAX as u64);

/// What x86 and others put in place of a return address (arch/x86/kernel/kprobes/core.c,
/// kernel/trace/rethook.c); the kernel prints all of them as [`RETURN_PROBE`].
pub(crate) const RETURN_TRAMPOLINES: [&str; 3] = [
    "kretprobe_trampoline",
    "__kretprobe_trampoline",
    "arch_rethook_trampoline",
];

/// What stands for a string that a probe could not read (kernel/trace/trace_probe.c).
pub(crate) const FAULT: &str = "(fault)";

/// How functions of the function tracer start (arch/x86/kernel/ftrace_64.S).
pub(crate) const FTRACE: &str = "ftrace_";
/// What it calls where several trace one function (kernel/trace/ftrace.c).
pub(crate) const FTRACE_LIST: &str = "arch_ftrace_ops_list_func";

/// What names of functions hold that may stand between `ip6_pkt_drop` and the event
/// `skb:kfree_skb`: those that free a packet (net/core/skbuff.c), and those of the tracers.
pub(crate) const FREEING: [&str; 4] = ["kfree_skb", "skb_reason_drop", "perf_", FTRACE];

/// What the kernel logs where memory is short: the page allocator (mm/page_alloc.c:
/// `warn_alloc`) and a slab cache (mm/slub.c: `slab_out_of_memory`).
pub(crate) const NO_MEMORY: [&str; 2] = [
    ": page allocation failure: order:",
    "SLUB: Unable to allocate memory on node",
];
