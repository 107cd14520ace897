//! Whether pages can be read here, and what it takes to print them: known before anything is
//! traced, so that nothing is read that could not be printed as the kernel would.

use std::io;

use crate::host::Host;
use crate::ring::columns::Columns;
use crate::ring::machine::Machine;
use crate::ring::page::{NoLayout, PageLayout};
use crate::ring::pipe_text::{Options, PipeText, Unprintable};
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::pages::cpu::CpuPages;
use crate::tracefs::pages::names::Symbols;

/// Clocks whose time is printed as seconds of nanoseconds.
const CLOCKS: [&str; 7] = ["local", "global", "perf", "mono", "mono_raw", "boot", "tai"];
/// Options that change the text in ways that are not followed here.
const OPTIONS: [&str; 4] = ["record-tgid", "printk-msg-only", "fields", "func-args"];
/// Events that every instance has, beside those of the recording.
const EVENTS: [&str; 3] = ["function", "kernel_stack", "print"];
/// Largest page that is read, in bytes; kernels have 4 KiB and, from 6.9 on, what somebody set.
const MAX_PAGE: usize = 1024 * 1024;

/// Why the buffer is read as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPages {
    /// A file is not there, or may not be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The header of a page is described in another way.
    #[error("events/header_page {0}")]
    Layout(#[from] NoLayout),
    /// Pages have a size that cannot be.
    #[error("events/header_page describes pages of {0} bytes")]
    Size(usize),
    /// The columns in front of an event are others.
    #[error("this kernel prints other columns in front of events")]
    Columns,
    /// The clock counts something else.
    #[error("the clock {0} is no time")]
    Clock(String),
    /// An option changes the text.
    #[error("options/{0} is on")]
    Option(&'static str),
    /// An event has text that only the kernel can print.
    #[error(transparent)]
    Event(#[from] Unprintable),
    /// Symbols have no addresses.
    #[error("/proc/kallsyms hides its addresses or is masked; see sysctl kernel.kptr_restrict")]
    Hidden,
    /// Symbols have no addresses for this process.
    #[error(
        "/proc/kallsyms hides its addresses without CAP_SYSLOG; add SYSLOG to the container's capabilities"
    )]
    Denied,
}

/// All that it takes to read and print the pages of a buffer.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where in a page what is.
    pub(crate) layout: PageLayout,
    /// How this machine writes numbers.
    pub(crate) machine: Machine,
    /// Prints events.
    pub(crate) text: PipeText,
    /// The names of addresses.
    pub(crate) symbols: Symbols,
}

fn read(fs: &dyn TraceFs, path: &str) -> Result<Vec<u8>, NoPages> {
    fs.read(path).map_err(|e| NoPages::File(path.to_owned(), e))
}

/// The name of the clock, which stands in brackets among the others.
fn clock(text: &str) -> &str {
    let chosen = text
        .split_once('[')
        .and_then(|(_, text)| text.split_once(']'));
    chosen.map_or(text, |(name, _)| name)
}

impl Source {
    /// Looks at the instance in `dir` (ending in a slash), in which these events are to be on,
    /// by the paths of their folders. Nothing may be traced yet: some kernels stop while the
    /// heading is read.
    ///
    /// # Errors
    /// See [`NoPages`].
    pub(crate) fn look<'e>(
        fs: &dyn TraceFs,
        dir: &str,
        events: impl Iterator<Item = &'e str>,
        host: &Host,
    ) -> Result<Source, NoPages> {
        let at = |file: &str| format!("{dir}{file}");
        let is_on = |option: &str| {
            let path = at(&format!("options/{option}"));
            fs.exists(&path) && read_text(fs, &path).is_ok_and(|text| text == "1")
        };
        let layout = PageLayout::parse(&read(fs, &at("events/header_page"))?)?;
        if layout.size <= layout.data || layout.size > MAX_PAGE {
            return Err(NoPages::Size(layout.size));
        }
        let clocks = read(fs, &at("trace_clock"))?;
        let clocks = String::from_utf8_lossy(&clocks);
        if !CLOCKS.contains(&clock(&clocks)) {
            return Err(NoPages::Clock(clock(&clocks).trim().to_owned()));
        }
        if let Some(option) = OPTIONS.into_iter().find(|option| is_on(option)) {
            return Err(NoPages::Option(option));
        }
        let columns = Columns::parse(&read(fs, &at("trace"))?).ok_or(NoPages::Columns)?;
        let options = Options {
            sym_offset: is_on("sym-offset"),
            sym_addr: is_on("sym-addr"),
        };
        let machine = Machine {
            big_endian: cfg!(target_endian = "big"),
            long: layout.long,
        };
        let mut text = PipeText::new(machine, columns, options);
        for event in EVENTS {
            text.learn(&read(fs, &format!("events/ftrace/{event}/format"))?)?;
        }
        for event in events {
            text.learn(&read(fs, &format!("{event}format"))?)?;
        }
        // Each CPU has a file that stays open while it is read.
        CpuPages::all(fs, dir).map_err(|(path, e)| NoPages::File(path, e))?;
        let symbols = Symbols::of(host).ok_or_else(|| {
            if host.lacks_syslog() {
                NoPages::Denied
            } else {
                NoPages::Hidden
            }
        })?;
        Ok(Source {
            layout,
            machine,
            text,
            symbols,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_is_chosen() {
        assert_eq!(clock("[local] global counter\n"), "local");
        assert_eq!(clock("local global [x86-tsc]\n"), "x86-tsc");
        assert_eq!(clock("none"), "none");
    }
}
