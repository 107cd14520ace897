# Runs inside the test machine, as its first process's child: proves that live tracing finds
# exactly the drops there were and leaves tracefs as it was, whatever ends it.
# The shell is busybox; every check prints a line, and any failure makes the whole run fail.

T=/sys/kernel/tracing
DEAD=2001:db8:dead::1
FAILED=0
START=$(cut -d' ' -f1 /proc/uptime)

ok() { echo "ok    $*"; }
bad() { # with what the program said last, which tells why
    echo "FAIL  $*"
    FAILED=1
    [ ! -s /tmp/err ] || sed 's/^/      stderr: /' /tmp/err
}
expect() { # expect WANTED FOUND WHAT
    if [ "$1" = "$2" ]; then ok "$3"; else bad "$3: wanted '$1', found '$2'"; fi
}
says() { # says FILE WORDS WHAT: in a line, or in text that was wrapped
    if grep -q -- "$2" "$1" || tr -s ' \n' ' ' < "$1" | grep -q -- "$2"; then ok "$3"; else bad "$3: no '$2' in:"; cat "$1"; fi
}
clock() { echo "----  $* ($(cut -d' ' -f1 /proc/uptime) s)"; }

# ---- the network: this namespace is the node, one pod behind a veth pair
network() {
    ip=/full/ip
    $ip netns add pod
    $ip link add cali0 type veth peer name eth0 netns pod
    $ip addr add 2001:db8:1::1/64 dev cali0 nodad
    $ip netns exec pod $ip addr add 2001:db8:1::2/64 dev eth0 nodad
    $ip link set lo up
    $ip link set cali0 up
    $ip netns exec pod $ip link set lo up
    # It does not speak by itself.
    $ip netns exec pod sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/router_solicitations'
    $ip netns exec pod $ip link set eth0 up
    $ip netns exec pod $ip -6 route add default via 2001:db8:1::1
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
    # Neighbours and the source address are settled once a ping was answered.
    for _ in 1 2 3 4 5; do
        $ip netns exec pod /full/ping -c 1 -W 2 -q 2001:db8:1::1 > /dev/null 2>&1 && return
    done
    bad "the pod cannot reach the node"
}
send() { # send CPU COUNT: packets from the pod to an address the node has no route for
    /full/ip netns exec pod taskset -c "$1" /full/ping -c "$2" -i 0.01 -W 1 -q $DEAD > /dev/null 2>&1
}
no_routes() { # no_routes [COMMAND...]: dropped so far, as the counter that this command reads tells
    "$@" awk '$1 == "Ip6InNoRoutes" { print $2 }' /proc/net/snmp6
}

# ---- tracefs, every control file of it that holds state
dump() {
    (
        cd $T || exit
        files=
        for file in *; do
            case $file in
            trace | trace_pipe | trace_marker* | available_* | saved_* | printk_formats | README) ;;
            kprobe_profile) ;; # hits, not state
            snapshot | free_buffer | dyn_ftrace_total_info | enabled_functions_addrs | osnoise) ;;
            touched_functions) ;; # what was ever traced since boot
            *) [ -f "$file" ] && files="$files $file" ;;
            esac
        done
        # shellcheck disable=SC2086 # control files have no spaces in their names
        # Of the functions being traced only who and how often: 4.19 forgets to take the mark of
        # a removed kprobe (R) off a function that somebody else still traces.
        grep -s '' $files options/* per_cpu/*/buffer_size_kb | sed 's/^\(enabled_functions:[^ ]* ([0-9]*)\).*/\1/'
        find instances -maxdepth 1
        find events -maxdepth 1 -name 'ip6drop*'
        cat /proc/sys/kernel/ftrace_enabled
    ) > "$1" 2>&1
}
same() { # same WHAT: the state is as it was at `remember`
    dump /tmp/now
    if cmp -s /tmp/remembered /tmp/now; then ok "$1: every control file is as before"; else
        bad "$1: control files changed"
        diff /tmp/remembered /tmp/now
    fi
}
remember() { dump /tmp/remembered; }
size() { # size KIB: gives the top-level buffer this size, which is the state to be found again
    echo "$1" > $T/buffer_size_kb
    remember
    echo "      $1 KiB asked for, $(cat $T/buffer_size_kb) held, $(cat $T/buffer_total_size_kb) in all"
}
unchanged() { # unchanged WHAT: both buffer sizes, by name; then everything else
    for file in buffer_size_kb buffer_total_size_kb; do
        expect "$(sed -n "s/^$file://p" /tmp/remembered)" "$(cat $T/$file)" "$1: $file"
    done
    same "$1"
}

# ---- recordings
records() { # records FILE: waits until the recording into it has begun
    for _ in $(seq 200); do
        grep -q '^# ip6drop: before nproc' "$1" && return
        usleep 50000
    done
    bad "no recording into $1"
}
start() { # start ARGUMENTS: a recording in the background, until it really records
    rm -f /tmp/capture
    ip6drop record --force -q -o /tmp/capture "$@" 2> /tmp/err &
    PID=$!
    for _ in $(seq 200); do
        grep -q '^# ip6drop: before nproc' /tmp/capture 2> /dev/null && break
        kill -0 $PID 2> /dev/null || break
        usleep 50000
    done
    usleep 300000
}
stop() { # stop SIGNAL
    kill -"$1" $PID
    wait $PID
    STATUS=$?
}
count() { grep -c "$1" /tmp/capture; }
fact() { sed -n "s/^# ip6drop: $1 $2 \(.*\)/\1/p" /tmp/capture; }

method() { # method NAME FLAGS
    before=$(no_routes)
    # shellcheck disable=SC2086 # flags are words
    start --method "$1" $2
    send 0 7
    send 1 5
    stop INT
    rise=$(($(no_routes) - before))
    expect 130 $STATUS "$1: exit status after SIGINT"
    expect 12 $rise "$1: packets dropped"
    expect $rise "$(count 'ip6_pkt_drop\( <-\|: (\)')" "$1: drops recorded"
    expect 7 "$(count '\[000\].* ip6_pkt_drop\( <-\|: (\)')" "$1: on CPU 0"
    expect 5 "$(count '\[001\].* ip6_pkt_drop\( <-\|: (\)')" "$1: on CPU 1"
    # Where every entry has a stack, the one of icmp6_send goes through ip6_pkt_drop as well; that of a
    # kprobe on 64-bit Arm leaves out who called the function.
    stacks=$(count '^ => ip6_pkt_drop$')
    case "$1 $(uname -m) $(uname -r)" in
    "kprobe aarch64 "*) ;;
    # Nor the function itself, where a newer kernel stops at it to print a stack.
    "instance aarch64 6.12."*) stacks=$(grep -A1 '<stack trace>' /tmp/capture | grep -c '^ => ip6_pkt_discard$') ;;
    *) stacks=$((stacks - $(count '^ => icmp6_send$'))) ;;
    esac
    expect $rise $stacks "$1: stacks of drops"
    expect $rise "$(($(fact after Ip6InNoRoutes) - $(fact before Ip6InNoRoutes)))" "$1: rise in the facts"
    expect "$1" "$(fact method '' | tr -d ' ')$(sed -n 's/^# ip6drop: method //p' /tmp/capture)" "$1: named in the capture"
    if ip6drop report --help > /dev/null 2>&1; then
        ip6drop report --format json /tmp/capture > /tmp/report.json
        total=$(tr -d ' \n' < /tmp/report.json | sed 's/.*"drops":{"total":\([0-9]*\).*/\1/')
        expect $rise "$total" "$1: drops in the report"
        routes=$(tr -d ' \n' < /tmp/report.json | sed 's/.*"rcv-no-route":{"total":\([0-9]*\).*/\1/')
        expect $rise "$routes" "$1: of them without a route"
    fi
    same "$1"
}

three_methods() {
    for name in instance func-stack-trace kprobe; do
        method $name ""
        cat /tmp/err
    done
    method instance "--probes full"
    sed -n '1,/before rt6/p' /tmp/capture
    sed -n '/ip6_pkt_drop/,/^ => entry_SYS/p' /tmp/capture | head -n 30
}

pages() { # the text that the program makes of pages is the kernel's own, line by line
    for way in instance 'instance --identity off' kprobe; do
        # shellcheck disable=SC2086 # flags are words
        start --method $way --probes full --function veth_xmit --max-rate 1000000
        I=$(ls -d $T/instances/ip6drop-*)
        # While the program is stopped nobody takes events out of the buffer, and the file `trace`
        # shows what is in it without taking it out.
        kill -STOP $PID
        echo "the first mark" > $I/trace_marker
        send 0 4
        send 1 4
        printf 'two\nlines' > $I/trace_marker
        /full/ip netns exec pod /full/ping -c 2 -i 0.01 -W 1 -q 2001:db8:1::1 > /dev/null 2>&1
        echo "the last mark" > $I/trace_marker
        sed -n '/the first mark/,/the last mark/p' $I/trace | grep -v '^#' > /tmp/theirs
        kill -CONT $PID
        usleep 500000
        stop INT
        expect "" "$(cat /tmp/err)" "pages, $way: nothing to say"
        sed -n '/the first mark/,/the last mark/p' /tmp/capture > /tmp/ours
        lines=$(wc -l < /tmp/theirs)
        if cmp -s /tmp/theirs /tmp/ours && [ "$lines" -gt 100 ]; then ok "pages, $way: $lines lines are the kernel's own"; else
            bad "pages, $way: not the kernel's text, of $lines lines"
            diff /tmp/theirs /tmp/ours | head -n 40
        fi
        same "pages, $way"
        cat /tmp/ours >> /tmp/all
    done
    # What differs most was among them.
    caller=dev_hard_start_xmit
    [ "$(uname -m)" != aarch64 ] || caller=__dev_queue_xmit # of a kprobe there
    for words in ': ip6_pkt_drop <-' ': veth_xmit <-dev_hard_start_xmit' '<stack trace>' " => $caller$" \
        ': tracing_mark_write: two$' '^lines$' ': ip6_pkt_drop: (ip6_pkt_drop+0x0/0x' ': veth_xmit: (veth_xmit+0x0/0x'; do
        says /tmp/all "$words" "pages: $words"
    done
    rm /tmp/all
    # Where symbols have no addresses, the kernel prints, and that is said.
    restrict=$(cat /proc/sys/kernel/kptr_restrict)
    echo 2 > /proc/sys/kernel/kptr_restrict
    start --method instance
    send 0 3
    stop INT
    echo "$restrict" > /proc/sys/kernel/kptr_restrict
    says /tmp/err "events are read as text, .*kernel.kptr_restrict" "hidden symbols: said"
    expect 3 "$(count ' ip6_pkt_drop: (ip6_pkt_drop+')" "hidden symbols: drops recorded"
    same "hidden symbols"
}

policy() { # rules and throw routes around a recording, as ip prints them
    ip=/full/ip
    $ip -6 rule add pref 100 fwmark 7 lookup 77 suppress_prefixlength 0
    $ip -6 route add throw 2001:db8:77::/64 table 77
    start --method instance
    $ip -6 rule | sed 's/ *$//' > /tmp/rules.before
    $ip -6 rule del pref 100
    $ip -6 route add throw 2001:db8:78::/64
    stop INT
    $ip -6 rule | sed 's/ *$//' > /tmp/rules.after
    for side in before after; do
        expect "$(cat /tmp/rules.$side)" "$(fact $side rule)" "policy: rules $side"
    done
    says /tmp/rules.before "lookup 77 suppress_prefixlength 0" "policy: the rule that was added is among them"
    expect 1 "$(fact before throw_routes)" "policy: throw routes before"
    expect 2 "$(fact after throw_routes)" "policy: throw routes after"
    $ip -6 route del throw 2001:db8:77::/64 table 77
    $ip -6 route del throw 2001:db8:78::/64
    same "policy"
}

signals() {
    size 100
    for round in $(seq 20); do
        case $((round % 3)) in
        0) signal=INT number=2 ;;
        1) signal=TERM number=15 ;;
        2) signal=HUP number=1 ;;
        esac
        case $((round % 4)) in
        0) name=func-stack-trace ;;
        1) name=kprobe ;;
        *) name=instance ;;
        esac
        ip6drop record --force -q -o /tmp/capture --method $name --probes full 2> /tmp/err &
        PID=$!
        usleep $((($(head -c 2 /dev/urandom | od -An -tu2) % 2500) * 1000))
        kill -$signal $PID
        usleep 1000
        kill -$signal $PID 2> /dev/null # a second one must not break the undo
        # This shell has SIGINT ignored in the background until the program takes it over.
        (
            sleep 4
            while kill -$signal $PID 2> /dev/null; do sleep 4; done
        ) &
        again=$!
        wait $PID
        expect $((128 + number)) $? "$name, SIG$signal (twice), round $round: exit status"
        kill $again 2> /dev/null
        same "$name, SIG$signal, round $round"
    done
    size 1408
}

kills() { # as often as the kernel's command line says
    left=0
    kills=$(sed -n 's/.* kills=\([0-9]*\).*/\1/p' /proc/cmdline)
    kills=${kills:-20}
    size 100
    for round in $(seq "$kills"); do
        case $((round % 3)) in
        0) name=func-stack-trace ;;
        1) name=kprobe ;;
        *) name=instance ;;
        esac
        ip6drop record --force -q -o /tmp/capture --method $name --probes full 2> /tmp/err &
        PID=$!
        usleep $((($(head -c 2 /dev/urandom | od -An -tu2) % 2500) * 1000))
        kill -KILL $PID
        wait $PID 2> /dev/null
        dump /tmp/now
        cmp -s /tmp/remembered /tmp/now || left=$((left + 1))
        ip6drop restore > /tmp/restored 2>&1
        expect 0 $? "$name, SIGKILL and restore, round $round: exit status"
        same "$name, SIGKILL and restore, round $round"
    done
    echo "      $left of $kills kills left something behind that restore put back"
    [ $left -gt 0 ] || bad "no kill hit a changed state: nothing was proved"
    # Without its journal a dead run's instance and probes are still recognised.
    start --method instance --probes full
    kill -KILL $PID
    wait $PID 2> /dev/null
    rm -f /run/ip6drop/journal
    ip6drop restore > /tmp/restored 2>&1
    expect 0 $? "restore without a journal: exit status"
    same "restore without a journal"
    # The next command says so first and mends it.
    start --method func-stack-trace
    kill -KILL $PID
    wait $PID 2> /dev/null
    ip6drop check > /tmp/out 2> /tmp/err
    expect 0 $? "check over a stale journal: exit status"
    says /tmp/err "was killed" "check names the stale journal"
    same "check over a stale journal"
    size 1408
}

sizes() { # the top-level buffer is smaller than what is recorded into, and not of whole pages
    for kb in 7 100; do
        size $kb
        for name in instance func-stack-trace kprobe; do
            ip6drop check --method $name > /tmp/out 2> /tmp/err
            expect 0 $? "check --method $name at $kb KiB: exit status"
            expect "" "$(cat /tmp/err)" "check --method $name at $kb KiB: nothing to say"
            unchanged "check --method $name at $kb KiB"
            ip6drop record --force -q --method $name --duration 1s -o /tmp/capture 2> /tmp/err
            expect 0 $? "record --method $name at $kb KiB: exit status"
            expect "" "$(cat /tmp/err)" "record --method $name at $kb KiB: nothing to say"
            unchanged "record --method $name at $kb KiB"
        done
    done
    start --method func-stack-trace
    kill -KILL $PID
    wait $PID 2> /dev/null
    if [ "$(cat $T/buffer_size_kb)" -ge 512 ]; then ok "killed with a larger buffer"; else bad "killed with $(cat $T/buffer_size_kb) KiB"; fi
    cp /run/ip6drop/journal /tmp/journal
    ip6drop restore > /tmp/restored 2>&1
    expect 0 $? "restore of a size: exit status"
    says /tmp/restored "put back: buffer_size_kb back to" "restore of a size: said"
    unchanged "restore of a size"
    # As if killed between the write and the reading back; so are journals of older versions.
    start --method func-stack-trace
    kill -KILL $PID
    wait $PID 2> /dev/null
    grep -v '"read_back"' /tmp/journal > /run/ip6drop/journal
    expect 1 "$(grep -c buffer_size_kb /run/ip6drop/journal)" "a journal of what was written: made"
    ip6drop restore > /tmp/restored 2>&1
    expect 0 $? "restore of what was written: exit status"
    unchanged "restore of what was written"
    # A size that somebody else sets meanwhile is theirs.
    start --method func-stack-trace
    echo 600 > $T/buffer_size_kb
    theirs=$(cat $T/buffer_size_kb)
    stop INT
    expect 130 $STATUS "a size set by others: exit status"
    expect "$theirs" "$(cat $T/buffer_size_kb)" "a size set by others stays"
    says /tmp/err "buffer_size_kb holds \"$theirs\", set by somebody else" "a size set by others: said"
    size 1408
}

foreign() {
    echo rt6_stats_seq_show > $T/set_ftrace_filter
    echo function > $T/current_tracer
    echo 'p:theirs/probe seq_read' >> $T/kprobe_events
    echo 1 > $T/events/theirs/probe/enable
    echo sched:sched_process_exit >> $T/set_event
    cat /proc/net/rt6_stats > /dev/null
    cp /tmp/remembered /tmp/pristine
    remember
    cat $T/trace_pipe > /tmp/theirs &
    reader=$!
    # Before 5.9 that reader keeps the function tracer busy everywhere: then kprobes are chosen.
    start
    send 0 3
    stop TERM
    expect 143 $STATUS "beside a foreign trace: exit status"
    sed -n 's/^# ip6drop: method /      method: /p' /tmp/capture
    expect 3 "$(count 'ip6_pkt_drop\( <-\|: (\)')" "beside a foreign trace: drops recorded"
    same "beside a foreign trace"
    cat /proc/net/rt6_stats > /dev/null
    sleep 1
    kill $reader
    wait $reader 2> /dev/null
    says /tmp/theirs rt6_stats_seq_show "the foreign trace still gets its functions"
    says /tmp/theirs 'probe: (seq_read' "the foreign trace still gets its probe"
    expect 0 "$(grep -c 'ip6_pkt_drop\|stack trace' /tmp/theirs)" "the foreign trace gets nothing of ours"
    ip6drop record --method func-stack-trace --duration 1s -o /tmp/refused 2> /tmp/err
    expect 3 $? "the foreign top-level buffer is refused: exit status"
    says /tmp/err "tracer function is on" "the refusal says who"
    same "the refused foreign buffer"
    # With --force, which `start` gives, it is taken over and handed back.
    start --method func-stack-trace
    send 1 3
    stop INT
    expect 3 "$(count 'ip6_pkt_drop <-')" "taken over by force: drops recorded"
    same "taken over by force"
    echo nop > $T/current_tracer
    echo > $T/set_ftrace_filter
    echo '!sched:sched_process_exit' >> $T/set_event
    echo 0 > $T/events/theirs/probe/enable
    echo '-:theirs/probe' >> $T/kprobe_events
    echo > $T/trace
    mv /tmp/pristine /tmp/remembered
    same "after the foreign trace"
}

idle_reader() { # somebody reads the pipe of an instance with no tracer, as rasdaemon does
    mkdir $T/instances/theirs
    cp /tmp/remembered /tmp/pristine
    remember
    cat $T/instances/theirs/trace_pipe > /dev/null &
    reader=$!
    start
    send 1 4
    stop INT
    expect 130 $STATUS "beside an idle reader: exit status"
    sed -n 's/^# ip6drop: method /      method: /p' /tmp/capture
    expect 4 "$(count 'ip6_pkt_drop\( <-\|: (\)')" "beside an idle reader: drops recorded"
    same "beside an idle reader"
    kill $reader
    wait $reader 2> /dev/null
    rmdir $T/instances/theirs
    mv /tmp/pristine /tmp/remembered
    same "after the idle reader"
}

two_at_once() {
    start --method instance
    ip6drop record --duration 1s -o /tmp/second 2> /tmp/err
    expect 3 $? "a second session: exit status"
    says /tmp/err "another ip6drop (pid $PID) is tracing" "a second session is told who is first"
    # A value that somebody else changes meanwhile is theirs.
    stop INT
    start --method func-stack-trace
    echo 0 > $T/tracing_on
    clock=$(grep -o '\[.*\]' $T/trace_clock | tr -d '[]')
    echo mono > $T/trace_clock
    stop INT
    expect 130 $STATUS "values changed by others: exit status"
    expect '[mono]' "$(grep -o '\[.*\]' $T/trace_clock)" "a clock changed by others stays"
    echo "$clock" > $T/trace_clock
    echo 1 > $T/tracing_on
    same "two at once"
}

outputs() {
    ip6drop record --method instance -o - > /dev/full 2> /tmp/err
    expect 1 $? "full disk: exit status"
    says /tmp/err "No space left" "full disk: said"
    same "full disk"
    mkdir -p /tmp/small
    mount -t tmpfs -o size=8k small /tmp/small
    ip6drop record --method instance --max-rate 1000000 --function vfs_read -o /tmp/small/capture 2> /tmp/err &
    PID=$!
    usleep 2500000
    for _ in $(seq 40); do send 0 20; kill -0 $PID 2> /dev/null || break; done
    wait $PID
    expect 1 $? "disk filled while recording: exit status"
    if [ -s /tmp/small/capture ]; then ok "what was captured is kept"; else bad "nothing was kept"; fi
    same "disk filled while recording"
    umount /tmp/small
    (
        ip6drop record -q --method instance --max-rate 1000000 --function vfs_read -o - 2> /tmp/err
        echo $? > /tmp/status
    ) | head -n 40 > /tmp/head
    expect 141 "$(cat /tmp/status)" "reader gone: exit status"
    same "reader gone"
    mkfifo /tmp/fifo
    sleep 60 < /tmp/fifo &
    sleeper=$!
    ip6drop record -q --method instance --function vfs_read --max-rate 1000000 -o - > /tmp/fifo 2> /tmp/err &
    PID=$!
    usleep 3000000
    kill -INT $PID
    wait $PID
    expect 130 $? "reader stuck: exit status"
    kill $sleeper
    same "reader stuck"
    rm -f /tmp/capture
    ip6drop record -q --method instance --duration 1s -o /tmp/capture
    expect 0 $? "a recording that lasts its time: exit status"
    expect 600 "$(stat -c %a /tmp/capture)" "a capture is private"
    ip6drop record -q --method instance --duration 1s -o /tmp/capture 2> /tmp/err
    expect 1 $? "an existing file is kept: exit status"
    ip6drop record -q --method instance --function vfs_read --max-rate 1000000 --max-events 10 -o /tmp/ten
    expect 0 $? "an event limit: exit status"
    expect 10 "$(grep -c '^ .*\[00[0-9]\].*' /tmp/ten)" "an event limit is exact"
    ip6drop record -q --method instance --function vfs_read --max-rate 1000000 --max-size 16K -o /tmp/small16
    expect 0 $? "a size limit: exit status"
    if [ "$(stat -c %s /tmp/small16)" -le 16384 ]; then ok "a size limit holds"; else bad "a size limit: $(stat -c %s /tmp/small16) bytes"; fi
    same "limits"
}

hostile() { # neighbours who may do all
    # One removes our instance whenever the kernel lets him.
    while :; do rmdir $T/instances/ip6drop-*; done > /dev/null 2>&1 &
    robber=$!
    robbed=0
    for round in 1 2; do
        ip6drop record --force -q --method instance --duration 1s -o /tmp/capture 2> /tmp/err
        status=$?
        case $status in
        0) ok "removed instances, round $round: recorded all the same" ;;
        3) robbed=$((robbed + 1)) && says /tmp/err "instances/ip6drop-" "removed instances, round $round: said" ;;
        *) bad "removed instances, round $round: exit status $status: $(cat /tmp/err)" ;;
        esac
        [ ! -e /run/ip6drop/journal ] || bad "removed instances, round $round: the journal is left"
    done
    kill $robber
    wait $robber 2> /dev/null
    echo "      $robbed of 2 recordings lost their instance"
    same "removed instances"
    # One sets the clock a day ahead, and two back.
    now=$(date +%s)
    start --method instance --duration 60s --stop-after 15
    send 0 5
    date -s @$((now + 86400)) > /dev/null
    send 0 5
    date -s @$((now - 86400)) > /dev/null
    send 1 5
    wait $PID
    expect 0 $? "a clock that jumps: exit status"
    date -s @"$now" > /dev/null
    ip6drop report --format json /tmp/capture > /tmp/report.json
    expect 15 "$(json /tmp/report.json drops total)" "a clock that jumps: drops"
    seconds=$(json /tmp/report.json window seconds)
    if [ "${seconds%.*}" -lt 60 ]; then ok "a clock that jumps: the trace lasts $seconds s"; else bad "a clock that jumps: the trace lasts $seconds s"; fi
    same "a clock that jumps"
}

guard() {
    start --method instance --max-rate 20
    for _ in 1 2 3; do send 0 60; done
    stop INT
    # One more table is asked for each packet than is dropped, and by this host for each answer.
    expect "all iif" "$(sed -n 's/^# ip6drop: lookups \([a-z]*\).*/\1/p' /tmp/capture | tr '\n' ' ' | sed 's/ $//')" "a busy host gives up lookups"
    says /tmp/err "fewer lookups are taken" "a busy host: said"
    same "guard, busy"
    start --method instance --identity off --max-rate 20
    for _ in 1 2 3; do send 0 60; done
    stop INT
    says /tmp/capture '^# ip6drop: stacks-off ip6_pkt_drop' "a hot function loses its stacks"
    same "guard, hot"
    start --method instance --max-rate 1 --function vfs_read
    for _ in 1 2 3; do cat $T/README > /dev/null; done
    for _ in $(seq 30); do send 0 20; kill -0 $PID 2> /dev/null || break; done
    wait $PID
    expect 3 $? "far too hot: exit status"
    says /tmp/err "more than ten times" "far too hot: said"
    same "guard, far too hot"
}

refusals() {
    su nobody -s /bin/sh -c 'ip6drop check' > /tmp/out 2>&1
    expect 3 $? "not root: exit status"
    says /tmp/out "sudo ip6drop" "not root: advice"
    echo 0 > /proc/sys/kernel/ftrace_enabled
    ip6drop check > /tmp/out 2>&1
    expect 3 $? "ftrace_enabled=0: exit status"
    says /tmp/out "sysctl kernel.ftrace_enabled=1" "ftrace_enabled=0: advice"
    ip6drop record --duration 1s -o - > /tmp/out 2>&1
    expect 3 $? "record with ftrace_enabled=0: exit status"
    echo 1 > /proc/sys/kernel/ftrace_enabled
    mount -o remount,ro $T
    ip6drop check > /tmp/out 2>&1
    expect 3 $? "read-only: exit status"
    says /tmp/out "read-only" "read-only: said"
    mount -o remount,rw $T
    mkdir -p /tmp/empty
    ip6drop check --tracefs /tmp/empty > /tmp/out 2>&1
    expect 3 $? "an empty mount: exit status"
    says /tmp/out "holds no tracing files" "an empty mount: said"
    mount -t tmpfs cover $T
    ip6drop check > /tmp/out 2>&1
    expect 3 $? "a covered mount: exit status"
    says /tmp/out "covered by another mount" "a covered mount: said"
    umount $T
    umount $T
    ip6drop check > /tmp/out 2>&1
    expect 3 $? "unmounted: exit status"
    says /tmp/out "mount -t tracefs tracefs /sys/kernel/tracing" "unmounted: advice"
    ip6drop check --mount > /tmp/out 2>&1
    expect 0 $? "check --mount: exit status"
    expect 0 "$(grep -c tracefs /proc/mounts)" "--mount unmounts afterwards"
    ip6drop record --mount -q --method instance -o - > /dev/null 2> /tmp/err &
    PID=$!
    usleep 2000000
    kill -KILL $PID
    wait $PID 2> /dev/null
    ip6drop restore > /tmp/out 2>&1
    expect 0 $? "--mount, SIGKILL and restore: exit status"
    expect 0 "$(grep -c tracefs /proc/mounts)" "--mount, SIGKILL and restore: unmounted"
    # Whoever mounted it, the last one unmounts it. Before 5.9 a reader keeps its tracer busy for all: each
    # has its own.
    ip6drop record --mount -q --method instance --identity off -o - > /tmp/first 2> /tmp/err &
    first=$!
    records /tmp/first
    ip6drop record --mount -q --method kprobe --state-dir /run/second -o - > /tmp/second 2> /tmp/err2 &
    second=$!
    records /tmp/second
    kill -INT $first
    wait $first
    expect 130 $? "two with --mount, the first ends: exit status"
    says /tmp/err "stays mounted: another ip6drop (pid $second) uses it" "two with --mount, the first ends: said"
    expect 1 "$(grep -c tracefs /proc/mounts)" "two with --mount, the first ends: still mounted"
    kill -INT $second
    wait $second
    expect 130 $? "two with --mount, the second ends: exit status"
    expect "" "$(cat /tmp/err2)" "two with --mount, the second ends: nothing to say"
    expect 0 "$(grep -c tracefs /proc/mounts)" "two with --mount, the second ends: unmounted"
    ip6drop check --mount --method instance > /dev/null 2> /tmp/err &
    first=$!
    ip6drop check --mount --method instance --state-dir /run/second > /dev/null 2> /tmp/err2 &
    wait $first
    expect 0 $? "two with --mount at once: exit status"
    wait $!
    expect 0 $? "two with --mount at once: exit status of the other"
    cat /tmp/err /tmp/err2
    expect 0 "$(grep -c tracefs /proc/mounts)" "two with --mount at once: unmounted"
    ip6drop restore > /tmp/out
    expect "0 ip6drop: nothing was left behind" "$? $(cat /tmp/out)" "two with --mount: nothing is left"
    mount -t tracefs tracefs $T
    same "refusals"
}

checks() {
    ip6drop check > /tmp/out 2> /tmp/err
    expect 0 $? "check: exit status"
    cat /tmp/out /tmp/err
    says /tmp/out "This host can be traced, by: instance" "check: answer"
    says /tmp/out "a new network namespace starts with max_size 2147483647: it is no longer checked" "check: what the kernel answers"
    expect "$(cat /proc/sys/kernel/random/boot_id) 2147483647" "$(cat /run/ip6drop/new-max-size)" "check: keeps the answer"
    ip6drop status > /tmp/status
    says /tmp/status "a new network namespace starts with max_size 2147483647" "status reads the answer"
    ip6drop check --format json > /tmp/out
    says /tmp/out '"method": "instance"' "check: JSON"
    shown /tmp/out
    for name in instance func-stack-trace kprobe; do
        ip6drop check --method $name > /tmp/out
        expect 0 $? "check --method $name: exit status"
        grep self-check /tmp/out
    done
    start --method instance
    stop INT
    expect 2147483647 "$(sed -n 's/^# ip6drop: new-max-size //p' /tmp/capture)" "record says the answer"
    same "check"
}

idle() {
    start --method instance
    set -- $(cat /proc/$PID/stat)
    first=$((${14} + ${15}))
    sleep 60
    set -- $(cat /proc/$PID/stat)
    ticks=$((${14} + ${15} - first))
    stop INT
    # 100 ticks a second; software emulation is many times slower than a real CPU. The figure
    # is to be read; what fails here is a busy loop, which would take thousands.
    echo "      idle for 60 s: $ticks ticks of 10 ms"
    if [ $ticks -lt 600 ]; then ok "idle: no busy loop"; else bad "idle: $ticks ticks in 60 s"; fi
}

load() { # the same events, read by `cat` and by us at once, with the same buffers
    C=$T/instances/cat
    mkdir $C
    printf 'ip6_pkt_drop\nip6_pkt_discard\nip6_pkt_discard_out\nip6_pkt_prohibit\nip6_pkt_prohibit_out\nip6_dst_gc\nfib6_run_gc\nicmp6_send\n' > $C/set_ftrace_filter
    printf 'ip6_pkt_drop:stacktrace\n' >> $C/set_ftrace_filter
    printf 'ip6_dst_gc:stacktrace\n' >> $C/set_ftrace_filter
    echo 512 > $C/buffer_size_kb
    start --method instance --identity off --probes none --max-rate 1000000 --buffer-kb 512
    echo function > $C/current_tracer
    cat $C/trace_pipe > /tmp/cat &
    reader=$!
    /full/ip netns exec pod taskset -c 0 /full/ping -f -c 1000 -W 1 -q $DEAD > /dev/null 2>&1 &
    sender=$!
    /full/ip netns exec pod taskset -c 1 /full/ping -f -c 1000 -W 1 -q $DEAD > /dev/null 2>&1
    wait $sender
    sleep 1
    # The reader goes first: before 5.9 it would keep the tracer of our instance busy.
    kill $reader
    wait $reader 2> /dev/null
    stop INT
    lost_cat=$(cat $C/per_cpu/cpu*/stats | awk '/^overrun|^dropped/ { n += $NF } END { print n }')
    echo nop > $C/current_tracer
    echo '!ip6_pkt_drop:stacktrace' >> $C/set_ftrace_filter
    echo '!ip6_dst_gc:stacktrace' >> $C/set_ftrace_filter
    rmdir $C
    lost=$(sed -n 's/^# ip6drop: lost [0-9]* //p' /tmp/capture | awk '{ n += $1 } END { print n }')
    ours=$(count 'ip6_pkt_drop <-')
    theirs=$(grep -c 'ip6_pkt_drop <-' /tmp/cat)
    echo "      drops recorded of 2000: $ours, by cat: $theirs; events lost: $lost, by cat: $lost_cat"
    if [ "$ours" -gt 1000 ] && [ "$ours" -ge "$theirs" ] && [ "$lost" -le "$lost_cat" ]; then ok "under load not worse than cat"; else bad "under load"; fi
    same "load"

    # All at once on both CPUs, printed by the kernel and read as pages.
    restrict=$(cat /proc/sys/kernel/kptr_restrict)
    for hidden in 2 0; do
        echo $hidden > /proc/sys/kernel/kptr_restrict
        start --method instance --probes none --max-rate 1000000
        for cpu in 0 1; do
            /full/ip netns exec pod taskset -c $cpu /full/ping -f -l 10000 -c 10000 -W 1 -q $DEAD > /dev/null 2>&1 &
            eval "sender$cpu=$!"
        done
        wait $sender0 $sender1
        sleep 1
        stop INT
        lost=$(sed -n 's/^# ip6drop: lost [0-9]* //p' /tmp/capture | awk '{ n += $1 } END { print n }')
        echo "      drops recorded of 20000: $(count 'ip6_pkt_drop\( <-\|: (\)'); events lost: $lost; as text: $(grep -c 'read as text' /tmp/err)"
        eval "lost$hidden=$lost"
    done
    echo "$restrict" > /proc/sys/kernel/kptr_restrict
    if [ $lost0 -lt $lost2 ]; then ok "pages lose fewer events than text"; else bad "pages lose $lost0 events, text $lost2"; fi
    same "load, all at once"
}

json() { # json FILE KEY...: the value behind the keys, each looked for behind the one before
    text=$(tr -d ' \n' < "$1")
    shift
    for key in "$@"; do text=${text#*\"$key\":}; done
    echo "$text" | sed 's/^"\([^"]*\)".*/\1/; t; s/[],}].*//'
}
shown() { # shown FILE: the JSON on the console, where the test of the schema finds it
    echo "VM JSON: $(tr -d '\n' < "$1")"
}
running() { # running WORDS: how many processes have them in their command line
    for process in /proc/[0-9]*; do
        tr '\0' ' ' < "$process/cmdline" 2> /dev/null | grep -q -- "$1" && echo "$process"
    done | wc -l
}

named() { # named CLASS DST COUNT WORDS: so many drops of that class were of packets to DST, with these words
    found=$(grep '"type":"drop"' /tmp/drops | grep "\"class\":\"$1\",\"confidence\":\"confirmed\"" | grep "\"dst\":\"$2\"" | grep -c "$4")
    expect "$3" "$found" "names: $1 to $2, $4"
}
dropped() { # dropped COUNT: waits until so many more were dropped than DROPPED says
    DROPPED=$((DROPPED + $1))
    for _ in $(seq 200); do
        [ "$(no_routes)" -lt "$DROPPED" ] || return
        usleep 20000
    done
}
calls() { # calls N: the pod calls one port, and gives up when the packet was dropped
    /full/ip netns exec pod nc 2001:db8:dead::$1 4$((0x$1 + 100)) < /dev/null > /dev/null 2>&1 &
    caller=$!
    dropped 1
    kill $caller # before it sends again, after a second
}
names() { # each dropped packet by address, port, interface and namespace, against what was sent
    ip=/full/ip
    $ip -6 route add prohibit 2001:db8:bad::/64
    $ip -6 route add unreachable 2001:db8:90ee::/64
    ip6drop check > /tmp/check
    says /tmp/check "^ok    packets: named" "names: check finds the offsets"
    ip6drop record --dry-run > /tmp/out
    expect 0 $? "record --dry-run: exit status"
    says /tmp/out "^mkdir $T/instances/ip6drop-PID$" "record --dry-run: what would be written"
    same "record --dry-run"
    for identity in auto full least; do
        start --method instance --identity $identity
        DROPPED=$(no_routes)
        for n in 1 2 3 4 5 6 7 8 9 a; do
            for to in dead bad 90ee; do
                $ip netns exec pod /full/ping -c 1 -i 0.01 -W 0.01 -q 2001:db8:$to::$n > /dev/null 2>&1
            done
            dropped 3
            calls $n
        done
        $ip netns exec pod /full/ping -c 60 -i 0.002 -l 20 -W 0.01 -q $DEAD > /dev/null 2>&1 # a burst
        stop INT
        expect 130 $STATUS "names, $identity: exit status after SIGINT"
        says /tmp/capture "^# ip6drop: offsets data " "names, $identity: the capture says the offsets"
        case $identity in
        least) says /tmp/capture "^# ip6drop: lookups iif != 1 && " "names, least: the filter" ;;
        *) says /tmp/capture "^# ip6drop: lookups all$" "names, $identity: no filter" ;;
        esac
        ip6drop report --format ndjson /tmp/capture > /tmp/drops
        expect 100 "$(grep -c '"type":"drop"' /tmp/drops)" "names, $identity: drops"
        for n in 1 2 3 4 5 6 7 8 9 a; do
            from='"dev":"cali0".*"netns":"host"'
            [ $n = 1 ] || named rcv-no-route 2001:db8:dead::$n 1 "\"proto\":\"icmp6\",\"type\":128.*$from"
            named rcv-prohibited 2001:db8:bad::$n 1 "\"proto\":\"icmp6\",\"type\":128.*$from"
            named rcv-no-route 2001:db8:90ee::$n 1 "\"proto\":\"icmp6\",\"type\":128.*$from"
            named rcv-no-route 2001:db8:dead::$n 1 "\"proto\":\"tcp\".*\"dport\":4$((0x$n + 100)),$from"
        done
        named rcv-no-route $DEAD 61 '"proto":"icmp6","type":128'
        same "names, $identity"
    done
    # The kernel itself leaves out what is not asked for.
    for asked in '--dst 2001:db8:bad::/48' '--dst 2001:db8:bad::4,2001:db8:90ee::2/127' '--src 2001:db8:1::2 --proto 6' '--port 4104' '--dev lo'; do
        # shellcheck disable=SC2086 # flags are words
        start --method instance $asked
        DROPPED=$(no_routes)
        for n in 1 2 3 4; do
            for to in dead bad 90ee; do
                $ip netns exec pod /full/ping -c 1 -i 0.01 -W 0.01 -q 2001:db8:$to::$n > /dev/null 2>&1
            done
            dropped 3
            calls $n
        done
        stop INT
        case $asked in
        *48) wanted=4 ;;
        *127) wanted=3 ;;
        *6) wanted=4 ;;
        *4104) wanted=1 ;;
        *) wanted=0 ;;
        esac
        expect $wanted "$(count ' ip6_pkt_drop: (ip6_pkt_drop+')" "record $asked: drops"
        says /tmp/capture "^# ip6drop: packets $asked$" "record $asked: said"
        expect "" "$(fact before Ip6InNoRoutes)" "record $asked: no counter of all drops"
        same "record $asked"
    done
    # One CPU alone.
    start --method instance --cpu 1
    expect 10 "$(awk '{ print $19 }' /proc/$PID/stat)" "record gives way to others"
    send 0 6
    send 1 4
    stop INT
    expect 4 "$(count ' ip6_pkt_drop: (ip6_pkt_drop+')" "record --cpu 1: drops"
    says /tmp/capture "^# ip6drop: packets --cpu 1$" "record --cpu 1: said"
    same "record --cpu 1"
    ip6drop record --cpu 7 --duration 1s -o /tmp/none 2> /tmp/err
    expect 3 $? "record --cpu 7: exit status"
    says /tmp/err "there is no CPU 7" "record --cpu 7: said"
    ip6drop record --identity off --dst $DEAD --duration 1s -o /tmp/none 2> /tmp/err
    expect 3 $? "record --identity off --dst: exit status"
    says /tmp/err "packets cannot be named: --identity off" "record --identity off --dst: said"
    $ip -6 route del prohibit 2001:db8:bad::/64
    $ip -6 route del unreachable 2001:db8:90ee::/64
}

burst() { # burst NET DEV NETNS COMMAND...: sends a hundred datagrams at once, and says how their drops are to be named
    net=$1 dev=$2 whose=$3
    shift 3
    "$@" /full/perl -e '
        my ($net, $dev, $whose) = @ARGV;
        socket(my $socket, 10, 2, 17) or die $!;
        my @to = map { pack "SnNH32N", 10, 4000 + $_, 0, sprintf("20010db8%s%020x", $net, $_), 0 } 1 .. 100;
        send($socket, "x", 0, $_) or die $! for @to; # all is ready: nothing but the sending takes time
        printf "2001:db8:%s::%x udp %d %s %s\n", $net, $_, 4000 + $_, $dev, $whose for 1 .. 100;
    ' "$net" "$dev" "$whose"
}
recorder() { # recorder ARGUMENTS: a flight recorder in the background, until it records
    files=/tmp/rotated
    mkdir $files
    ip6drop record -q --method instance "$@" -o $files/drops 2> /tmp/err &
    PID=$!
    for _ in $(seq 200); do
        grep -q '^# ip6drop: before nproc' $files/drops.000001 2> /dev/null && break
        usleep 50000
    done
}
recorded() { # each drop of the recorder's files, a line each
    ip6drop report --format ndjson $files 2>> /tmp/err | grep '"type":"drop"' > /tmp/drops
    cat /tmp/drops
}
apart() { sed 's/.*"time":\([^,]*\),.*/\1/' /tmp/drops | sort | uniq | grep -c .; }
rotate() { # the files of a flight recorder, one by one and together
    before=$(no_routes)
    recorder --rotate 64K --files 99
    # The whole stream beside it, in another buffer, by another reader.
    mkdir $T/instances/whole
    echo ip6_pkt_drop > $T/instances/whole/set_ftrace_filter
    echo function > $T/instances/whole/current_tracer
    cat $T/instances/whole/trace_pipe > /tmp/whole &
    READER=$!
    for _ in 1 2 3 4; do
        send 0 110
        send 1 110
    done
    stop INT
    rise=$(($(no_routes) - before))
    sleep 1
    kill $READER
    wait $READER 2> /dev/null
    echo nop > $T/instances/whole/current_tracer
    rmdir $T/instances/whole
    expect 130 $STATUS "rotate: exit status after SIGINT"
    expect $rise "$(recorded | grep -c .)" "rotate: drops in all files"
    expect $rise "$(grep -c '"class":"rcv-no-route","confidence":"confirmed"' /tmp/drops)" "rotate: confirmed"
    expect $rise "$(apart)" "rotate: none twice"
    for cpu in 0 1; do
        expect "$(grep -c "\[00$cpu\].* ip6_pkt_drop <-" /tmp/whole)" "$(grep -c "\"cpu\":$cpu," /tmp/drops)" "rotate: on CPU $cpu as many as in the stream beside it"
    done
    number=$(find $files -type f | wc -l)
    if [ "$number" -gt 24 ]; then ok "rotate: $number files"; else bad "rotate: only $number files"; fi
    expect $((number - 1)) "$(find $files -name 'drops.0*.gz' | wc -l)" "rotate: those that are over are packed"
    part=0
    for file in $(find $files -type f | sort); do
        part=$((part + 1))
        case $file in
        *.gz) gzip -dc $file | head -n 1 ;;
        *) head -n 1 $file ;;
        esac | grep -q "^# ip6drop: part $part of " || bad "rotate: the first line of file $part"
    done
    cat /tmp/err
    same "rotate"
    rm -r $files

    # Whoever reads too slowly loses events, and says how many.
    before=$(no_routes)
    recorder --rotate 64K --files 99 --buffer-kb 16
    send 0 20
    kill -STOP $PID
    send 0 300
    kill -CONT $PID
    send 0 20
    stop INT
    rise=$(($(no_routes) - before))
    seen=$(recorded | grep -c .)
    expect "$seen" "$(apart)" "a slow reader: none twice"
    if [ "$seen" -ge 20 ] && [ "$seen" -lt "$rise" ]; then ok "a slow reader: $seen of $rise drops"; else bad "a slow reader: $seen of $rise drops"; fi
    ip6drop report --exit-code --format json $files > /tmp/report.json 2> /dev/null
    status=$?
    lost=$(tr -d ' \n' < /tmp/report.json | sed 's/.*"lost_events":\([0-9]*\).*/\1/')
    if [ "$lost" -gt 0 ] 2> /dev/null; then ok "a slow reader: $lost events lost, and said"; else bad "a slow reader: no lost events: $(cut -c1-200 /tmp/report.json)"; fi
    [ $status = 12 ] || [ $status = 13 ] || bad "a slow reader: exit status $status"
    same "a slow reader"
    rm -r $files

    # Where nothing comes next to nothing is written. Neighbours that were spoken to are asked seconds later
    # whether they are still there, which the tracer hears.
    recorder --rotate 64K --files 99
    for _ in $(seq 30); do
        sleep 1
        { /full/ip -6 neigh; /full/ip netns exec pod /full/ip -6 neigh; } | grep -q 'DELAY\|PROBE' || break
    done
    begun=$(cat $files/* | wc -c)
    sleep 10
    ended=$(cat $files/* | wc -c)
    if [ "$((ended - begun))" -le 1024 ]; then ok "at idle: $begun bytes at first, $((ended - begun)) more in 10 s"; else bad "at idle: $((ended - begun)) bytes in 10 s"; fi
    stop INT
    same "at idle"
    rm -r $files
}
cards() { # bursts through network cards, of which the kernel takes many packets at once
    ip=/full/ip far="/full/ip netns exec far" polls=$T/instances/polls
    for card in eth0 eth1; do
        # After a packet a card is looked at again 0.2 s later, and is silent meanwhile.
        echo 1 > /sys/class/net/$card/napi_defer_hard_irqs
        echo 200000000 > /sys/class/net/$card/gro_flush_timeout
    done
    $ip netns add far
    $ip link set eth1 netns far
    $ip addr add 2001:db8:2::1/64 dev eth0 nodad
    $far $ip addr add 2001:db8:2::2/64 dev eth1 nodad
    $ip link set eth0 up
    $far $ip link set eth1 up
    # Beyond the other end nobody has a route.
    $ip -6 route add 2001:db8:feed::/48 via 2001:db8:2::2
    $far $ip -6 route add 2001:db8:dead::/48 via 2001:db8:2::1
    /full/ping -c 1 -W 9 -q 2001:db8:2::2 > /dev/null || bad "cards: the other end cannot be reached"
    for identity in auto least; do
        mkdir $polls
        echo 1 > $polls/events/napi/napi_poll/enable
        start --method instance --identity $identity
        wanted=$(($(no_routes) + $(no_routes $far) + 200))
        burst dead eth0 host $far > /tmp/sent
        burst feed eth1 other >> /tmp/sent
        for _ in $(seq 200); do
            [ $(($(no_routes) + $(no_routes $far))) = $wanted ] && break
            usleep 50000
        done
        stop INT
        ip6drop report --format ndjson /tmp/capture | grep '"type":"drop"' > /tmp/drops
        sed -n 's/.*"dst":"\([^"]*\)","proto":"\([^"]*\)".*"dport":\([0-9]*\),"dev":"\([^"]*\)".*"netns":"\([^"]*\)".*/\1 \2 \3 \4 \5/p' /tmp/drops | sort > /tmp/named
        sort /tmp/sent | diff - /tmp/named > /tmp/wrong
        expect "200 of 200" "$(grep -c . /tmp/drops) of $(grep -c . /tmp/sent)" "cards, $identity: drops"
        expect "" "$(cat /tmp/wrong)" "cards, $identity: each packet by address, port, interface and namespace"
        # What the least of them leaves out tells the cause by the rules of the namespace alone.
        sure=$(grep -c '"class":"rcv-no-route","confidence":"confirmed"' /tmp/drops)
        expect 200 "$sure" "cards, $identity: drops confirmed"
        # Without the rules of the other end, which are then nobody's.
        sure=$(grep -v '^# ip6drop: .* policy ' /tmp/capture | ip6drop report --format ndjson | grep '"type":"drop"' | grep -c '"class":"rcv-no-route","confidence":"confirmed"')
        [ $identity = least ] && all=100 || all=200
        expect $all "$sure" "cards, $identity: drops confirmed by the rules of the host alone"
        for card in eth0 eth1; do
            most=$(sed -n "s/.* device $card work \([0-9]*\) .*/\1/p" $polls/trace | sort -n | tail -n 1)
            if [ "${most:-0}" -ge 20 ]; then ok "cards, $identity: $most packets of $card at once"; else bad "cards, $identity: no more than ${most:-0} packets of $card at once"; fi
        done
        rmdir $polls
        same "cards, $identity"
    done
    $ip netns del far
    $ip link set eth0 down
}

drops_of_netfilter() { # drops_of_netfilter NAME FILTER: packets from a source without a way back, and others
    start --method instance
    spoof 8
    send 0 5
    $ip netns exec pod /full/ping -c 3 -i 0.01 -W 1 -q 2001:db8:1::1 > /dev/null
    stop INT
    expect 130 $STATUS "$1: exit status after SIGINT"
    expect "$2" "$(sed -n 's/^# ip6drop: lookups //p' /tmp/capture)" "$1: lookups"
    expect 8 "$(count 'netfilter_drop: (\(kfree_skb\|sk_skb_reason_drop\)')" "$1: what netfilter drops is recorded"
    ip6drop report --exit-code /tmp/capture > /tmp/out
    expect 12 $? "$1: exit status of the report"
    says /tmp/out "There is no usable route: 5 drops" "$1: the packets without a route, and no others"
    says /tmp/out "netfilter dropped 8 packets beside these: 8 with no way back" "$1: those without a way back"
    same "$1"
}
met_by_rules() { # met_by_rules NAME RULE: what the rules count is held against the trace
    rm -f /tmp/capture
    ip6drop diagnose --duration 120s --stop-after 12 --keep /tmp/capture > /tmp/out 2> /tmp/err &
    PID=$!
    # The probe on drops comes last: where one shows, all is on.
    until grep -q 'ip6_pkt_drop: ' /tmp/capture 2> /dev/null; do send 0 1; usleep 100000; done
    spoof 4
    send 0 12
    wait $PID
    expect 12 $? "$1: exit status of diagnose"
    says /tmp/out "a rule of netfilter dropped 4 packets meanwhile: $2" "$1: the rule is named with what it dropped"
    says /tmp/out "netfilter dropped 4 packets beside these: 4 with no way back" "$1: the trace shows as many"
    rm -f /tmp/capture
    ip6drop diagnose --identity off --duration 8s --keep /tmp/capture > /tmp/out 2> /tmp/err &
    PID=$!
    until [ -e /tmp/capture ]; do usleep 50000; done
    spoof 3
    wait $PID
    expect 13 $? "$1: without names it is no all-clear"
    says /tmp/out "dropped 3 packets that it does not show" "$1: and says how many"
    same "$1: rules that count"
}
spoof() { # spoof COUNT: packets of the pod from an address that the node knows no way to
    $ip netns exec pod /full/ping -c "$1" -i 0.01 -W 0.1 -q -I 2001:db8:5f::1 2001:db8:1::1 > /dev/null 2>&1
}
netfilter() { # packets without a way back are seen where rules ask for it, and not blamed on the cache
    ip=/full/ip
    $ip netns exec pod $ip addr add 2001:db8:5f::1/128 dev lo nodad
    start --method instance
    spoof 3
    stop INT
    expect 0 "$(count netfilter_drop)" "no rule asks for the way back: no probe on it"
    mkdir -p /sbin
    ln -sf /full/ip6tables-legacy /sbin/ip6tables-save
    ln -sf /full/nft /sbin/nft
    /full/ip6tables-legacy -t raw -A PREROUTING -m rpfilter --validmark --invert -j DROP
    ip6drop check > /tmp/check
    says /tmp/check "^note  reverse path: rules use rpfilter" "rpfilter: check says it"
    ip6drop status > /tmp/out
    expect 0 "$(grep -c 'In flight' /tmp/out)" "rpfilter: a kernel that refuses nothing has nothing in flight"
    drops_of_netfilter rpfilter all
    ip6drop record --identity least --duration 1s -o /tmp/least > /dev/null
    expect "iif != 1 || oif != 0" "$(sed -n 's/^# ip6drop: lookups //p' /tmp/least)" "rpfilter: the least stream"
    met_by_rules rpfilter "raw: -A PREROUTING -m rpfilter --validmark --invert -j DROP"
    /full/ip6tables-legacy -t raw -F
    /full/nft add table ip6 t
    /full/nft 'add chain ip6 t c { type filter hook prerouting priority -300; }'
    /full/nft add rule ip6 t c fib saddr . iif oif missing counter drop
    ip6drop check > /tmp/check
    says /tmp/check "^note  reverse path: rules use nft fib" "nft fib: check says it"
    drops_of_netfilter "nft fib" all
    met_by_rules "nft fib" "ip6 t c: fib saddr . iif oif missing drop"
    /full/nft delete table ip6 t
    rm -f /tmp/least
    $ip netns exec pod $ip addr del 2001:db8:5f::1/128 dev lo
}

diagnoses() {
    ip6drop diagnose --duration 1s --format json > /tmp/report.json 2> /tmp/err
    expect 0 $? "diagnose, quiet: exit status"
    expect 0 "$(json /tmp/report.json drops total)" "diagnose, quiet: no drop"
    expect unaffected "$(json /tmp/report.json counters regime)" "diagnose, quiet: regime"
    same "diagnose, quiet"
    expect "" "$(ls /tmp | grep ip6drop-)" "diagnose, quiet: no capture is left behind"

    before=$(no_routes)
    rm -f /tmp/capture
    ip6drop diagnose --duration 120s --stop-after 12 --keep /tmp/capture --format json > /tmp/report.json 2> /tmp/err &
    PID=$!
    until grep -q '^# ip6drop: before nproc' /tmp/capture 2> /dev/null; do usleep 50000; done
    usleep 300000
    send 0 7
    send 1 5
    wait $PID
    expect 12 $? "diagnose, no route: exit status"
    rise=$(($(no_routes) - before))
    expect 12 $rise "diagnose, no route: packets dropped"
    expect $rise "$(json /tmp/report.json drops total)" "diagnose, no route: drops reported"
    expect $rise "$(json /tmp/report.json drops by_class rcv-no-route confirmed)" "diagnose, no route: confirmed"
    expect true "$(json /tmp/report.json control equal)" "diagnose, no route: control total"
    expect $rise "$(json /tmp/report.json namespaces in_no_routes)" "diagnose, no route: in the node's namespace"
    expect true "$(json /tmp/report.json namespaces init)" "diagnose, no route: named as the node's own"
    shown /tmp/report.json
    ip6drop report --exit-code /tmp/capture > /tmp/out
    expect 12 $? "diagnose, no route: the kept capture says the same"
    wall=$(ip6drop report --format ndjson /tmp/capture | sed -n 's/.*"wall":"\([^"T]*\)T\([^".]*\).*/\1 \2/p' | head -n 1)
    ago=$(($(date -u +%s) - $(date -u -d "$wall" +%s)))
    if [ $ago -ge 0 ] && [ $ago -le 60 ]; then ok "diagnose, no route: dropped $ago s ago"; else bad "diagnose, no route: dropped $ago s ago, at $wall"; fi
    same "diagnose, no route"

    # Packets that are dropped while tracing is set up.
    (
        until ls -d $T/instances/ip6drop* > /dev/null 2>&1; do :; done
        /full/ip netns exec pod /full/ping -c 3 -i 0.01 -W 1 -q $DEAD > /dev/null
    ) &
    ip6drop diagnose --duration 3s > /tmp/out 2> /tmp/err
    code=$?
    wait $!
    # Where the tracer was faster than the packets, they are in the trace.
    if grep -q "There is no usable route" /tmp/out; then
        ok "diagnose, drops in set-up: the tracer was faster"
    else
        expect 13 $code "diagnose, drops in set-up: no all-clear"
        says /tmp/out "but the kernel counted" "diagnose, drops in set-up: named"
    fi
    same "diagnose, drops in set-up"

    before=$(no_routes)
    ip6drop diagnose --duration 6s --spread --trigger "/full/ip netns exec pod /full/ping -c 2 -i 0.01 -W 1 -q $DEAD" --format json > /tmp/report.json 2> /tmp/err
    expect 12 $? "diagnose with a trigger: exit status"
    rise=$(($(no_routes) - before))
    expect $rise "$(json /tmp/report.json drops total)" "diagnose with a trigger: all $rise drops reported"
    runs=$(json /tmp/report.json trigger runs)
    ended=$(($(json /tmp/report.json trigger failures) + $(json /tmp/report.json trigger stopped)))
    if [ "$runs" -ge 2 ]; then ok "diagnose with a trigger: $runs runs"; else bad "diagnose with a trigger: $runs runs"; fi
    expect "$runs" $ended "diagnose with a trigger: none of them succeeded"
    expect 1 "$(json /tmp/report.json trigger per_cpu cpu cpu)" "diagnose with a trigger: on the second CPU too"
    shown /tmp/report.json
    same "diagnose with a trigger"

    ip6drop diagnose --duration 6s --dst $DEAD --trigger "/full/ip netns exec pod /full/ping -c 2 -i 0.01 -W 1 -q $DEAD" > /tmp/out 2> /tmp/err
    expect 12 $? "diagnose with a filter on packets that the trace names: exit status"
    says /tmp/out "^  $DEAD " "diagnose with a filter: named"
    ip6drop diagnose --identity off --duration 6s --dst $DEAD --trigger "/full/ip netns exec pod /full/ping -c 2 -i 0.01 -W 1 -q $DEAD" > /tmp/out 2> /tmp/err
    expect 13 $? "diagnose with a filter on packets that the trace does not name: no all-clear"
    says /tmp/out "the trace does not name the packet of" "diagnose with a filter: says why"
    same "diagnose with a filter"

    ip6drop diagnose --duration 30s --trigger /no/such/command > /tmp/out 2> /tmp/err
    expect 1 $? "a trigger that does not exist: exit status"
    says /tmp/err "the trigger cannot be run: /no/such/command" "a trigger that does not exist: said"
    ip6drop diagnose --duration 2s --trigger 'exec sleep 4711' > /tmp/out 2> /tmp/err
    expect 0 $? "a trigger that hangs: exit status"
    says /tmp/out "1 run, 0 failed, 1 stopped" "a trigger that hangs: said"
    ip6drop diagnose --duration 2s --trigger 'setsid sleep 4712 &' > /tmp/out 2> /tmp/err
    expect 0 $? "a trigger that forks: exit status"
    says /tmp/out "it left running" "a trigger that forks: said"
    ip6drop diagnose --duration 120s --trigger 'setsid sleep 4713 & sleep 4714' > /tmp/out 2> /tmp/err &
    PID=$!
    until [ "$(running 'sleep 471[34]')" -ge 2 ]; do usleep 50000; done
    stop INT
    expect 130 $STATUS "Ctrl-C with a trigger: exit status"
    says /tmp/out "No IPv6 drop in this trace" "Ctrl-C with a trigger: reported all the same"
    expect 0 "$(running 'sleep 471[1-4]')" "no trigger is left running"
    same "diagnose with bad triggers"
}

privileges() { # those of docs/runbooks/diagnose-job.yaml are enough
    rm -f /tmp/capture
    /full/setpriv --bounding-set -all,+sys_ptrace,+sys_admin,+dac_read_search,+net_admin,+net_raw,+syslog \
        ip6drop diagnose --duration 120s --stop-after 5 --keep /tmp/capture > /tmp/out 2> /tmp/err &
    PID=$!
    until grep -q '^# ip6drop: before nproc' /tmp/capture 2> /dev/null; do usleep 50000; done
    usleep 300000
    send 0 5
    wait $PID
    expect 12 $? "diagnose with six capabilities: exit status"
    says /tmp/out "There is no usable route: 5 drops" "diagnose with six capabilities: drops reported"
    expect 0 "$(grep -c 'not named' /tmp/err)" "diagnose with six capabilities: packets are named"
    expect 0 "$(grep -c 'read as text' /tmp/err)" "diagnose with six capabilities: pages are read"
    same "diagnose with six capabilities"
}

statuses() { # in fresh namespaces with set limits; this kernel no longer checks them
    ip=/full/ip
    $ip netns add small
    for set in max_size=7 gc_thresh=3; do
        $ip netns exec small sysctl -q -w net.ipv6.route.$set
    done
    $ip netns exec small $ip link set lo up
    ip6drop status --netns small --format json > /tmp/status.json
    expect 0 $? "status: exit status"
    expect unaffected "$(json /tmp/status.json namespaces state)" "status: state"
    expect small "$(json /tmp/status.json namespaces name)" "status: name"
    expect 7 "$(json /tmp/status.json sysctls max_size)" "status: max_size"
    expect 3 "$(json /tmp/status.json sysctls gc_thresh)" "status: gc_thresh"
    wanted=$(($(printf %d 0x"$($ip netns exec small cat /proc/net/rt6_stats | cut -d' ' -f6)")))
    expect "$wanted" "$(json /tmp/status.json namespaces slow)" "status: entries"
    expect "$((7 - wanted))" "$(json /tmp/status.json headroom entries)" "status: headroom"
    expect 2 "$(json /tmp/status.json cpus online)" "status: CPUs"
    shown /tmp/status.json
    ip6drop status --all-netns > /tmp/out
    expect 0 $? "status --all-netns: exit status"
    for name in init pod small; do says /tmp/out "^  $name " "status --all-netns: $name"; done
    $ip netns del small
    ip6drop status --netns small > /tmp/out 2>&1
    expect 1 $? "status of a namespace that is gone: exit status"
    says /tmp/out "no such network namespace" "status of a namespace that is gone: said"
}

centiseconds() { sed 's/^\([0-9]*\)\.\([0-9]*\) .*/\1\2/' /proc/uptime; }
namespaces() { # a node of many: each is listed once, in little memory, and what that takes beside cat
    many=2000
    # One process makes them all, and gives each a name as `ip netns add` does.
    cat > /tmp/many.pl <<'END'
my ($do, $many) = @ARGV;
my ($unshare, $mount, $umount, $setns) = `uname -m` =~ /x86_64/ ? (272, 165, 166, 308) : (97, 40, 39, 268);
my ($here, $none, $newnet) = ("/proc/self/ns/net", "none", 0x40000000);
my @sysctls = map { "/proc/sys/net/ipv6/route/$_" } qw(max_size gc_thresh gc_min_interval_ms gc_elasticity gc_timeout gc_interval);
my @files = ("/proc/self/net/rt6_stats", "/proc/self/net/snmp6", @sysctls);
for my $n (1 .. $many) {
    my $name = "/run/netns/many$n";
    open(my $file, $do eq "make" ? ">" : "<", $name) or die "$name: $!";
    if ($do eq "make") {
        syscall($unshare, $newnet) == 0 or die "unshare: $!";
        syscall($mount, $here, $name, $none, 4096, 0) == 0 or die "mount: $!";
    } elsif ($do eq "drop") {
        syscall($umount, $name, 2) == 0 or die "umount: $!";
        unlink $name;
    } else {
        syscall($setns, fileno($file), $newnet) == 0 or die "setns: $!";
        if ($do eq "cat") {
            system("cat @files > /dev/null") == 0 or die "cat: $?";
            next;
        }
        for my $path (@files) {
            open(my $read, "<", $path) or die "$path: $!";
            1 while sysread($read, my $piece, 65536);
        }
    }
}
END
    clock "namespaces: $many are made"
    /full/perl /tmp/many.pl make $many || bad "namespaces: made"
    clock "namespaces: they are read"
    before=$(centiseconds)
    ip6drop status --all-netns --format json > /tmp/status.json
    expect 0 $? "namespaces: exit status"
    ours=$(($(centiseconds) - before))
    expect $many "$(grep -o '"name": *"many[0-9]*"' /tmp/status.json | wc -l)" "namespaces: all are listed"
    expect $many "$(grep -o '"name": *"many[0-9]*"' /tmp/status.json | sort -u | wc -l)" "namespaces: each once"
    # All is read when the first of it is written, and the rest waits until somebody takes it.
    mkfifo /tmp/fifo
    ip6drop status --all-netns --format json > /tmp/fifo &
    PID=$!
    exec 3< /tmp/fifo
    dd bs=1 count=1 <&3 > /dev/null 2>&1
    sleep 2
    most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$PID/status)
    cat <&3 > /dev/null
    exec 3<&-
    wait $PID
    echo "      at most ${most:-unknown} KiB"
    expect yes "$([ "${most:-99999}" -le 32768 ] && echo yes)" "namespaces: within 32 MiB of memory"
    for by in cat reading; do
        before=$(centiseconds)
        /full/perl /tmp/many.pl $by $many || bad "namespaces: $by"
        theirs=$(($(centiseconds) - before))
        echo "      status took $ours/100 s, $by the same files one by one $theirs/100 s: $((ours * 100 / theirs)) %"
    done
    /full/perl /tmp/many.pl drop $many || bad "namespaces: dropped"
}

step() { # step NAME: its packets
    tr -d ' \n' < /tmp/funnel.json | sed 's/.*"step":"'"$1"'","function":[^,]*,"packets":\([0-9]*\).*/\1/'
}
freed() { # freed FUNCTION: packets that were freed there
    tr -d ' \n' < /tmp/funnel.json | sed 's/.*"location":"'"$1"'","reason":[^,]*,"packets":\([0-9]*\).*/\1/; t; s/.*/0/'
}
counting() { # counting ARGUMENTS: a count in the background, until it counts
    ip6drop funnel "$@" 2> /tmp/err &
    PID=$!
    # The last that is counted, with a filter or without.
    until cat $T/instances/ip6drop-$PID/events/ip6drop*/funnel_tcp_v6_rcv_0/trigger 2> /dev/null | grep -q '^hist'; do
        kill -0 $PID 2> /dev/null || break
        usleep 50000
    done
    usleep 700000
}
counted() { # counted STEP=PACKETS...: what was counted at each, with WHAT in front
    for wanted in "$@"; do
        expect "${wanted#*=}" "$(step "${wanted%=*}")" "$WHAT: ${wanted%=*}"
    done
}
packets_of_five_kinds() { # 61, where each is received
    pings() { # pings CPU COUNT ADDRESS
        $ip netns exec f1 taskset -c "$1" /full/ping -c "$2" -i 0.05 -W 1 -q "$3" > /dev/null 2>&1
    }
    pings 0 7 2001:db8:f1::1 # echo: there and back
    pings 0 4 2001:db8:f2::2 # forwarded, twice there and twice back
    pings 1 6 $DEAD          # no route, and the error back
    pings 0 9 2001:db8:f0::1 # dropped by netfilter
    $ip netns exec f1 taskset -c 0 /full/perl -e '
        socket(my $s, 10, 2, 17);
        send($s, "x", 0, pack("SnNH32N", 10, 9, 0, "20010db800f10000" . "0" x 15 . "1", 0)) for 1..5;' # and the error back
    sleep 1
}
packets_of_other_kinds() { # 9 from the pod f1, of TCP, with extension headers, and to where none may go
    $ip netns exec f1 taskset -c 0 /full/perl -e '
        my $to = pack("SnNH32N", 10, 9, 0, "20010db800f10000" . "0" x 15 . "1", 0);
        for (1..3) { socket(my $s, 10, 1, 6); connect($s, $to) and die "connected"; }
        socket(my $s, 10, 2, 17);
        setsockopt($s, 41, 59, pack("C8", 0, 0, 1, 4, 0, 0, 0, 0)) or die "destination options: $!";
        send($s, "x", 0, $to) for 1..2;' # and as many resets and errors back
    $ip netns exec f1 taskset -c 1 /full/ping -c 4 -i 0.05 -W 1 -q 2001:db8:bad::1 > /dev/null 2>&1
    sleep 1
}
asked() { # asked KINDS FILTER STEP=PACKETS...: of the packets of so many kinds those are counted that pass
    kinds=$1
    shift
    WHAT="funnel $1"
    # shellcheck disable=SC2086 # options are words
    counting --duration 10m --format json -o /tmp/funnel.json $1
    packets_of_"$kinds"_kinds
    kill -INT $PID
    wait $PID
    expect 130 $? "$WHAT: exit status"
    expect "" "$(cat /tmp/err)" "$WHAT: nothing to say"
    same "$WHAT"
    shift
    counted "$@"
}
funnel() { # packets of five kinds, each counted at each step and on its CPU, and nothing left behind
    ip=/full/ip
    for n in 1 2; do
        $ip netns add f$n
        # Nothing that speaks by itself.
        $ip netns exec f$n sh -c 'for of in all default; do echo 0 > /proc/sys/net/ipv6/conf/$of/router_solicitations; done'
        $ip link add funnel$n type veth peer name eth0 netns f$n
        $ip link set funnel$n address 02:00:00:00:0f:0$n up
        $ip addr add 2001:db8:f$n::1/64 dev funnel$n nodad
        $ip netns exec f$n sh -c "$ip link set lo up; $ip link set eth0 address 02:00:00:00:1f:0$n up"
        $ip netns exec f$n $ip addr add 2001:db8:f$n::2/64 dev eth0 nodad
        $ip netns exec f$n $ip -6 neigh add 2001:db8:f$n::1 lladdr 02:00:00:00:0f:0$n dev eth0 nud permanent
        $ip netns exec f$n $ip -6 route add default via 2001:db8:f$n::1
        $ip -6 neigh add 2001:db8:f$n::2 lladdr 02:00:00:00:1f:0$n dev funnel$n nud permanent
    done
    /full/nft add table ip6 f
    /full/nft 'add chain ip6 f c { type filter hook prerouting priority -300; }'
    /full/nft add rule ip6 f c ip6 daddr 2001:db8:f0::/64 drop
    sleep 8 # until multicast groups are joined
    # Neighbours that are not known are not asked whether they are still there.
    $ip neigh flush dev cali0
    $ip netns exec pod $ip neigh flush dev eth0
    remember
    counting --duration 10m --format json -o /tmp/funnel.json
    packets_of_five_kinds
    kill -INT $PID
    wait $PID
    expect 130 $? "funnel, SIGINT: exit status"
    same "funnel"
    WHAT=funnel
    counted arrived=61 lookup=52 discarded=6 prohibited=0 forwarded=8 local=38 delivered=38 icmp6=33 udp=5 tcp=0
    expect '"per_cpu":[{"cpu":1,"packets":6}]' "$(tr -d ' \n' < /tmp/funnel.json | sed 's/.*"step":"discarded"[^[]*\("per_cpu":[^]]*]\).*/\1/')" "funnel: dropped on CPU 1 alone"
    # Newer kernels free it where nftables decides.
    expect 9 "$(($(freed nf_hook_slow) + $(freed nft_do_chain)))" "funnel: freed by netfilter"
    expect 6 "$(freed ip6_pkt_drop)" "funnel: freed without a route"
    expect 5 "$(freed __udp6_lib_rcv)" "funnel: freed without a socket"
    says /tmp/funnel.json "9 of 61 packets stopped between ip6_rcv_core and the route: netfilter freed 9 (nf" "funnel: the answer"
    shown /tmp/funnel.json

    asked five "--src 2001:db8:f1::2" arrived=35 lookup=26 discarded=6 prohibited=0 forwarded=4 local=16 delivered=16 icmp6=11 udp=5 tcp=0
    says /tmp/funnel.json "9 of 35 packets asked for were lost sight of between ip6_rcv_core and the route: freed, or" "funnel --src: the answer"
    expect '"freed":null' "$(tr -d ' \n' < /tmp/funnel.json | grep -o '"freed":null')" "funnel --src: who freed them is left open"
    asked five "--dst $DEAD" arrived=6 lookup=6 discarded=6 prohibited=0 forwarded=0 local=0 icmp6=0 udp=0 tcp=0
    expect '"per_cpu":[{"cpu":1,"packets":6}]' "$(tr -d ' \n' < /tmp/funnel.json | sed 's/.*"step":"discarded"[^[]*\("per_cpu":[^]]*]\).*/\1/')" "funnel --dst: on CPU 1 alone"
    # A range of a byte: all but those without a route.
    asked five "--dst 2001:db8:f0::/44" arrived=55 lookup=46 discarded=0 forwarded=8 local=38 delivered=38 icmp6=33 udp=5 tcp=0
    asked five "--dst ::/0" arrived=61 lookup=52 discarded=6 forwarded=8 local=38 delivered=38 icmp6=33 udp=5 tcp=0
    asked five "--dev funnel1" arrived=31 lookup=22 discarded=6 forwarded=4 local=12 delivered=12 icmp6=7 udp=5 tcp=0
    asked five "--dst 2001:db8:f1::1,$DEAD --dev funnel1,funnel2 --src 2001:db8:f1::/64" arrived=18 lookup=18 discarded=6 forwarded=0 local=12 delivered=12 icmp6=7 udp=5 tcp=0
    shown /tmp/funnel.json
    $ip -6 route add prohibit 2001:db8:bad::/48
    # What comes behind other headers is no protocol's for a filter on addresses.
    asked other "--src 2001:db8:f1::2" arrived=9 lookup=9 discarded=0 prohibited=4 forwarded=0 local=5 delivered=5 icmp6=0 udp=0 tcp=3
    asked other "--dev funnel1" arrived=9 lookup=9 discarded=0 prohibited=4 forwarded=0 local=5 delivered=5 icmp6=0 udp=2 tcp=3
    asked other "--src 2001:db8:f1::1" arrived=9 lookup=9 discarded=0 prohibited=0 forwarded=0 local=9 delivered=9 icmp6=6 udp=0 tcp=3
    $ip -6 route del prohibit 2001:db8:bad::/48
    ip6drop funnel --dev funnel3 > /tmp/out 2>&1
    expect 3 $? "funnel --dev of no interface: exit status"
    says /tmp/out "no network namespace has an interface funnel3; " "funnel --dev of no interface: said"
    same "funnel --dev of no interface"
    namespaces=$(cat /proc/sys/user/max_net_namespaces)
    echo 0 > /proc/sys/user/max_net_namespaces
    ip6drop funnel --dst $DEAD > /tmp/out 2>&1
    expect 3 $? "funnel --dst without offsets: exit status"
    says /tmp/out "packets cannot be named: no fresh network namespace: .*; without --src, --dst and --dev all" "funnel --dst without offsets: said"
    echo "$namespaces" > /proc/sys/user/max_net_namespaces
    same "funnel --dst without offsets"

    ip6drop funnel --duration 300ms > /tmp/out 2> /tmp/err
    expect 0 $? "funnel, quiet: exit status"
    expect "" "$(cat /tmp/err)" "funnel, quiet: nothing to say"
    says /tmp/out "^No IPv6 packet arrived" "funnel, quiet: said"
    same "funnel, quiet"
    counting --duration 10m
    kill -KILL $PID
    wait $PID 2> /dev/null
    ip6drop restore > /tmp/out
    expect 0 $? "funnel, SIGKILL and restore: exit status"
    same "funnel, SIGKILL and restore"
    /full/nft delete table ip6 f
    for n in 1 2; do $ip netns del f$n; done
    $ip netns exec pod /full/ping -c 2 -i 0.1 -W 2 -q 2001:db8:1::1 > /dev/null
}

# ---- watch on a terminal of 80x24: a program in front of it, and one that draws what it was told
terminals() {
    cat > /tmp/pty.pl << 'END'
# pty.pl KEYS BYTES MODES COMMAND...: runs a command on a new terminal; what comes out of the fifo KEYS is typed,
# and `resize COLUMNS LINES` there makes it another size. BYTES gets what it is told, MODES how it treats keys before and after.
my ($keys, $bytes, $modes, @command) = @ARGV;
open(my $master, '+<', '/dev/ptmx') or die "ptmx: $!";
ioctl($master, 0x40045431, my $unlock = pack('i', 0)) or die "unlock: $!";
ioctl($master, 0x80045430, my $number = pack('I', 0)) or die "number: $!";
my $name = '/dev/pts/' . unpack('I', $number);
sub size { ioctl($master, 0x5414, pack('SSSS', $_[1], $_[0], 0, 0)) or die "size: $!" }
sub modes { my $termios = "\0" x 60; ioctl($master, 0x5401, $termios) or die "modes: $!"; return unpack('H*', $termios) . "\n" }
size(80, 24);
my $before = modes();
my $child = fork();
if ($child == 0) {
    syscall(112);    # setsid
    open(my $tty, '+<', $name) or die "$name: $!";
    ioctl($tty, 0x540e, 0);
    close($master);
    open(STDIN, '<&', $tty); open(STDOUT, '>&', $tty); open(STDERR, '>&', $tty);
    $ENV{TERM} = 'xterm'; $ENV{LC_ALL} = 'C.UTF-8';
    exec(@command) or die "$command[0]: $!";
}
open(my $held, '+<', $name);    # so that the terminal outlives whoever is on it
open(my $typed, '+<', $keys) or die "$keys: $!";
open(my $told, '>', $bytes) or die "$bytes: $!";
my $status;
while (1) {
    my ($read, $all) = ('', '');
    vec($read, fileno($master), 1) = 1;
    vec($read, fileno($typed), 1) = 1;
    my $ready = select($all = $read, undef, undef, 0.1);
    if ($ready > 0 && vec($all, fileno($master), 1) && sysread($master, my $piece, 65536)) { syswrite($told, $piece) }
    if ($ready > 0 && vec($all, fileno($typed), 1) && sysread($typed, my $piece, 4096)) {
        if ($piece =~ /^resize (\d+) (\d+)/) { size($1, $2) } else { syswrite($master, $piece) }
    }
    if (!defined($status)) { if (waitpid($child, 1) > 0) { $status = $? } } elsif ($ready == 0) { last }
}
open(my $kept, '>', $modes); print $kept $before, modes();
exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);
END
    cat > /tmp/shown.pl << 'END'
# shown.pl COLUMNS LINES < BYTES: what the terminal shows after them.
my ($columns, $lines) = @ARGV;
my @screen = map { [(' ') x $columns] } 1 .. $lines;
my ($x, $y) = (0, 0);
local $/; my $text = <STDIN>; utf8::decode($text);
while ($text =~ /\G(?:\e\[([0-9;?]*)([A-Za-z])|(.))/gs) {
    my ($numbers, $command, $char) = ($1, $2, $3);
    if (defined($command)) {
        if ($command eq 'H') { my ($line, $column) = split(/;/, $numbers); ($x, $y) = ($column - 1, $line - 1) }
        if ($command eq 'J') { @screen = map { [(' ') x $columns] } 1 .. $lines }
    } elsif ($char eq "\r") { $x = 0 } elsif ($char eq "\n") { $y++ }
    else { $screen[$y][$x] = $char if $y < $lines && $x < $columns; $x++ }
}
for my $line (@screen) { my $row = join('', @$line); $row =~ s/ +$//; utf8::encode($row); print "  |$row\n" }
END
    rm -f /tmp/keys
    mkfifo /tmp/keys
}
picture() { # picture [COLUMNS LINES]: what the terminal shows
    /full/perl /tmp/shown.pl "${1:-80}" "${2:-24}" < /tmp/told > /tmp/picture
}
screen() { # screen ARGUMENTS: watch on a terminal, until it shows something
    : > /tmp/told
    /full/perl /tmp/pty.pl /tmp/keys /tmp/told /tmp/modes ip6drop watch "$@" &
    PID=$!
    await "ip6drop watch"
    WATCH=$(pidof ip6drop)
}
await() { # await WORDS [COLUMNS LINES]: until the terminal shows them
    for _ in $(seq 300); do
        picture "${2:-}" "${3:-}"
        grep -q -- "$1" /tmp/picture && return
        usleep 100000
    done
    bad "the terminal never shows '$1' but:"
    cat /tmp/picture
}
left() { # left STATUS WHAT: it has ended, and terminal and tracing are as before
    wait $PID
    expect "$1" $? "$2: exit status"
    expect "$(head -n 1 /tmp/modes)" "$(tail -n 1 /tmp/modes)" "$2: the terminal treats keys as before"
    tr -d '\033' < /tmp/told | tail -c 4000 > /tmp/end
    grep -q '\[?1049l' /tmp/end && ok "$2: the other screen is gone" || bad "$2: the other screen stays"
    expect 0 "$(ls /run/ip6drop | grep -c journal)" "$2: no journal"
    same "$2"
}
watches() {
    terminals
    screen
    await "No IPv6 drop"
    echo "      before drops"
    cat /tmp/picture
    before=$(no_routes)
    send 0 20
    send 1 7
    rise=$(($(no_routes) - before))
    await " now, $rise in "
    echo "      after $rise drops"
    cat /tmp/picture
    says /tmp/picture "^  |DROPS NOW" "watch: drops are said at once"
    says /tmp/picture " 0 *20 " "watch: those of CPU 0"
    says /tmp/picture " 1 *7 " "watch: those of CPU 1"
    says /tmp/picture "$DEAD" "watch: where they were going"
    says /tmp/picture "none dropped from view" "watch: nothing was lost"
    await "^  |DROPS EARLIER"
    echo "      afterwards"
    cat /tmp/picture
    echo "resize 120 30" > /tmp/keys
    await "% of a CPU" 120 30
    echo "      120x30"
    cat /tmp/picture
    # What it takes when nothing happens.
    ticks() { awk '{ print $14 + $15 }' "/proc/$WATCH/stat"; }
    was=$(ticks)
    sleep 20
    used=$(($(ticks) - was))
    echo "      20 s without events: $used ticks of 2000"
    printf q > /tmp/keys
    left 0 "watch, q"
    for signal in INT=130 TERM=143 HUP=129; do
        screen
        send 0 3
        kill -"${signal%=*}" "$WATCH"
        left "${signal#*=}" "watch, SIG${signal%=*}"
    done
    screen
    printf '\003' > /tmp/keys
    left 130 "watch, Ctrl-C"
    screen
    kill -KILL "$WATCH"
    wait $PID
    ip6drop restore > /tmp/out
    says /tmp/out "put back: " "watch, SIGKILL: restore says what it puts back"
    same "watch, SIGKILL and restore"
    # In a pipe: lines.
    ip6drop watch --duration 4s > /tmp/out 2> /tmp/err
    expect 0 $? "watch in a pipe: exit status"
    expect "" "$(cat /tmp/err)" "watch in a pipe: nothing to say"
    cat /tmp/out
    expect "$(wc -l < /tmp/out)" "$(grep -c '^time 2.* total 0 .* lost 0 ' /tmp/out)" "watch in a pipe: a line at each look"
    same "watch in a pipe"
}
node() { # node FILE: namespaces, interfaces, routes, rules and settings of the network, as the machine has them
    (
        for process in /proc/[0-9]*; do readlink "$process/ns/net"; done | sort -u
        $ip -d link
        $ip addr
        $ip -6 route show table all
        $ip -6 rule
        /full/nft list ruleset
        grep -rs '' /proc/sys/net | sort
    ) > "$1" 2>&1
}
gone() { # gone WHAT: nothing is left of the lab, in the network or in tracefs
    for _ in $(seq 100); do
        [ "$(pidof ip6drop)" ] || break
        usleep 100000
    done
    node /tmp/node.now
    if cmp -s /tmp/node /tmp/node.now; then ok "$1: the node is as before"; else
        bad "$1: the node changed"
        diff /tmp/node /tmp/node.now
    fi
    same "$1"
}
total() { sed -n '/"total"/,/}/s/.*"'"$1"'": \([0-9]*\).*/\1/p' /tmp/lab.json; }
in_lab() { # in_lab ARGUMENTS: a lab in the background, until it records
    ip6drop lab "$@" > /tmp/lab.out 2> /tmp/err &
    PID=$!
    for _ in $(seq 200); do
        [ "$(find $T/instances -maxdepth 1 -name 'ip6drop-*')" ] && break
        usleep 100000
    done
}
lab() { # every scenario that this kernel can show, and nothing left behind, whatever ends it
    ip=/full/ip
    remember
    node /tmp/node
    ip6drop lab --duration 2s --format json -o /tmp/lab.json 2> /tmp/err
    expect 0 $? "lab: exit status"
    expect "" "$(cat /tmp/err)" "lab: nothing to say"
    for what in wrongly unnamed unexpected; do expect 0 "$(total $what)" "lab: $what"; done
    lost=$(total lost)
    expect "$lost $lost" "$(total rightly) $(total confirmed)" "lab: $lost losses, all of them named and confirmed"
    [ "$lost" -gt 100 ] || bad "lab: only $lost losses"
    sed -n 's/.*"\(summary\|scenario\|why\)": "\(.*\)".*/      \2/p' /tmp/lab.json
    if grep -q '"refuses": true' /tmp/lab.json; then scenarios=12 skipped=0; else scenarios=7 skipped=5; fi
    expect "$scenarios $skipped" "$(grep -c '"score"' /tmp/lab.json) $(grep -c '"why"' /tmp/lab.json)" "lab: scenarios made and not made"
    gone "lab"
    in_lab never-stopping --duration 30s
    ip6drop lab healthy > /tmp/out 2> /tmp/err
    expect 3 $? "lab, a second one: exit status"
    says /tmp/err "another lab is running on this host" "lab, a second one: said"
    kill -KILL $PID
    wait $PID 2> /dev/null
    gone "lab, SIGKILL"
    ip6drop restore > /tmp/out
    expect "0 ip6drop: nothing was left behind" "$? $(cat /tmp/out)" "lab, SIGKILL: its recording ended by itself"
    in_lab never-stopping --duration 30s
    # shellcheck disable=SC2046 # numbers
    kill -KILL $(pidof ip6drop)
    wait $PID 2> /dev/null
    ip6drop restore > /tmp/out
    expect 0 $? "lab, SIGKILL of all, and restore: exit status"
    says /tmp/out "put back" "lab, SIGKILL of all, and restore: it was needed"
    gone "lab, SIGKILL of all, and restore"
    in_lab no-route
    kill -TERM $PID
    wait $PID
    expect 143 $? "lab, SIGTERM: exit status"
    gone "lab, SIGTERM"
    ip6drop lab healthy --keep > /tmp/lab.out &
    PID=$!
    for _ in $(seq 100); do
        grep -q '^From' /tmp/lab.out && break
        usleep 100000
    done
    says /tmp/lab.out "The lab is up until Ctrl-C: healthy" "lab --keep: said"
    enter=$(sed -n 's/^  node *//p' /tmp/lab.out)
    ping=$(sed -n 's/.*ping -c 3/-c 3 -i 0.1 -W 2 -q/p' /tmp/lab.out)
    # shellcheck disable=SC2086 # a command and its words
    $enter /full/ping $ping > /tmp/out
    expect 0 $? "lab --keep: its node can be entered, and a pod answers"
    kill -INT $PID
    wait $PID
    expect 130 $? "lab --keep, Ctrl-C: exit status"
    gone "lab --keep, Ctrl-C"
    most=$(cat /proc/sys/user/max_net_namespaces)
    echo 0 > /proc/sys/user/max_net_namespaces
    ip6drop lab no-route > /tmp/out 2> /tmp/err
    expect 3 $? "lab without namespaces: exit status"
    says /tmp/err "gives no network namespace of its own" "lab without namespaces: said"
    expect 1 "$(wc -l < /tmp/err)" "lab without namespaces: one sentence"
    echo "$most" > /proc/sys/user/max_net_namespaces
    gone "lab without namespaces"
}

# ---- containers: the program alone in its file system, as packaging/kubernetes wants it and docs/cluster.md says
GRANTED="sys_admin net_admin net_raw sys_ptrace dac_read_search syslog"
runtime() { # what a container runtime does, as a script: to be run in the container's own mount namespace
    cat > /tmp/runtime << 'END'
R=/tmp/rootfs
mount -t tmpfs root $R
mkdir -p $R/proc $R/sys $R/dev $R/tmp $R/run/ip6drop $R/host $R/var/lib/ip6drop
: > $R/ip6drop
mount -o bind /bin/ip6drop $R/ip6drop
mount -t proc -o nosuid,nodev,noexec proc $R/proc
mount -t sysfs -o nosuid,nodev,noexec sysfs $R/sys
mount -t tmpfs dev $R/dev
mknod $R/dev/null c 1 3
mknod $R/dev/urandom c 1 9
if [ "$SHAPE" = debug ]; then # kubectl debug --profile=sysadmin: all of the node, and nothing masked
    mount -o rbind / $R/host
else
    mount -o remount,bind,ro $R/sys
    for path in bus fs irq sys sysrq-trigger; do
        [ ! -e $R/proc/$path ] || { mount -o bind $R/proc/$path $R/proc/$path && mount -o remount,bind,ro $R/proc/$path; }
    done
    for path in acpi kcore keys latency_stats timer_list timer_stats sched_debug scsi $MASKED; do
        if [ -d $R/proc/$path ]; then mount -t tmpfs -o ro masked $R/proc/$path; elif [ -e $R/proc/$path ]; then mount -o bind $R/dev/null $R/proc/$path; fi
    done
    mount -t tmpfs -o ro masked $R/sys/firmware
    for volume in $VOLUMES; do
        mkdir -p $volume $R$volume 2> /dev/null
        mount -o rbind $volume $R$volume
        [ "$volume" != "$READONLY" ] || mount -o remount,bind,ro $R$volume
    done
    mount -o remount,ro $R
fi
# Capabilities are taken away behind chroot, which wants one.
exec /full/perl -e '
    my ($call, $keep) = (shift, shift);
    chdir "/tmp/rootfs" and chroot "." or die "chroot: $!";
    my $number = 0;
    for my $name (qw(chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
        net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace
        sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write
        audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read)) {
        $keep eq "all" or " $keep " =~ / $name / or syscall($call, 24, $number) == 0 or die "$name: $!";
        $number++;
    }
    exec "/ip6drop", @ARGV or die "exec: $!";
' "$([ "$(uname -m)" = aarch64 ] && echo 167 || echo 157)" "$CAPABILITIES" "$@"
END
    mkdir -p /tmp/rootfs
}
manifest() { # as packaging/kubernetes has it
    export SHAPE=pod CAPABILITIES=$GRANTED MASKED='' READONLY=none
    export VOLUMES="/sys/kernel/tracing /sys/kernel/debug /run/ip6drop /tmp"
    apart=-m
}
contained() { # contained ARGUMENTS: of the program, in such a container
    # shellcheck disable=SC2086 # flags are words
    exec unshare $apart sh /tmp/runtime "$@"
}
begun() { # begun FILE ARGUMENTS: in the background, until it records into FILE
    file=$1
    shift
    rm -f "$file"
    (contained "$@") > /tmp/out 2> /tmp/err &
    PID=$!
    for _ in $(seq 400); do
        grep -q '^# ip6drop: before nproc' "$file" 2> /dev/null && break
        usleep 50000
    done
    usleep 300000
}
named_in() { # named_in WHAT [ARGUMENTS]: a diagnosis there names each of five packets
    what=$1
    shift
    begun /tmp/capture diagnose --duration 120s --stop-after 5 --keep "${KEEP:-}/tmp/capture" "$@"
    send 0 5
    wait $PID
    expect 12 $? "$what: exit status"
    expect "" "$(cat /tmp/err)" "$what: nothing to say"
    says /tmp/out "^  $DEAD  *5 " "$what: each packet named"
    same "$what"
}
without() { # without WHAT STATUS WORDS: a diagnosis there ends so, and says so
    (contained diagnose --duration 100ms) > /tmp/out 2> /tmp/err
    expect "$2" $? "container without $1: exit status"
    says /tmp/err "ip6drop: .*$3" "container without $1: said"
}
container() { # the table of docs/cluster.md, line by line
    runtime
    manifest
    named_in "a pod"
    VOLUMES="${VOLUMES% /tmp} /var/lib/ip6drop"
    begun /var/lib/ip6drop/drops.000001 record --quiet --rotate=64K --files=5 --output=/var/lib/ip6drop/drops
    send 1 5
    stop TERM
    expect 143 $STATUS "a pod that records: exit status after SIGTERM"
    expect "" "$(cat /tmp/err)" "a pod that records: nothing to say"
    (contained report --format json /var/lib/ip6drop) > /tmp/report.json 2> /tmp/err
    expect 5 "$(json /tmp/report.json drops by_class rcv-no-route confirmed)" "a pod that records: its report in there"
    same "a pod that records"
    rm -r /var/lib/ip6drop
    manifest
    SHAPE=debug CAPABILITIES=all KEEP=/host
    named_in "kubectl debug" --state-dir /host/run/ip6drop
    KEEP=

    while IFS='|' read -r name status words; do
        manifest
        case $name in
        CAP_*) CAPABILITIES=$(echo " $GRANTED " | sed "s/ $(echo "${name#CAP_}" | tr A-Z a-z) / /") ;;
        hostPID) apart="-m -p -f" ;;
        hostNetwork) apart="-m -n" ;;
        /proc/kallsyms) MASKED=kallsyms ;;
        kernel.kptr_restrict) echo 2 > /proc/sys/kernel/kptr_restrict ;;
        writing\ *) READONLY=${name#writing } ;;
        tracefs) VOLUMES="/run/ip6drop /tmp" ;;
        *) VOLUMES=$(echo " $VOLUMES " | sed "s| $name | |") ;;
        esac
        without "$name" "$status" "$words"
        [ "$name" != kernel.kptr_restrict ] || echo 0 > /proc/sys/kernel/kptr_restrict
    done << 'END'
CAP_SYS_ADMIN|0|without CAP_SYS_ADMIN packets are not named, and other network namespaces not read; add SYS_ADMIN to the container's capabilities
CAP_NET_ADMIN|0|without CAP_NET_ADMIN packets are not named; add NET_ADMIN to the container's capabilities
CAP_NET_RAW|0|without CAP_NET_RAW packets are not named; add NET_RAW to the container's capabilities
CAP_SYS_PTRACE|0|without CAP_SYS_PTRACE other processes' network namespaces are not found; add SYS_PTRACE to the container's capabilities
CAP_DAC_READ_SEARCH|0|without CAP_DAC_READ_SEARCH other users' processes that hold files of tracefs open are not seen; add DAC_READ_SEARCH to the container's capabilities
CAP_SYSLOG|0|events are read as text, which costs more than reading pages: /proc/kallsyms hides its addresses without CAP_SYSLOG; add SYSLOG to the container's capabilities
hostPID|0|without hostPID network namespaces of other processes are not found, and packets not named; set hostPID: true in the pod, or run on the node
hostNetwork|0|without hostNetwork counters, limits and routes around a trace are those of another network namespace than the node's; set hostNetwork: true in the pod, or run on the node
tracefs|3|tracefs is not mounted; mount it with: mount -t tracefs tracefs /sys/kernel/tracing, or let --mount do it; a container can be given the host's /sys/kernel/tracing
writing /sys/kernel/tracing|3|/sys/kernel/tracing is mounted read-only; give it to the container without readOnly, or remount it
/run/ip6drop|1|/run/ip6drop/lock: open the lock: Read-only file system (os error 30); nothing is traced without an undo journal, which --state-dir puts elsewhere
/tmp|1|no room for the capture; name a file with --keep, or set TMPDIR: Read-only file system
/proc/kallsyms|0|events are read as text, which costs more than reading pages: /proc/kallsyms hides its addresses or is masked
kernel.kptr_restrict|0|events are read as text, which costs more than reading pages: /proc/kallsyms hides its addresses or is masked; see sysctl kernel.kptr_restrict
END
    same "containers without something"
    # tracefs in debugfs alone, as on CentOS 7, and nowhere.
    umount $T
    mount -t debugfs debugfs /sys/kernel/debug
    manifest
    (contained diagnose --mount --duration 200ms) > /tmp/out 2> /tmp/err
    expect "0 " "$? $(cat /tmp/err)" "a pod where tracefs is in debugfs alone: works"
    umount -l /sys/kernel/debug
    (contained diagnose --mount --duration 200ms) > /tmp/out 2> /tmp/err
    expect "0 " "$? $(cat /tmp/err)" "a pod where tracefs is nowhere: --mount is enough"
    mount -t tracefs tracefs $T
    same "a pod where tracefs is not mounted"
}

mount -t tracefs tracefs $T
uname -r
network
clock "first use"
dump /tmp/fresh
fresh=$(cat $T/buffer_size_kb)
ip6drop check --method func-stack-trace > /tmp/out 2> /tmp/err
expect 0 $? "the first check after boot: exit status"
expect "${fresh%% *}" "$(cat $T/buffer_size_kb)" "the first check after boot: buffer_size_kb"
says /tmp/err "the nearest to $fresh that" "the first check after boot: the mark that is lost is named"
ip6drop record -q --method func-stack-trace --duration 1s -o /tmp/capture 2> /tmp/err
expect 0 $? "the first recording after boot: exit status"
expect "" "$(cat /tmp/err)" "the first recording after boot: nothing to say"
expect "${fresh%% *}" "$(cat $T/buffer_size_kb)" "the first recording after boot: buffer_size_kb"
dump /tmp/now
diff /tmp/fresh /tmp/now | grep '^[<>]' | grep -v 'buffer_size_kb\|buffer_total_size_kb' > /tmp/changed
expect "" "$(cat /tmp/changed)" "the first recording after boot changes no more than the kernel's own mark of first use"
# From here on the top-level buffer has its full size, as after any use of the tracer.
size 1408
PARTS=$(sed -n 's/.*parts=\([a-z_,]*\).*/\1/p' /proc/cmdline | tr , ' ')
for part in ${PARTS:-checks statuses funnel watches lab diagnoses names rotate cards netfilter privileges container three_methods pages policy sizes foreign idle_reader two_at_once outputs hostile guard refusals signals kills}; do
    clock $part
    $part
done
clock "the end, begun at $START"
[ $FAILED = 0 ]
