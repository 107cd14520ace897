#!/bin/sh
# Diagnoses IPv6 drops on this node, keeps the evidence, and says what to do next.
# It changes nothing on the node: commands that would are printed, never run.
#
#   diagnose.sh [OPTION…]         options go to `ip6drop diagnose`, such as --duration 60s
#
# Environment:
#   IP6DROP      the program (default: ip6drop)
#   IP6DROP_DIR  a new directory for the evidence (default: ip6drop-HOST-TIME in this directory)
#
# Ends with the status of `ip6drop diagnose`; README.md beside this file explains each.
set -u
umask 077

ip6drop=${IP6DROP:-ip6drop}
dir=${IP6DROP_DIR:-ip6drop-$(uname -n)-$(date +%Y%m%dT%H%M%S)}
report=$dir/report.json
capture=$dir/capture.txt
log=$dir/diagnose.log

say() { printf '%s\n' "$*"; }

for option in "$@"; do
    case $option in
    --format | --format=* | -o* | --output | --output=* | --keep | --keep=*)
        say "diagnose.sh: $option is set by this script; the evidence goes to a directory (IP6DROP_DIR)" >&2
        exit 2
        ;;
    esac
done
mkdir "$dir" || exit 1

# The JSON has one member a line; these read strings without escapes, as commands are.
verdict() { sed -n 's/^ *"summary": "\(.*\)".*/\1/p' "$report" | head -n 1; }
remedy() { sed -n 's/^ *"command": "\([^"\\]*sysctl -w net\.ipv6\.route\.max_size=[^"\\]*\)".*/\1/p' "$report" | head -n 1; }
others() { sed -n 's/^ *"command": "\([^"\\]*\)".*/    \1/p' "$report" | grep -v 'sysctl -w' | sort -u; }

show_remedy() {
    if [ -n "$(remedy)" ]; then
        say "To raise the limit now (this script does not; see the advice in $report for its reasons):"
        say
        say "    $(remedy)"
        say
        say "That lasts until reboot. To keep it, see: $ip6drop status"
    else
        say "The counters around the capture do not give a size. Look at: $ip6drop status --all-netns"
    fi
}

show_others() {
    if [ -n "$(others)" ]; then
        say "The report advises:"
        others
    fi
}

# Ctrl-C reaches the program as well: it puts tracing back and ends, then this goes on.
trap : INT
say "Tracing; Ctrl-C ends it early. Messages go to $log."
"$ip6drop" diagnose --format json --keep "$capture" "$@" > "$report" 2> "$log"
status=$?
cat "$log" >&2
[ -s "$report" ] || rm -f "$report"
[ ! -s "$report" ] || say "Verdict: $(verdict)"

case $status in
0)
    say "No IPv6 drop was seen. If the symptom comes and goes, run this again while it shows:"
    say "longer (--duration 10m --stop-after 1), or with what fails (--trigger 'ping -6 -c 1 ADDRESS')."
    say "To watch the route cache meanwhile: $ip6drop status --interval 1s"
    ;;
1)
    say "An error, named above. Nothing is concluded."
    ;;
2)
    say "An option was wrong, named above: $ip6drop diagnose --help"
    ;;
3)
    say "This node cannot be traced; the reason and what to do are above. More: $ip6drop check"
    say "What needs no tracing is the route cache's count against its limit:"
    "$ip6drop" status --format json > "$dir/status.json" || rm -f "$dir/status.json"
    "$ip6drop" status 2> /dev/null
    ;;
4)
    say "Tracing state is left behind, named above. Put it back, then look at the verdict, if there is one:"
    say "    $ip6drop restore"
    ;;
10)
    say "The IPv6 route cache is full, and drops received packets."
    show_remedy
    ;;
11)
    say "The IPv6 route cache may be full; what is missing for certainty is in the advice."
    show_others
    show_remedy
    ;;
12)
    say "Packets are dropped, but not by a full route cache: a missing or a prohibit route."
    show_others
    ;;
13)
    say "No verdict: events were lost, stacks are empty, or the capture cannot be read."
    show_others
    ;;
129 | 1[3-9][0-9])
    say "Ended by signal $((status - 128)); tracing was put back. The verdict, if there is one, is on the part until then."
    ;;
126 | 127)
    say "$ip6drop cannot be run: set IP6DROP to the program."
    ;;
*)
    say "Status $status is none that ip6drop documents. Was it killed? Then: $ip6drop restore"
    ;;
esac
say "Evidence is in $dir"
exit "$status"
