# Runs inside a test machine that holds nothing but busybox and the program (VM_BARE=1): what is
# shipped wants nothing installed.

FAILED=0
ok() { echo "ok    $*"; }
bad() { echo "FAIL  $*"; FAILED=1; }

found=$(find / -xdev -type f ! -name '*.ko' | sort | tr '\n' ' ')
wanted="/bin/busybox /bin/ip6drop /etc/passwd /init /scenario.sh "
if [ "$found" = "$wanted" ]; then ok "there is nothing else"; else bad "there is more: $found"; fi
mount -t tracefs tracefs /sys/kernel/tracing
fresh=$(cut -d' ' -f1 /sys/kernel/tracing/buffer_size_kb)
ip6drop --version && ip6drop check > /tmp/out 2>&1 && ok "check" || { bad "check: $?"; cat /tmp/out; }
ip6drop status > /tmp/out 2>&1 && ok "status" || { bad "status: $?"; cat /tmp/out; }
ip6drop diagnose --duration 1s --keep /tmp/capture > /tmp/out 2>&1 && ok "diagnose" || { bad "diagnose: $?"; cat /tmp/out; }
head -n 2 /tmp/out
ip6drop report --exit-code /tmp/capture > /tmp/out 2>&1 && ok "report" || { bad "report: $?"; cat /tmp/out; }
ip6drop generate man | grep -q '^.SH NAME' && ok "generate man" || bad "generate man"
now=$(cat /sys/kernel/tracing/buffer_size_kb)
if [ "$now" = "$fresh" ]; then ok "the top-level buffer has its size at boot"; else bad "the top-level buffer: $now KiB"; fi
[ $FAILED = 0 ]
