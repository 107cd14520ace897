# Runs inside the test machine: trace-cmd records drops that are known from the sender's side, and
# the report on its file says the same as the report on what `trace-cmd report` prints of it.

T=/sys/kernel/tracing
DEAD=2001:db8:dead::1
FAILED=0

ok() { echo "ok    $*"; }
bad() { echo "FAIL  $*"; FAILED=1; }
expect() { # expect WANTED FOUND WHAT
    if [ "$1" = "$2" ]; then ok "$3"; else bad "$3: wanted '$1', found '$2'"; fi
}

network() { # this namespace is the node, one pod behind a veth pair
    ip=/full/ip
    $ip netns add pod
    $ip link add cali0 type veth peer name eth0 netns pod
    $ip addr add 2001:db8:1::1/64 dev cali0 nodad
    $ip netns exec pod $ip addr add 2001:db8:1::2/64 dev eth0 nodad
    $ip link set cali0 up
    $ip netns exec pod $ip link set eth0 up
    $ip netns exec pod $ip -6 route add default via 2001:db8:1::1
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
    $ip netns exec pod /full/ping -c 3 -i 0.2 -W 2 -q 2001:db8:1::1 > /dev/null
}
no_routes() { awk '$1 == "Ip6InNoRoutes" { print $2 }' /proc/net/snmp6; }

# 7 packets on CPU 0 and 5 on CPU 1, from the pod to where the node has no route.
cat > /tmp/send << 'END'
for of in 0:7 1:5; do
    /full/ip netns exec pod taskset -c ${of%:*} /full/ping -c ${of#*:} -i 0.01 -W 1 -q 2001:db8:dead::1
done > /dev/null 2>&1
true
END

record() { # record NAME ARGUMENTS: 12 drops into /tmp/NAME.dat
    name=$1
    shift
    before=$(no_routes)
    /full/trace-cmd record -q -o /tmp/$name.dat "$@" sh /tmp/send > /tmp/out 2>&1 || { bad "$name: trace-cmd record"; cat /tmp/out; }
    expect 12 $(($(no_routes) - before)) "$name: packets dropped"
}

# What must not differ: the drops with class, confidence, CPU, task and stack, the calls, the
# window and what was lost. The file knows the kernel and is other text.
same_report() { # same_report NAME
    if ! ip6drop report --format json /tmp/$1.dat > /tmp/dat.json; then bad "$1: report on the file"; fi
    /full/trace-cmd report -O parent /tmp/$1.dat > /tmp/$1.txt 2> /dev/null
    if ! ip6drop report --format json /tmp/$1.txt > /tmp/txt.json; then bad "$1: report on the text"; fi
    for report in dat txt; do
        grep -v '"/tmp/\|"format"\|"kernel"\|"lines"\|"comment_lines"' /tmp/$report.json > /tmp/$report.bare
    done
    if diff /tmp/dat.bare /tmp/txt.bare > /tmp/diff; then ok "$1: the file and its text give one report"; else
        bad "$1: the file and its text give two reports"
        head -n 40 /tmp/diff
        head -n 40 /tmp/$1.txt
    fi
    expect trace.dat "$(sed -n 's/.*"format": "\(.*\)".*/\1/p' /tmp/dat.json)" "$1: recognised"
    expect "$(uname -r)" "$(sed -n 's/.*"kernel": "\(.*\)".*/\1/p' /tmp/dat.json)" "$1: the kernel is named"
}
drops() { # drops WANTED NAME
    expect "$1" "$(tr -d ' \n' < /tmp/dat.json | sed 's/.*"drops":{"total":\([0-9]*\).*/\1/')" "$2: drops in the report"
}

mount -t tracefs tracefs $T
uname -r
/full/trace-cmd --version 2>&1 | grep version
network
FUNCTIONS="-p function -l ip6_pkt_drop -l ip6_pkt_discard -l icmp6_send --func-stack"

# shellcheck disable=SC2086 # lists of words
{
    record zstd $FUNCTIONS --compression zstd
    same_report zstd
    drops 12 zstd
    expect 1 "$(head -c 24 /tmp/zstd.dat | grep -c zstd)" "zstd: it is compressed"

    record plain $FUNCTIONS --compression none
    same_report plain
    drops 12 plain

    record six $FUNCTIONS --file-version 6
    same_report six
    drops 12 six
    expect 6 "$(head -c 11 /tmp/six.dat | tail -c 1)" "six: it is of version 6"

    record clock $FUNCTIONS -C mono
    same_report clock
    drops 12 clock
}

gzip -c /tmp/zstd.dat | ip6drop report --format json - > /tmp/dat.json
drops 12 "zstd, compressed once more, through a pipe"

# Probes, their own stacks, and a return probe. The text shows addresses where the file shows
# functions, which is why only its own report counts.
echo 'p:seen/drop ip6_pkt_drop skb=%di' >> $T/kprobe_events
echo 'r:seen/dropped ip6_pkt_drop ret=$retval' >> $T/kprobe_events
record probes -e seen:drop -e seen:dropped -T
ip6drop report --format json /tmp/probes.dat > /tmp/dat.json || bad "probes: report"
drops 12 probes

# An instance beside the top-level buffer: both are in the file.
echo 'p:seen/error icmp6_send' >> $T/kprobe_events
record instance -p function -l ip6_pkt_drop --func-stack -B more -e seen:error
ip6drop report --format json /tmp/instance.dat > /tmp/dat.json || bad "instance: report"
drops 12 instance
expect 36 "$(sed -n 's/.*"events": \([0-9]*\).*/\1/p' /tmp/dat.json)" "instance: its events are read too"
for probe in drop dropped error; do echo "-:seen/$probe" >> $T/kprobe_events; done

# Events lost: a small buffer that nobody read while it overflowed.
/full/trace-cmd start -q -b 8 -p function -l ip6_pkt_drop -l ip6_pkt_discard -l icmp6_send --func-stack > /dev/null 2>&1
for _ in 1 2 3 4 5 6; do sh /tmp/send; done
/full/trace-cmd stop
/full/trace-cmd extract -o /tmp/lost.dat > /dev/null 2>&1
/full/trace-cmd reset > /dev/null 2>&1
same_report lost
lost=$(sed -n 's/.*"lost_events": \([0-9]*\).*/\1/p' /tmp/dat.json)
uncounted=$(sed -n 's/.*"lost_uncounted": \([0-9]*\).*/\1/p' /tmp/dat.json)
if [ $((lost + uncounted)) -gt 0 ]; then ok "lost: $lost events and $uncounted times more"; else bad "lost: nothing is said to be lost"; fi

# Cut anywhere, a file is an error that names it, and never more.
size=$(wc -c < /tmp/six.dat)
for part in 1 2 3 4 5 6 7 8 9; do
    head -c $((size * part / 10)) /tmp/six.dat > /tmp/cut.dat
    ip6drop report /tmp/cut.dat > /dev/null 2> /tmp/err
    expect "1 1" "$? $(grep -c '^ip6drop: /tmp/cut.dat: .* at byte ' /tmp/err)" "six, $part tenths of it: an error that says where"
done
[ $FAILED = 0 ]
