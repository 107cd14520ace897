//! An instance of our own in which probes are tried, round by round, with few writes: each costs
//! the kernel more than all that is read.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::tracefs::control::{GROUP, INSTANCE};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{Pipe, read_some};
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::setup::options::plain;
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::undo::session::Session;

/// Buffer for each CPU, in KiB, at least: a node may have hundreds of interfaces.
const BUFFER_KB: u32 = 256;
/// How long hits are waited for; they are there as soon as the packet was sent, unless the
/// kernel puts off its reception.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is tried: under a flood whoever runs on the CPU receives for it, and what the kernel
/// does in that task does not pass the filter.
const ATTEMPTS: u32 = 4;
const TICK: Duration = Duration::from_millis(10);

/// The instance.
pub(super) struct Bench<'b, 's> {
    env: &'b Env<'b>,
    session: &'b mut Session<'s>,
    dir: String,
    group: String,
    filter: &'b str,
    /// How many probes there are from the rounds before.
    earlier: usize,
}

impl<'b, 's> Bench<'b, 's> {
    /// Makes it, with the buffer that a recording shall have in it; probes will show what passes
    /// the filter alone.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(super) fn new(
        env: &'b Env<'b>,
        session: &'b mut Session<'s>,
        filter: &'b str,
        buffer_kb: u32,
    ) -> Result<Self, TraceError> {
        let pid = std::process::id();
        let dir = format!("instances/{INSTANCE}{pid}");
        session.make_instance(&dir)?;
        let size = buffer_kb.max(BUFFER_KB).to_string();
        session.set(&format!("{dir}/buffer_size_kb"), &size)?;
        plain(session, &format!("{dir}/"))?;
        Ok(Bench {
            env,
            session,
            dir,
            group: format!("{GROUP}{pid}"),
            filter,
            earlier: 0,
        })
    }

    /// Sets off what the probes are to see, again where they miss some of it, and answers with the
    /// text of the last time, as soon as that is enough or nothing more comes. The probes are off afterwards, and stay until the session ends: a
    /// kernel that is not in a hurry waits for each that it removes, and drops would fall into that.
    ///
    /// # Errors
    /// What the kernel refuses, and what `act` answers.
    pub(super) fn round(
        &mut self,
        probes: &[Probe],
        mut act: impl FnMut() -> io::Result<()>,
        is_enough: impl Fn(&str) -> bool,
    ) -> Result<String, TraceError> {
        TraceError::check(self.env.signals)?;
        let lines = probes
            .iter()
            .map(|probe| (probe.name.as_str(), probe.line(&self.group)));
        self.session
            .add_probes(&self.group, &lines.collect::<Vec<_>>())?;
        let group = format!("{}/events/{}", self.dir, self.group);
        let names: Vec<&str> = probes.iter().map(|probe| probe.name.as_str()).collect();
        self.session.filter_all(&group, &names, self.filter)?;
        if self.earlier == 0 {
            self.session.switch_all(&group, true)?;
        } else {
            for name in &names {
                self.session.set(&format!("{group}/{name}/enable"), "1")?;
            }
        }
        self.earlier += probes.len();
        let text = self.attempt(&mut act, &is_enough);
        self.session.switch_all(&group, false)?;
        text
    }

    fn attempt(
        &self,
        act: &mut dyn FnMut() -> io::Result<()>,
        is_enough: &dyn Fn(&str) -> bool,
    ) -> Result<String, TraceError> {
        let mut text = String::new();
        for _ in 0..ATTEMPTS {
            act().map_err(TraceError::file(
                "a fresh network namespace",
                "send a packet",
            ))?;
            text = self.listen(is_enough)?;
            if is_enough(&text) {
                break;
            }
        }
        Ok(text)
    }

    fn listen(&self, is_enough: &dyn Fn(&str) -> bool) -> Result<String, TraceError> {
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
