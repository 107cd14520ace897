//! An instance of our own in which probes are tried, round by round.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{Pipe, read_some};
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::undo::session::Session;

/// Buffer for each CPU, in KiB: a node may have hundreds of interfaces.
const BUFFER_KB: &str = "256";
/// How long hits are waited for; they are there as soon as the packet was sent, unless the
/// kernel puts off its reception.
const PATIENCE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(10);

/// The instance.
pub(super) struct Bench<'b, 's> {
    env: &'b Env<'b>,
    session: &'b mut Session<'s>,
    dir: String,
    group: String,
    filter: String,
}

impl<'b, 's> Bench<'b, 's> {
    /// Makes it; probes will show the hits of these threads alone.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(super) fn new(
        env: &'b Env<'b>,
        session: &'b mut Session<'s>,
        threads: &[u32],
    ) -> Result<Self, TraceError> {
        let pid = std::process::id();
        let dir = format!("instances/{INSTANCE}{pid}");
        session.make_instance(&dir)?;
        session.set(&format!("{dir}/buffer_size_kb"), BUFFER_KB)?;
        for (option, value) in [
            ("raw", "0"),
            ("hex", "0"),
            ("bin", "0"),
            ("context-info", "1"),
        ] {
            let path = format!("{dir}/options/{option}");
            if session.fs().exists(&path) {
                session.set(&path, value)?;
            }
        }
        let of = |tid: &u32| format!("common_pid == {tid}");
        Ok(Bench {
            env,
            session,
            dir,
            group: format!("{GROUP}{pid}"),
            filter: threads.iter().map(of).collect::<Vec<_>>().join(" || "),
        })
    }

    /// Sets off what the probes are to see, and answers with the text, as soon as that is enough
    /// or nothing more comes. The probes are off afterwards.
    ///
    /// # Errors
    /// What the kernel refuses, and what `act` answers.
    pub(super) fn round(
        &mut self,
        probes: &[Probe],
        act: impl FnOnce() -> io::Result<()>,
        is_enough: impl Fn(&str) -> bool,
    ) -> Result<String, TraceError> {
        TraceError::check(self.env.signals)?;
        let mut switches = Vec::new();
        for probe in probes {
            let line = probe.line(&self.group);
            self.session.add_probe(&self.group, &probe.name, &line)?;
            let event = format!("{}/events/{}/{}", self.dir, self.group, probe.name);
            self.session.set(&format!("{event}/filter"), &self.filter)?;
            switches.push(format!("{event}/enable"));
        }
        for switch in &switches {
            self.session.set(switch, "1")?;
        }
        let acted = act().map_err(TraceError::file(
            "a fresh network namespace",
            "send a packet",
        ));
        let text = acted.and_then(|()| self.listen(is_enough));
        for switch in &switches {
            self.session.set(switch, "0")?;
        }
        text
    }

    fn listen(&self, is_enough: impl Fn(&str) -> bool) -> Result<String, TraceError> {
        let path = format!("{}/trace_pipe", self.dir);
        let failed = |doing| TraceError::file(self.env.fs.root().join(&path), doing);
        let mut pipe = self.env.fs.pipe(&path).map_err(failed("open"))?;
        let mut text = Vec::new();
        let began = Instant::now();
        loop {
            read_all(pipe.as_mut(), &mut text).map_err(failed("read"))?;
            let so_far = String::from_utf8_lossy(&text);
            if is_enough(&so_far) || began.elapsed() >= PATIENCE {
                return Ok(so_far.into_owned());
            }
            let waited = self.env.signals.wait(None, PollFlags::IN, TICK);
            waited.map_err(failed("read"))?;
            TraceError::check(self.env.signals)?;
        }
    }
}

fn read_all(pipe: &mut dyn Pipe, text: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    while let Some(n) = read_some(pipe, &mut buffer)? {
        text.extend_from_slice(&buffer[..n]);
    }
    Ok(())
}
