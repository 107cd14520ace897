# What `fuzz/run` and `fuzz/long` share; they source it.
fuzz=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fixtures=$fuzz/../fixtures
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$fuzz/../target/fuzz}
# What runs keep: inputs that reached something new, logs, and inputs that failed.
kept=$CARGO_TARGET_DIR/kept

# The pass that stable compilers have as well, and what libFuzzer reads of it. With a target named, neither build scripts
# nor procedural macros get it.
triple=$(rustc -vV | sed -n 's/^host: //p')
build() {
    local flags="--cfg fuzzing -Cpasses=sancov-module" flag
    for flag in level=4 inline-8bit-counters pc-table trace-compares; do
        flags+=" -Cllvm-args=-sanitizer-coverage-$flag"
    done
    (cd "$fuzz" && RUSTFLAGS=$flags cargo build --release --bins --locked --quiet --target "$triple")
}

targets() { for file in "$fuzz"/fuzz_targets/*.rs; do basename "$file" .rs; done; }

# The fixtures that a target begins with, and its greatest input, in bytes; longer ones are cut.
begins_with() {
    local texts=("$fixtures"/*/*.{pipe,txt,trace})
    length=4096
    case $1 in
    text | threads | grammar | pieces | framing) seeds=("${texts[@]}") ;;
    perf) seeds=("$fixtures"/*/{perf,bpftrace}*.txt) ;;
    pasted) seeds=("$fixtures"/text/*) ;;
    facts) seeds=("$fixtures"/*/*.facts) ;;
    trace_dat_made) seeds=() length=1024 ;;
    trace_dat) seeds=("$fixtures"/*/*.dat) length=16384 ;;
    packed) seeds=("$fixtures"/packed/*) length=2600 ;;
    merge) seeds=() length=16384 ;;
    values) seeds=() length=64 ;;
    *) seeds=() length=2048 ;;
    esac
}

# prepare TARGET: its seeds in one directory: fixtures, its own, and what ever failed.
prepare() {
    local all=$kept/seeds/$1 seed
    begins_with "$1"
    rm -rf "$all"
    mkdir -p "$all" "$kept/corpus/$1" "$kept/failed"
    for seed in "${seeds[@]}" "$fuzz/seeds/$1"/* "$fixtures/fuzz/$1"/*; do
        [ ! -f "$seed" ] || ln -s "$(realpath "$seed")" "$all/$(echo "${seed#"$fuzz"/}" | tr / -)"
    done
}

# one TARGET SECONDS [OPTION...]: runs it, and prints executions, coverage and corpus in one line.
one() {
    local target=$1 seconds=$2 log=$kept/$1.log dict
    shift 2
    prepare "$target"
    dict=$fuzz/dictionaries/$target
    [ -e "$dict" ] || dict=$fuzz/dictionaries/text
    if ! "$CARGO_TARGET_DIR/$triple/release/$target" -max_total_time="$seconds" -max_len=$length -timeout=20 -len_control=0 \
        -rss_limit_mb=2048 -dict="$dict" -artifact_prefix="$kept/failed/$target-" "$@" \
        "$kept/corpus/$target" "$kept/seeds/$target" > "$log" 2>&1 < /dev/null; then
        tail -n 40 "$log"
        echo "fuzz: $target failed; its input is named above. Once it is mended, keep it in fixtures/fuzz/$target/."
        return 1
    fi
    # #5 DONE cov: 12 ft: 34 corp: 5/6Kb lim: 4096 exec/s: 7 rss: 8Mb
    sed -n "s|^#\([0-9]*\)\s*DONE *cov: \([0-9]*\) ft: \([0-9]*\) corp: \([^ ]*\).*|$(printf %-10s "$target") \1 executions, cov \2, ft \3, corpus \4|p" "$log"
}

# all SECONDS OPTIONS TARGET...: runs them, as many at a time as there are cores.
all() {
    local seconds=$1 options=$2
    shift 2
    # Each by a shell of its own: one that fails ends no other.
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I {} bash -c '. "$1"; one "$2" "$3" $4' _ "$fuzz/common.sh" {} "$seconds" "$options"
}
