//! What a recording, or a self-check, would write.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::capture::method::Method;
use crate::host::Host;
use crate::os::signals::Signals;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::look::selfcheck::{self, Env};
use crate::tracefs::record::onlooker::Onlooker;
use crate::tracefs::record::output::Output;
use crate::tracefs::record::recorder::record;
use crate::tracefs::record::recording::{Limits, Stopped};
use crate::tracefs::rehearse::listing::{Listing, Write};
use crate::tracefs::rehearse::overlay::Overlay;
use crate::tracefs::seen::ReadLine;
use crate::tracefs::setup::plan::Plan;
use crate::tracefs::undo::journal::StateDir;
use crate::tracefs::undo::session::Session;

struct Nobody;

impl Onlooker for Nobody {}

/// A host on which nothing is changed.
pub struct Stage<'a> {
    /// Its tracefs, of which only texts are read.
    pub fs: &'a dyn TraceFs,
    /// Its facts.
    pub host: &'a Host,
    /// What may end it early.
    pub signals: &'a Signals,
    /// Reads a line of trace text.
    pub read: ReadLine,
}

impl Stage<'_> {
    fn play<T>(
        &self,
        act: impl FnOnce(&Env<'_>, &Listing) -> Result<T, TraceError>,
    ) -> Result<T, TraceError> {
        let listing = Rc::new(Listing::default());
        let fs = Overlay::new(self.fs, Rc::clone(&listing));
        let state = StateDir::nowhere(Rc::<Listing>::clone(&listing));
        let env = Env {
            fs: &fs,
            state: &state,
            signals: self.signals,
            trigger: &|| Err(io::ErrorKind::Unsupported.into()),
            read: self.read,
        };
        act(&env, &listing)
    }

    /// The writes of a recording by this plan in which nothing happens.
    ///
    /// # Errors
    /// What would be in its way.
    pub fn recording(&self, plan: &Plan) -> Result<Vec<Write>, TraceError> {
        let (_, writes) = self.recording_after(plan, |_, _| Ok(()))?;
        Ok(writes)
    }

    /// The writes of what comes first in the same session, and those of the recording behind it.
    ///
    /// # Errors
    /// What would be in the way.
    pub fn recording_after(
        &self,
        plan: &Plan,
        first: impl FnOnce(&Env<'_>, &mut Session<'_>) -> Result<(), TraceError>,
    ) -> Result<(Vec<Write>, Vec<Write>), TraceError> {
        let limits = Limits {
            duration: Some(Duration::ZERO),
            events: None,
            drops: None,
            after: Duration::ZERO,
            bytes: None,
            max_rate: u64::MAX,
            trial: Duration::ZERO,
            background: false,
        };
        let mut output = Output::nowhere(self.signals.clone())?;
        self.play(|env, listing| {
            let mut session = Session::begin(env.fs, env.state)?;
            first(env, &mut session)?;
            let earlier = listing.take();
            let within = (env, session);
            let recorded = record(within, self.host, plan, &limits, &mut output, &mut Nobody)?;
            match recorded.ended {
                Stopped::Failed(error) => Err(error),
                Stopped::Signal(number) => Err(TraceError::Signal(number)),
                _ => Ok((earlier, listing.take())),
            }
        })
    }

    /// The writes of what has a session of its own, and those that put it back.
    ///
    /// # Errors
    /// What would be in the way.
    pub(crate) fn apart(
        &self,
        act: impl FnOnce(&Env<'_>, &mut Session<'_>) -> Result<(), TraceError>,
    ) -> Result<Vec<Write>, TraceError> {
        self.play(|env, listing| {
            let mut session = Session::begin(env.fs, env.state)?;
            act(env, &mut session)?;
            session.end()?.check()?;
            Ok(listing.take())
        })
    }

    /// The writes of a self-check of this method, with the function `show`.
    ///
    /// # Errors
    /// What would be in its way.
    pub fn self_check(
        &self,
        method: Method,
        top_level: bool,
        show: &[String],
    ) -> Result<Vec<Write>, TraceError> {
        let plan = selfcheck::plan(method, top_level, show, None);
        self.apart(|_, session| selfcheck::unheard(session, &plan))
    }
}
