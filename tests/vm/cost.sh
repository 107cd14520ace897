# Runs inside the test machine with counted instructions: how many packets a second are left of those without tracing,
# where all are dropped and where all are forwarded. Run it with
#   VM_CPUS=1 VM_ICOUNT=0 tests/vm/run tests/vm/cost.sh
# PARTS=counts measures `funnel` alone, PARTS=recordings what records.
# An instruction is a nanosecond of the machine's own time there, so that a busy host does not show.
T=/sys/kernel/tracing
C=$T/instances/cost
PACKETS=${PACKETS:-20000}
ip=/full/ip
mount -t tracefs tracefs $T
uname -r

pod() { # pod N: a pod behind cali$N
    $ip netns add pod"$1"
    $ip link add cali"$1" type veth peer name eth0 netns pod"$1"
    $ip addr add 2001:db8:"$1"::1/64 dev cali"$1" nodad
    $ip -n pod"$1" addr add 2001:db8:"$1"::2/64 dev eth0 nodad
    $ip link set cali"$1" up
    $ip -n pod"$1" link set lo up
    $ip -n pod"$1" link set eth0 up
    $ip -n pod"$1" -6 route add default via 2001:db8:"$1"::1
}
$ip link set lo up
pod 1
pod 2
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
$ip netns exec pod1 /full/ping -c 2 -q 2001:db8:2::2 > /dev/null
# Nobody answers: only the way through the node counts.
echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all
$ip netns exec pod2 sh -c 'echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all'

now() { cut -d' ' -f1 /proc/uptime; }
flood() { # flood DST: microseconds a packet
    from=$(now)
    $ip netns exec pod1 /full/ping -q -l "$PACKETS" -c "$PACKETS" -W 0.001 "$1" > /dev/null 2>&1
    echo "$from $(now)" | awk -v n="$PACKETS" '{ printf "%.3f", ($2 - $1) * 1000000 / n }'
}
measured() { # measured NAME: both floods, against those without tracing
    dropped=$(flood 2001:db8:dead::1)
    forwarded=$(flood 2001:db8:2::2)
    [ "$1" != none ] || none="$dropped $forwarded"
    echo "$1 $dropped $forwarded $none" |
        awk '{ printf "COST %-24s %.2f us dropped, %.2f us forwarded: %.2f and %.2f of the packets\n", $1, $2, $3, $4 / $2, $5 / $3 }'
}
recorded() { # recorded NAME ARGUMENTS: the same beside a recording
    name=$1
    shift
    rm -f /tmp/capture
    ip6drop record -q --max-rate 1000000000 --max-size 1G -o /tmp/capture "$@" 2> /tmp/err &
    pid=$!
    until grep -q '^# ip6drop: before nproc' /tmp/capture 2> /dev/null; do usleep 50000; done
    usleep 500000
    measured "$name"
    kill -INT $pid
    wait $pid
    echo "     events lost: $(sed -n 's/^# ip6drop: lost [0-9]* //p' /tmp/capture | awk '{ n += $1 } END { print n }')"
}
counted() { # counted NAME ARGUMENTS: the same beside a count
    name=$1
    shift
    ip6drop funnel --duration 1h "$@" > /tmp/out 2> /tmp/err &
    pid=$!
    until cat $T/instances/ip6drop-$pid/events/ip6drop*/funnel_tcp_v6_rcv_0/trigger 2> /dev/null | grep -q '^hist'; do
        kill -0 $pid 2> /dev/null || break
        usleep 50000
    done
    usleep 500000
    measured "$name"
    kill -INT $pid
    wait $pid
    echo "     $(grep '^  arrived' /tmp/out)"
}
counts() {
    counted funnel
    counted funnel-dst --dst 2001:db8:dead::1,2001:db8:2::2
    counted funnel-prefix --dst 2001:db8::/31
    counted funnel-dev --dev cali1
    counted funnel-others --dst fd00::1
}
recordings() {
    recorded least --identity least
    recorded full --identity full
    recorded entries --identity off
    recorded entries-without-probes --identity off --probes none
    as_text
}
as_text() { # the same events as those of `full`, by `cat`
    mkdir $C
    echo "p:cost/drop ip6_pkt_drop skb=%di dev=+0(+16(%di)):string w0=+0(+208(%di)):x64 s0=+8(+208(%di)):x64 s1=+16(+208(%di)):x64 d0=+24(+208(%di)):x64 d1=+32(+208(%di)):x64 l4=+40(+208(%di)):x64" > $T/kprobe_events
    for event in fib6/fib6_table_lookup cost/drop; do echo 1 > $C/events/$event/enable; done
    cat $C/trace_pipe > /tmp/cat &
    reader=$!
    measured cat-trace_pipe
    kill $reader
    wait $reader 2> /dev/null
    echo "     events lost: $(awk '/^overrun|^dropped/ { n += $NF } END { print n }' $C/per_cpu/cpu*/stats)"
}
measured none
measured none
PARTS=$(sed -n 's/.*parts=\([a-z_,]*\).*/\1/p' /proc/cmdline | tr , ' ')
for part in ${PARTS:-recordings counts}; do "$part"; done
echo "VM COST: measured"
