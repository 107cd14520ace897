//! The tables of a report, the same in every format: rows of cells, the head first.

use crate::diagnosis::class::Class;
use crate::os::trigger::Runs;
use crate::render::status::words::{short_name, state_name};
use crate::render::words::{count, or_dash, stamp};
use crate::report::summary::{CpuKey, CpuRow, Summary, TriggerRuns};
use crate::status::rises::Rise;

/// CPU rows shown before quiet ones, and then the less busy ones, become one row.
const MAX_CPU_ROWS: usize = 32;

fn cpu_row(name: String, row: &CpuRow, classes: &[Class], seconds: Option<f64>) -> Vec<String> {
    let mut cells = vec![name, row.drops().to_string()];
    for class in classes {
        cells.push(row.by_class.get(class).copied().unwrap_or(0).to_string());
    }
    cells.push(row.gc.calls.to_string());
    cells.push(
        row.gc
            .known_failed()
            .map_or("?".to_owned(), |n| n.to_string()),
    );
    cells.push(seconds.map_or("-".to_owned(), |s| format!("{:.1}", row.drops() as f64 / s)));
    cells.push(stamp(row.span.map(|s| s.0)));
    cells.push(stamp(row.span.map(|s| s.1)));
    cells
}

fn add_row(sum: &mut CpuRow, row: &CpuRow) {
    for (class, n) in &row.by_class {
        *sum.by_class.entry(*class).or_default() += n;
    }
    sum.gc.add(row.gc);
    if let Some((first, last)) = row.span {
        let span = sum.span.get_or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }
}

/// The table of CPUs, its head first.
pub(crate) fn per_cpu(summary: &Summary, all_cpus: bool) -> Vec<Vec<String>> {
    let classes: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| summary.findings.of_class(*class) > 0)
        .collect();
    let seconds = summary.rate_seconds();
    let mut head: Vec<String> = vec!["CPU".into(), "drops".into()];
    head.extend(classes.iter().map(|c| c.name().to_owned()));
    head.extend(["gc calls", "refused", "drops/s", "first", "last"].map(String::from));
    let mut rows = vec![head];
    let collapse = !all_cpus && summary.per_cpu.len() > MAX_CPU_ROWS;
    let mut busiest = summary.cpus_by_drops();
    busiest.truncate(MAX_CPU_ROWS);
    let (mut quiet, mut quiet_count) = (CpuRow::default(), 0u64);
    let (mut less, mut less_count) = (CpuRow::default(), 0u64);
    let mut total = CpuRow::default();
    for (cpu, row) in &summary.per_cpu {
        add_row(&mut total, row);
        if collapse && row.drops() == 0 {
            quiet_count += 1;
            add_row(&mut quiet, row);
        } else if collapse && !busiest.iter().any(|(_, shown)| shown == cpu) {
            less_count += 1;
            add_row(&mut less, row);
        } else {
            let name = match cpu {
                CpuKey::Cpu(cpu) => cpu.to_string(),
                CpuKey::None => "unknown".to_owned(),
            };
            rows.push(cpu_row(name, row, &classes, seconds));
        }
    }
    if less_count > 0 {
        let name = count(less_count, "less busy CPU", "less busy CPUs");
        rows.push(cpu_row(name, &less, &classes, seconds));
    }
    if quiet_count > 0 {
        rows.push(cpu_row(
            count(quiet_count, "quiet CPU", "quiet CPUs"),
            &quiet,
            &classes,
            seconds,
        ));
    }
    if rows.len() > 2 {
        rows.push(cpu_row("all".to_owned(), &total, &classes, seconds));
    }
    rows
}

/// The network namespaces in which packets were dropped; none where there is nothing to show.
pub(crate) fn namespaces(summary: &Summary) -> Option<Vec<Vec<String>>> {
    let rises = summary
        .namespaces
        .as_deref()
        .filter(|all| !all.is_empty())?;
    let head = [
        "namespace",
        "Ip6InNoRoutes",
        "Ip6OutNoRoutes",
        "slow",
        "max_size",
        "regime",
    ];
    let row = |rise: &Rise| {
        let snapshot = &rise.row.snapshot;
        vec![
            short_name(&rise.row.netns),
            format!("+{}", rise.in_no_routes),
            format!("+{}", rise.out_no_routes),
            or_dash(snapshot.slow()),
            or_dash(snapshot.max_size()),
            state_name(&rise.row),
        ]
    };
    let rows = rises.iter().map(row);
    Some(
        [head.map(String::from).to_vec()]
            .into_iter()
            .chain(rows)
            .collect(),
    )
}

/// The runs of a trigger that was spread over the CPUs; none of any other.
pub(crate) fn trigger(summary: &Summary, trigger: &TriggerRuns) -> Option<Vec<Vec<String>>> {
    let head = ["on CPU", "runs", "failed", "stopped", "drops there"];
    let drops = |cpu: u32| {
        let row = summary.per_cpu.get(&CpuKey::Cpu(cpu));
        row.map_or(0, CpuRow::drops)
    };
    let row = |(cpu, runs): (&Option<u32>, &Runs)| {
        vec![
            cpu.map_or("any".to_owned(), |cpu| cpu.to_string()),
            runs.runs.to_string(),
            runs.failures.to_string(),
            runs.stopped.to_string(),
            or_dash(cpu.map(drops)),
        ]
    };
    let rows = trigger.outcome.by_cpu.iter().map(row);
    let all = [head.map(String::from).to_vec()].into_iter().chain(rows);
    trigger.spread.then(|| all.collect())
}
