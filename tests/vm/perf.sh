# Runs inside the test machine: what perf and bpftrace print about drops that were made here,
# read by the program. tests/perf/run starts it. With PARTS=print every output is printed as
# well, between lines `VM FILE NAME` and `VM END`.

T=/sys/kernel/tracing
DEAD=2001:db8:dead::1
FAILED=0
ok() { echo "ok    $*"; }
bad() { echo "FAIL  $*"; FAILED=1; }
expect() { # expect WANTED FOUND WHAT
    if [ "$1" = "$2" ]; then ok "$3"; else bad "$3: wanted '$1', found '$2'"; fi
}
no_routes() { awk '$1 == "Ip6InNoRoutes" { print $2 }' /proc/net/snmp6; }

network() { # this namespace is the node, one pod behind a veth pair
    ip=/full/ip
    $ip netns add pod
    $ip link add cali0 type veth peer name eth0 netns pod
    $ip addr add 2001:db8:1::1/64 dev cali0 nodad
    $ip netns exec pod $ip addr add 2001:db8:1::2/64 dev eth0 nodad
    $ip link set lo up
    $ip link set cali0 up
    $ip netns exec pod $ip link set lo up
    $ip netns exec pod $ip link set eth0 up
    $ip netns exec pod $ip -6 route add default via 2001:db8:1::1
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
    for _ in 1 2 3 4 5; do
        $ip netns exec pod /full/ping -c 1 -W 2 -q 2001:db8:1::1 > /dev/null 2>&1 && return
    done
    bad "the pod cannot reach the node"
}
send() { # send CPU COUNT: packets from the pod to an address the node has no route for
    /full/ip netns exec pod taskset -c "$1" /full/ping -c "$2" -i 0.01 -W 1 -q $DEAD > /dev/null 2>&1
}
drops() { # drops FILE [OPTION...]: how many the report counts
    ip6drop report --format json "$@" > /tmp/report.json || return
    tr -d ' \n' < /tmp/report.json | sed 's/.*"drops":{"total":\([0-9]*\).*/\1/'
}
show() { # show FILE
    grep -q 'parts=print' /proc/cmdline || return 0
    echo "VM FILE ${1##*/}"
    cat "$1"
    echo "VM END"
}

perf_script() { # perf_script NAME DROPS-EACH-CPU OPTION...: what to record
    name=$1 each=$2
    shift 2
    /full/perf record -q -a -g "$@" -o /tmp/perf.data -- sh /tmp/send "$each" > /tmp/out 2>&1 || { bad "perf record: $name"; cat /tmp/out; }
    /full/perf script -i /tmp/perf.data > /tmp/perf-$name.txt 2> /tmp/err || { bad "perf script: $name"; cat /tmp/err; }
    expect $((2 * each)) "$(drops /tmp/perf-$name.txt)" "perf script, $name: every drop counted once"
    show /tmp/perf-$name.txt
}

bpf() { # bpf NAME DROPS-EACH-CPU PROGRAM
    /full/bpftrace -c "/bin/sh /tmp/send $2" -e "$3" > /tmp/bpftrace-$1.txt 2>&1 || { bad "bpftrace: $1"; cat /tmp/bpftrace-$1.txt; }
    expect $((2 * $2)) "$(drops /tmp/bpftrace-$1.txt)" "bpftrace, $1: every drop counted once"
    show /tmp/bpftrace-$1.txt
}

mount -t tracefs tracefs $T
mount -t debugfs debugfs /sys/kernel/debug
export HOME=/tmp TERM=dumb PERF_PAGER=cat BPFTRACE_STRLEN=64
uname -r
network
cat > /tmp/send <<EOF
/full/ip netns exec pod taskset -c 0 /full/ping -c \$1 -i 0.01 -W 1 -q $DEAD > /dev/null 2>&1
/full/ip netns exec pod taskset -c 1 /full/ping -c \$1 -i 0.01 -W 1 -q $DEAD > /dev/null 2>&1
true
EOF
/full/perf probe -q -a ip6_pkt_drop -a ip6_dst_gc -a 'ip6_pkt_drop%return ret=$retval' > /tmp/out 2>&1 || cat /tmp/out
cat $T/kprobe_events
before=$(no_routes)
perf_script probe 3 -e probe:ip6_pkt_drop -e probe:ip6_dst_gc
perf_script return 3 -e probe:ip6_pkt_drop -e probe:ip6_pkt_drop__return
perf_script kfree 3 -e skb:kfree_skb
perf_script both 3 -e probe:ip6_pkt_drop -e skb:kfree_skb
perf_script function 3 -e ftrace:function --filter 'ip == ip6_pkt_drop'
bpf kstack 3 'kprobe:ip6_pkt_drop { @[kstack] = count(); }'
bpf keys 3 'kprobe:ip6_pkt_drop { @drops[kstack, comm, cpu] = count(); }'
bpf print 3 'kprobe:ip6_pkt_drop { printf("%s %d %d%s\n", comm, pid, cpu, kstack); }'
bpf perf 3 'kprobe:ip6_pkt_drop { @[kstack(perf, 6)] = count(); }'
echo "      Ip6InNoRoutes rose by $(($(no_routes) - before))"
[ $FAILED = 0 ]
