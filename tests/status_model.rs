//! The regimes against a direct model of `percpu_counter`, `dst_alloc` and `ip6_dst_gc`.
//!
//! The model follows lib/percpu_counter.c, net/core/dst.c and net/ipv6/route.c of 4.19 step
//! by step, and knows nothing of regimes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

use ip6drop::inside::kernel::{Regime, batch, fast_bounds, regimes_within, slack_of};
use proptest::prelude::*;

/// `struct percpu_counter` with `percpu_counter_batch`.
#[derive(Debug, Clone)]
struct Counter {
    count: i64,
    /// What each CPU holds; `None` while it is offline.
    local: Vec<Option<i64>>,
    batch: i64,
}

impl Counter {
    fn new(cpus: usize) -> Self {
        let mut counter = Counter {
            count: 0,
            local: vec![Some(0); cpus],
            batch: 0,
        };
        counter.compute_batch_value();
        counter
    }

    fn online(&self) -> usize {
        self.local.iter().flatten().count()
    }

    fn compute_batch_value(&mut self) {
        self.batch = (self.online() as i64 * 2).max(32);
    }

    /// `percpu_counter_add_batch`.
    fn add(&mut self, cpu: usize, amount: i64) {
        let local = self.local[cpu].as_mut().unwrap();
        let count = *local + amount;
        if count >= self.batch || count <= -self.batch {
            self.count += count;
            *local = 0;
        } else {
            *local = count;
        }
    }

    /// `percpu_counter_read_positive`, which `dst_entries_get_fast` returns.
    fn fast(&self) -> i64 {
        self.count.max(0)
    }

    /// `percpu_counter_sum_positive`, which `dst_entries_get_slow` returns.
    fn slow(&self) -> i64 {
        (self.count + self.local.iter().flatten().sum::<i64>()).max(0)
    }

    /// `percpu_counter_cpu_dead`.
    fn take_offline(&mut self, cpu: usize) {
        if self.online() > 1
            && let Some(held) = self.local[cpu].take()
        {
            self.compute_batch_value();
            self.count += held;
        }
    }

    fn bring_online(&mut self, cpu: usize) {
        self.local[cpu].get_or_insert(0);
        self.compute_batch_value();
    }
}

/// One network namespace's `ip6_dst_ops` and its sysctls; time is in milliseconds.
#[derive(Debug, Clone)]
struct Cache {
    counter: Counter,
    max_size: i32,
    gc_thresh: i32,
    gc_min_interval: u64,
    last_gc: u64,
    now: u64,
    /// Entries there are, whoever counted them.
    entries: i64,
    /// Entries that `fib6_run_gc` can free.
    old: i64,
}

impl Cache {
    fn new(cpus: usize, max_size: i32, gc_thresh: i32) -> Self {
        Cache {
            counter: Counter::new(cpus),
            max_size,
            gc_thresh,
            gc_min_interval: 500,
            last_gc: 0,
            now: 10_000,
            entries: 0,
            old: 0,
        }
    }

    /// `dst_destroy`, on whatever CPU it happens.
    fn free(&mut self, cpu: usize) {
        if self.entries > 0 {
            self.entries -= 1;
            self.old = self.old.min(self.entries);
            self.counter.add(cpu, -1);
        }
    }

    /// `fib6_run_gc`: frees what is old.
    fn run_gc(&mut self, cpu: usize) {
        self.last_gc = self.now;
        while self.old > 0 {
            self.old -= 1;
            self.free(cpu);
        }
    }

    /// `ip6_dst_gc`; true where it refuses.
    fn ip6_dst_gc(&mut self, cpu: usize) -> bool {
        let mut entries = self.counter.fast();
        if self.last_gc + self.gc_min_interval > self.now && entries <= i64::from(self.max_size) {
            return entries > i64::from(self.max_size);
        }
        self.run_gc(cpu);
        entries = self.counter.slow();
        entries > i64::from(self.max_size)
    }

    /// `dst_alloc` of a counted entry; false where it is refused. `gc_thresh` is unsigned in
    /// `struct dst_ops`.
    fn dst_alloc(&mut self, cpu: usize) -> bool {
        if self.counter.fast() > i64::from(self.gc_thresh as u32) && self.ip6_dst_gc(cpu) {
            return false;
        }
        self.entries += 1;
        self.counter.add(cpu, 1);
        true
    }

    fn regimes(&self, fast: Option<i64>, present: usize) -> Vec<Regime> {
        let cpus = u32::try_from(self.counter.online()).unwrap();
        let of_present = batch(u32::try_from(present).unwrap());
        let slow = self.counter.slow();
        let bounds = fast.map_or_else(
            || fast_bounds(slow, slack_of(cpus, of_present)),
            |fast| (fast, fast),
        );
        regimes_within(slow, bounds, self.max_size.into(), self.gc_thresh.into())
    }
}

/// What happens next, on which CPU.
#[derive(Debug, Clone)]
enum Step {
    Alloc(usize, u16),
    Free(usize, u16),
    Wait(u64),
    Age(i64),
    Offline(usize),
    Online(usize),
    SetMaxSize(i32),
    SetGcThresh(i32),
}

fn limit() -> impl Strategy<Value = i32> {
    prop_oneof![20 => 0..400i32, 1 => -10..=0i32, 1 => Just(i32::MAX), 1 => Just(i32::MIN)]
}

fn step(cpus: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..cpus, 1..80u16).prop_map(|(cpu, n)| Step::Alloc(cpu, n)),
        5 => (0..cpus, 1..80u16).prop_map(|(cpu, n)| Step::Free(cpu, n)),
        2 => (0..1200u64).prop_map(Step::Wait),
        1 => (0..20i64).prop_map(Step::Age),
        1 => (0..cpus).prop_map(Step::Offline),
        1 => (0..cpus).prop_map(Step::Online),
        1 => limit().prop_map(Step::SetMaxSize),
        1 => limit().prop_map(Step::SetGcThresh),
    ]
}

fn story() -> impl Strategy<Value = (usize, i32, i32, Vec<Step>)> {
    (1..24usize).prop_flat_map(|cpus| {
        (
            Just(cpus),
            limit(),
            limit(),
            prop::collection::vec(step(cpus), 1..120),
        )
    })
}

const REFUSING: [Regime; 2] = [Regime::Intermittent, Regime::Exhausted];

/// One allocation, with everything that the regimes before it promised.
fn alloc_checked(cache: &mut Cache, cpu: usize, present: usize) -> Result<bool, TestCaseError> {
    let before = cache.clone();
    let (slow, fast) = (cache.counter.slow(), cache.counter.fast());
    prop_assert_eq!(slow, cache.entries, "the exact sum is exact");
    let blind = cache.regimes(None, present);
    let seeing = cache.regimes(Some(fast), present);
    prop_assert_eq!(
        seeing.len(),
        1,
        "with fast known there is one regime: {:?}",
        &before
    );
    prop_assert!(
        blind.contains(&seeing[0]),
        "{:?} not in {:?}: {:?}",
        seeing,
        blind,
        &before
    );
    let granted = cache.dst_alloc(cpu);
    if !granted {
        prop_assert!(
            blind.iter().any(|r| REFUSING.contains(r)),
            "refused in {:?}: {:?}",
            blind,
            &before
        );
        prop_assert!(
            REFUSING.contains(&seeing[0]),
            "refused in {:?}: {:?}",
            seeing,
            &before
        );
    }
    let freed = before.old > 0;
    if seeing == [Regime::Exhausted] && !freed {
        prop_assert!(!granted, "granted although exhausted: {:?}", &before);
    }
    let recent = before.last_gc + before.gc_min_interval > before.now;
    if seeing == [Regime::Intermittent] && !freed {
        prop_assert_eq!(granted, recent, "one refusal an interval: {:?}", &before);
    }
    Ok(granted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_refusal_is_never_a_surprise((cpus, max_size, gc_thresh, steps) in story()) {
        let mut cache = Cache::new(cpus, max_size, gc_thresh);
        for step in steps {
            match step {
                Step::Alloc(cpu, n) if cache.counter.local[cpu].is_some() => {
                    for _ in 0..n {
                        alloc_checked(&mut cache, cpu, cpus)?;
                    }
                }
                Step::Free(cpu, n) if cache.counter.local[cpu].is_some() => {
                    for _ in 0..n {
                        cache.free(cpu);
                    }
                }
                Step::Alloc(..) | Step::Free(..) => {}
                Step::Wait(ms) => cache.now += ms,
                Step::Age(n) => cache.old = n.min(cache.entries),
                Step::Offline(cpu) => cache.counter.take_offline(cpu),
                Step::Online(cpu) => cache.counter.bring_online(cpu),
                Step::SetMaxSize(n) => cache.max_size = n,
                Step::SetGcThresh(n) => cache.gc_thresh = n,
            }
        }
    }

    /// Every regime that `slow` and the CPUs leave open is that of some state with this
    /// `slow`, reached by allocating, freeing and taking a CPU offline.
    #[test]
    fn the_bounds_are_tight(
        cpus in 1..40u32,
        slow in 0..3000i64,
        max_size in prop_oneof![1 => -5..=0i32, 4 => 0..3000i32],
        gc_thresh in prop_oneof![1 => -5..=0i32, 4 => 0..3000i32],
    ) {
        let bounds = fast_bounds(slow, slack_of(cpus, batch(cpus)));
        let open = regimes_within(slow, bounds, max_size.into(), gc_thresh.into());
        prop_assert!(!open.is_empty());
        let slack = i64::from(cpus) * (i64::from(cpus * 2).max(32) - 1);
        for regime in open {
            let wanted = witness(regime, slow, slack, max_size.into(), i64::from(gc_thresh as u32));
            let Some(fast) = wanted else {
                return Err(TestCaseError::fail(format!("{regime:?} is impossible")));
            };
            let mut cache = reach(cpus as usize, slow, fast);
            prop_assert_eq!((cache.counter.slow(), cache.counter.fast()), (slow, fast));
            prop_assert_eq!(cache.counter.online(), cpus as usize);
            (cache.max_size, cache.gc_thresh) = (max_size, gc_thresh);
            let first = cache.clone().dst_alloc(0);
            prop_assert_eq!(first, !REFUSING.contains(&regime), "{:?}", regime);
            cache.last_gc = cache.now;
            let soon_after = cache.dst_alloc(0);
            prop_assert_eq!(soon_after, regime != Regime::Exhausted, "{:?}", regime);
        }
    }
}

/// A value of `fast` that makes the regime, by its definition in words.
fn witness(regime: Regime, slow: i64, slack: i64, max_size: i64, gc_thresh: i64) -> Option<i64> {
    let over = slow > max_size;
    ((slow - slack).max(0)..=slow + slack).find(|fast| match regime {
        Regime::WithinLimits => !over,
        Regime::Latent => over && *fast <= gc_thresh,
        Regime::Intermittent => over && *fast > gc_thresh && *fast <= max_size,
        Regime::Exhausted => over && *fast > gc_thresh && *fast > max_size,
    })
}

/// A cache on `cpus` CPUs with these counts.
fn reach(cpus: usize, slow: i64, fast: i64) -> Cache {
    // One CPU more, whose share moves to the shared part when it goes offline.
    let mut cache = Cache::new(cpus + 1, i32::MAX, i32::MAX);
    for _ in 0..fast {
        assert!(cache.dst_alloc(cpus));
    }
    cache.counter.take_offline(cpus);
    assert_eq!(cache.counter.fast(), fast);
    // The rest stays with the CPUs, none of which reaches the batch.
    let mut cpu = 0;
    while cache.entries != slow {
        if cache.entries < slow {
            assert!(cache.dst_alloc(cpu));
        } else {
            cache.free(cpu);
        }
        cpu = (cpu + 1) % cpus;
    }
    cache
}

#[test]
fn the_model_shows_the_measured_cases() {
    // As measured on 4.19 with 4 CPUs: fast is a multiple of the batch below slow.
    let mut cache = Cache::new(4, i32::MAX, i32::MAX);
    for n in 0..627 {
        assert!(cache.dst_alloc(n % 4));
    }
    assert_eq!((cache.counter.fast(), cache.counter.slow()), (512, 627));
    // Exhausted: 472 of 472 refused.
    (cache.max_size, cache.gc_thresh) = (200, 64);
    assert_eq!((0..472).filter(|n| !cache.dst_alloc(n % 4)).count(), 472);
    // max_size = slow - 10: one refusal for each gc_min_interval of 500 ms.
    cache.max_size = 617;
    let mut refused = 0;
    for _ in 0..300 {
        cache.now += 5;
        if !cache.dst_alloc(0) {
            refused += 1;
        }
        cache.free(0);
        cache.entries = cache.counter.slow();
    }
    assert!((2..=4).contains(&refused), "{refused} in 1500 ms");
}

#[test]
fn a_batch_outlives_the_cpus_that_made_it() {
    // With 40 CPUs the batch is 80, and 79 entries stay with a CPU also when 36 others went.
    let mut cache = Cache::new(40, i32::MAX, i32::MAX);
    for n in 0..4 * 79 {
        assert!(cache.dst_alloc(n % 4));
    }
    for cpu in 4..40 {
        cache.counter.take_offline(cpu);
    }
    assert_eq!(
        (
            cache.counter.fast(),
            cache.counter.slow(),
            cache.counter.batch
        ),
        (0, 316, 32)
    );
    (cache.max_size, cache.gc_thresh) = (200, 100);
    assert!(cache.clone().dst_alloc(0), "nothing is checked");
    assert!(cache.regimes(None, 40).contains(&Regime::Latent));
    assert!(
        !cache.regimes(None, 4).contains(&Regime::Latent),
        "hence present CPUs"
    );
}
