# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ip6drop_global_optspecs
    string join \n h/help V/version
end

function __fish_ip6drop_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ip6drop_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ip6drop_using_subcommand
    set -l cmd (__fish_ip6drop_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ip6drop -n "__fish_ip6drop_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -s V -l version -d 'Print version'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "diagnose" -d 'Record, report and advise in one go: why does this node drop IPv6 packets now'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "status" -d 'Say from counters and limits alone how full the IPv6 route cache is, and what to set'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "report" -d 'Read saved traces and say what dropped, why, and on which CPU'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "merge" -d 'Read many hosts\' JSON reports and say which have the fault, worst first'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "check" -d 'Say whether this host can be traced, by which method, and whether it works'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "record" -d 'Trace, save the text with the facts around it, and put everything back'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "watch" -d 'Record and show it live: verdict, cache, a row a CPU, last drops'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "funnel" -d 'Count in the kernel where on their way through this host packets stop'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "lab" -d 'Make the fault on purpose in private network namespaces, and prove that each loss is named rightly'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "restore" -d 'Put back what a killed run left behind'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "generate" -d 'Print generated files'
complete -c ip6drop -n "__fish_ip6drop_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l duration -d 'Record for this time, such as 30s or 5m' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l stop-after -d 'Stop as soon as N drops were seen' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l keep -d 'Keep the raw capture in FILE, a new file with mode 0600' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l trigger -d 'Run COMMAND (for /bin/sh) over and over while recording, such as a curl or ping that fails now and then' -r -f -a "(__fish_complete_command)"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l max-size -d 'Stop before the capture grows beyond SIZE' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l format -d 'How to write the report' -r -f -a "text\t'For people: the verdict first'
json\t'One object, that of `report`'
markdown\t'For tickets'
html\t'One page with pictures, to be opened in a browser; it loads nothing'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -s o -l output -d 'Write the report to FILE instead of standard output' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l src -d 'Only drops of packets from these addresses or prefixes, as in fd00:10::/32' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l dst -d 'Only drops of packets to these addresses or prefixes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l dev -d 'Only drops of packets on these interfaces' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l proto -d 'Only drops of packets of these protocols: icmp6, tcp, udp, sctp, or a number' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l port -d 'Only drops of packets from or to these ports' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l anonymize -d 'Replace addresses, hosts, pods, interfaces, tasks and files by pseudonyms, to show it to others. Addresses that share their first bits share as many afterwards. By a key that is drawn, or by KEY: the same pseudonyms again. Whoever knows the key and a name can find its pseudonym, and a short KEY can be guessed. Ports, CPUs, pids, times and the kernel\'s own names stay' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l max-rate -d 'Events per second on one CPU that take the stacks off a hot function; ten times as many leave out what is optional before the recording, and stop it' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l function -d 'Trace entries of FUNC as well (repeatable, or separated by commas)' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l probes -d 'Which probes to add on the route cache\'s collector' -r -f -a "auto\t'`full` where a return probe does not cost the frames of the stacks, else `entry`'
none\t'None'
entry\t'The entry of `ip6_dst_gc`, with family, gc_thresh and the shared count of dst entries'
full\t'The return of `ip6_dst_gc` as well: whether the allocation was refused'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l identity -d 'Which lookups to take beside the words of dropped packets' -r -f -a "auto\t'By a probe on the drop and all lookups, or the least that proves where they are many; not at all where this kernel does not show what it takes'
off\t'Not at all: function entries alone tell what happened'
full\t'With all lookups, however many they are'
least\t'With the least lookups that prove'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l buffer-kb -d 'Buffer for each CPU, in KiB; all together take at most 1 GiB and a quarter of the free memory' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l cpu -d 'Trace these CPUs alone, such as 0-3,7' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l method -d 'The way of tracing; auto takes the first that a self-check proves to work' -r -f -a "auto\t'The first that a self-check proves to work'
instance\t'A private instance: disturbs nobody'
func-stack-trace\t'The classic recipe, in the top-level buffer'
kprobe\t'kprobe events'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l spread -d 'Run the trigger on each CPU in turn'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -s v -l verbose -d 'Say more: rules, long tables, all stacks, and names without a cut'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l brief -d 'Say less: the answer and what to do now, in six lines at most'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -s q -l quiet -d 'Write no report, only errors; the exit status says the verdict'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l dry-run -d 'Change nothing: print each write that it would make, in order, and what undoes it'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -l force -d 'Replace an existing output file; use the top-level buffer even while somebody else does'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand diagnose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l interval -d 'Look again every TIME (500ms, 1s, 2m) and show rates, until Ctrl-C' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l netns -d 'Look into this network namespace: a name in /run/netns, a process id, or a path' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l format -d 'How to write it' -r -f -a "text\t'For people: the verdict first'
json\t'One object; with --interval one a line'
markdown\t'For tickets'
prometheus\t'For the node exporter\'s textfile collector'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -s o -l output -d 'Write to FILE instead of standard output, replacing it as a whole each time' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l proc -d 'Where procfs is' -r -f -a "(__fish_complete_directories)"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l sys -d 'Where sysfs is' -r -f -a "(__fish_complete_directories)"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l state-dir -d 'Where check, record and diagnose keep what they found out about this kernel' -r -f -a "(__fish_complete_directories)"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l all-netns -d 'Look into every network namespace of the node, each once'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l brief -d 'Say less: the answer, the worst namespace, and what to do now, in six lines at most'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -l exit-code -d 'Say the regime by the exit status'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -s q -l quiet -d 'Write nothing but errors (for use with --exit-code)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l format -d 'How to write the report' -r -f -a "text\t'For people: the verdict first'
json\t'One object'
ndjson\t'One object a drop, then the report as the last line'
markdown\t'For tickets'
prometheus\t'For the node exporter\'s textfile collector'
folded\t'One line a stack, for flame-graph tools'
html\t'One page with pictures, to be opened in a browser; it loads nothing'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -s o -l output -d 'Write to FILE instead of standard output' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l facts -d 'Counters and limits around the capture: what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc` prints, once or twice (before, after). Also the policy rules, as `ip -6 rule` prints them, and a line `throw_routes N`' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l traced -d 'Functions that were traced, where the capture cannot say' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l cpu -d 'Only drops on these CPUs, as in 0-3,7' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l pid -d 'Only drops in these processes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l comm -d 'Only drops in tasks whose name matches' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l stack -d 'Only drops whose stack matches, frames joined with `;`, innermost first' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l class -d 'Only drops of these classes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l src -d 'Only drops of packets from these addresses or prefixes, as in fd00:10::/32' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l dst -d 'Only drops of packets to these addresses or prefixes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l dev -d 'Only drops of packets on these interfaces' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l proto -d 'Only drops of packets of these protocols: icmp6, tcp, udp, sctp, or a number' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l port -d 'Only drops of packets from or to these ports' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l since -d 'Only drops at or after this time stamp of the trace' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l until -d 'Only drops at or before this time stamp of the trace' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l anonymize -d 'Replace addresses, hosts, pods, interfaces, tasks and files by pseudonyms, to show it to others. Addresses that share their first bits share as many afterwards. By a key that is drawn, or by KEY: the same pseudonyms again. Whoever knows the key and a name can find its pseudonym, and a short KEY can be guessed. Ports, CPUs, pids, times and the kernel\'s own names stay' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l threads -d 'Threads that read one input [default: two for large files, else one]' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l compare -d 'Did it help: the first FILE (or directory, or quoted pattern) was recorded before, the second after; as text or json'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l all-cpus -d 'A row for every CPU, also for quiet ones on large machines'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -s v -l verbose -d 'Say more: the rule that decided in front of each reason (`ip6drop generate rules`), up to 100 destinations, interfaces and sources, all stacks, and names without a cut'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l brief -d 'Say less: the answer and what to do now, in six lines at most'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -l exit-code -d 'Say the verdict by the exit status'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -s q -l quiet -d 'Write no report, only errors (for use with --exit-code)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l format -d 'How to write the table' -r -f -a "text\t'For people: the hosts with the fault first'
json\t'One object'
markdown\t'For tickets'
html\t'One page to sort and to search, to be opened in a browser; it loads nothing'
csv\t'For spreadsheets: a header, and a line for every host'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -s o -l output -d 'Write to FILE instead of standard output, replacing it as a whole' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l compare -d 'Did it help: the first FILE (or directory, or pattern) is of before, the second of after; as text or json'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l all-hosts -d 'A row for every host, also for those without drops'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l brief -d 'Say less: the answer and the worst hosts, in six lines at most'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -l exit-code -d 'Say the worst verdict by the exit status'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -s q -l quiet -d 'Write nothing but errors (for use with --exit-code)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l method -d 'The way of tracing; auto takes the first that a self-check proves to work' -r -f -a "auto\t'The first that a self-check proves to work'
instance\t'A private instance: disturbs nobody'
func-stack-trace\t'The classic recipe, in the top-level buffer'
kprobe\t'kprobe events'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l format -d 'How to print the answer' -r -f -a "text\t'For people'
json\t'One object, schema `ip6drop.check/1`'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -l force -d 'Replace an existing output file; use the top-level buffer even while somebody else does'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -s o -l output -d 'Write the capture to FILE, a new file with mode 0600; - is standard output' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l duration -d 'Stop after this time, such as 30s or 5m; without it Ctrl-C stops' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l max-events -d 'Stop after N events, stacks not counted' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l max-size -d 'Stop before the capture grows beyond SIZE, such as 100M' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l stop-after -d 'Stop as soon as N drops were seen' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l after -d 'With --stop-after, go on for this time, for what happens next' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l rotate -d 'Begin a new file each time one has reached SIZE, 64K to 16G: FILE.000001 and so on, compressed when they are over' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l files -d 'With --rotate, keep the last N files, those that earlier recordings left under the same name among them' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l ring -d 'Keep about the last SIZE, 512K to 128G: the same as --rotate with an eighth of it, and seven files' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l src -d 'Only drops of packets from these addresses or prefixes, as in fd00:10::/32' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l dst -d 'Only drops of packets to these addresses or prefixes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l dev -d 'Only drops of packets on these interfaces' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l proto -d 'Only drops of packets of these protocols: icmp6, tcp, udp, sctp, or a number' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l port -d 'Only drops of packets from or to these ports' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l anonymize -d 'Replace addresses, hosts, pods, interfaces, tasks and files by pseudonyms, to show it to others. Addresses that share their first bits share as many afterwards. By a key that is drawn, or by KEY: the same pseudonyms again. Whoever knows the key and a name can find its pseudonym, and a short KEY can be guessed. Ports, CPUs, pids, times and the kernel\'s own names stay' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l max-rate -d 'Events per second on one CPU that take the stacks off a hot function; ten times as many leave out what is optional before the recording, and stop it' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l function -d 'Trace entries of FUNC as well (repeatable, or separated by commas)' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l probes -d 'Which probes to add on the route cache\'s collector' -r -f -a "auto\t'`full` where a return probe does not cost the frames of the stacks, else `entry`'
none\t'None'
entry\t'The entry of `ip6_dst_gc`, with family, gc_thresh and the shared count of dst entries'
full\t'The return of `ip6_dst_gc` as well: whether the allocation was refused'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l identity -d 'Which lookups to take beside the words of dropped packets' -r -f -a "auto\t'By a probe on the drop and all lookups, or the least that proves where they are many; not at all where this kernel does not show what it takes'
off\t'Not at all: function entries alone tell what happened'
full\t'With all lookups, however many they are'
least\t'With the least lookups that prove'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l buffer-kb -d 'Buffer for each CPU, in KiB; all together take at most 1 GiB and a quarter of the free memory' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l cpu -d 'Trace these CPUs alone, such as 0-3,7' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l method -d 'The way of tracing; auto takes the first that a self-check proves to work' -r -f -a "auto\t'The first that a self-check proves to work'
instance\t'A private instance: disturbs nobody'
func-stack-trace\t'The classic recipe, in the top-level buffer'
kprobe\t'kprobe events'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l on-drop -d 'Run COMMAND when drops come, beside the recording: a second after the first of a burst, which is over when none came for 10 s, and at most once a minute. IP6DROP_VERDICT, IP6DROP_CLASS, IP6DROP_CONFIDENCE, IP6DROP_STATUS, IP6DROP_DROPS and IP6DROP_OUTPUT are in its environment, the report as JSON is its standard input, and it is killed after 30 s'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -s q -l quiet -d 'Say nothing but errors'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l dry-run -d 'Change nothing: print each write that it would make, in order, and what undoes it'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -l force -d 'Replace an existing output file; use the top-level buffer even while somebody else does'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l duration -d 'Stop after this time, such as 30s or 5m; without it q or Ctrl-C stops' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l window -d 'Show what was seen in the last TIME, 10s to 24h; half of that at least, and totals of what is older' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l interval -d 'Look every TIME, 1s to 1h' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l src -d 'Only drops of packets from these addresses or prefixes, as in fd00:10::/32' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l dst -d 'Only drops of packets to these addresses or prefixes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l dev -d 'Only drops of packets on these interfaces' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l proto -d 'Only drops of packets of these protocols: icmp6, tcp, udp, sctp, or a number' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l port -d 'Only drops of packets from or to these ports' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l max-rate -d 'Events per second on one CPU that take the stacks off a hot function; ten times as many leave out what is optional before the recording, and stop it' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l function -d 'Trace entries of FUNC as well (repeatable, or separated by commas)' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l probes -d 'Which probes to add on the route cache\'s collector' -r -f -a "auto\t'`full` where a return probe does not cost the frames of the stacks, else `entry`'
none\t'None'
entry\t'The entry of `ip6_dst_gc`, with family, gc_thresh and the shared count of dst entries'
full\t'The return of `ip6_dst_gc` as well: whether the allocation was refused'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l identity -d 'Which lookups to take beside the words of dropped packets' -r -f -a "auto\t'By a probe on the drop and all lookups, or the least that proves where they are many; not at all where this kernel does not show what it takes'
off\t'Not at all: function entries alone tell what happened'
full\t'With all lookups, however many they are'
least\t'With the least lookups that prove'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l buffer-kb -d 'Buffer for each CPU, in KiB; all together take at most 1 GiB and a quarter of the free memory' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l cpu -d 'Trace these CPUs alone, such as 0-3,7' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l method -d 'The way of tracing; auto takes the first that a self-check proves to work' -r -f -a "auto\t'The first that a self-check proves to work'
instance\t'A private instance: disturbs nobody'
func-stack-trace\t'The classic recipe, in the top-level buffer'
kprobe\t'kprobe events'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l plain -d 'Print a line at each look instead of drawing a screen'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l once -d 'Print one line, after one look, and end'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l exit-code -d 'Say the verdict by the exit status'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l dry-run -d 'Change nothing: print each write that it would make, in order, and what undoes it'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -l force -d 'Replace an existing output file; use the top-level buffer even while somebody else does'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l duration -d 'Count for TIME (500ms, 5s, 2m), or until Ctrl-C' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l src -d 'Count only packets from these addresses or prefixes, as in fd00:10::/32' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l dst -d 'Count only packets to these addresses or prefixes' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l dev -d 'Count only packets that these interfaces received' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l format -d 'How to write it' -r -f -a "text\t'For people: where most packets stop first'
json\t'One object'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -s o -l output -d 'Write to FILE instead of standard output, replacing it as a whole' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand funnel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l duration -d 'How long those scenarios take that go by time, 1s to 1m' -r
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l format -d 'How to write it' -r -f -a "text\t'For people: the table, and what it proves'
json\t'One object'"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -s o -l output -d 'Write to FILE instead of standard output, replacing it as a whole' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l save -d 'Keep the capture of each scenario in DIR, as SCENARIO.capture' -r -f -a "(__fish_complete_directories)"
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l list -d 'Say which scenarios there are, and make none'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l keep -d 'Make the network of SCENARIO (full, if none is named), leave it up until Ctrl-C, and say how to enter it; nothing is recorded'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l load-modules -d 'Load modules of the kernel where rpfilter needs one; they stay loaded'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -l mount -d 'Mount tracefs if it is not mounted, and unmount it afterwards'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand lab" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand restore" -l tracefs -d 'Use the tracefs mounted at DIR instead of looking it up in the mount table' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand restore" -l proc -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand restore" -l sys -d 'Read facts of the host below DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand restore" -l state-dir -d 'Keep lock and undo journal in DIR' -r -F
complete -c ip6drop -n "__fish_ip6drop_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -s h -l help -d 'Print help'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -f -a "completions" -d 'Shell completions'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -f -a "man" -d 'Man page, of the program or of one command'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -f -a "rules" -d 'The rules that say what a drop is: what each needs, and the kernel\'s reason'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -f -a "schema" -d 'The JSON Schema of what is printed as JSON: of all documents, or of one'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and not __fish_seen_subcommand_from completions man rules schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from completions" -s h -l help -d 'Print help'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from man" -s h -l help -d 'Print help'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from rules" -s h -l help -d 'Print help'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "completions" -d 'Shell completions'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "man" -d 'Man page, of the program or of one command'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "rules" -d 'The rules that say what a drop is: what each needs, and the kernel\'s reason'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "schema" -d 'The JSON Schema of what is printed as JSON: of all documents, or of one'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand generate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "diagnose" -d 'Record, report and advise in one go: why does this node drop IPv6 packets now'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "status" -d 'Say from counters and limits alone how full the IPv6 route cache is, and what to set'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "report" -d 'Read saved traces and say what dropped, why, and on which CPU'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "merge" -d 'Read many hosts\' JSON reports and say which have the fault, worst first'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "check" -d 'Say whether this host can be traced, by which method, and whether it works'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "record" -d 'Trace, save the text with the facts around it, and put everything back'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "watch" -d 'Record and show it live: verdict, cache, a row a CPU, last drops'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "funnel" -d 'Count in the kernel where on their way through this host packets stop'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "lab" -d 'Make the fault on purpose in private network namespaces, and prove that each loss is named rightly'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "restore" -d 'Put back what a killed run left behind'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "generate" -d 'Print generated files'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and not __fish_seen_subcommand_from diagnose status report merge check record watch funnel lab restore generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "completions" -d 'Shell completions'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "man" -d 'Man page, of the program or of one command'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "rules" -d 'The rules that say what a drop is: what each needs, and the kernel\'s reason'
complete -c ip6drop -n "__fish_ip6drop_using_subcommand help; and __fish_seen_subcommand_from generate" -f -a "schema" -d 'The JSON Schema of what is printed as JSON: of all documents, or of one'
