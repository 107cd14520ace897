//! What only tracing on a host tells: where the words of a packet are, and which method works.

use std::io::Write;

use crate::cli::tracing::How;
use crate::commands::live;
use crate::host::Host;
use crate::tracefs::calibrate::calibration::Calibrated;
use crate::tracefs::error::TraceError;
use crate::tracefs::look::preflight::Preflight;
use crate::tracefs::look::selfcheck::{Choice, Env};
use crate::tracefs::undo::session::Session;

/// Finds out what is needed to choose a plan.
pub(crate) trait Finds {
    /// Where this kernel keeps the words of a packet, or why that is not to be had.
    ///
    /// # Errors
    /// What came in between, or could not be put back.
    fn identity(&mut self) -> Result<Result<Calibrated, String>, TraceError>;

    /// The method that works, and, where asked, whether return probes cost frames. What is to be
    /// known of it is said on `err`.
    ///
    /// # Errors
    /// What came in between.
    fn choice(&mut self, return_probe: bool, err: &mut dyn Write) -> Result<Choice, TraceError>;
}

/// By tracing.
pub(crate) struct ByTracing<'a> {
    /// What is traced in.
    pub(crate) env: &'a Env<'a>,
    /// Its facts.
    pub(crate) host: &'a Host,
    /// How to trace.
    pub(crate) how: &'a How,
    /// What was looked at before.
    pub(crate) preflight: &'a Preflight,
    /// The buffer that a recording shall have, in KiB for each CPU.
    pub(crate) buffer_kb: u32,
    /// The session in which it was found where the words are: its instance is ready to be
    /// recorded in.
    pub(crate) session: Option<Session<'a>>,
}

impl Finds for ByTracing<'_> {
    fn identity(&mut self) -> Result<Result<Calibrated, String>, TraceError> {
        let found = live::identity(self.env, self.host, self.preflight, self.buffer_kb)?;
        Ok(found.map(|(found, session)| {
            self.session = Some(session);
            found
        }))
    }

    fn choice(&mut self, return_probe: bool, err: &mut dyn Write) -> Result<Choice, TraceError> {
        // Each method is tried in a session of its own, and recorded in another.
        if let Some(session) = self.session.take() {
            session.end()?.check()?;
        }
        live::choose_method(self.env, self.how, self.preflight, return_probe, err)
    }
}
