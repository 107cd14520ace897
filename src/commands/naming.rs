//! Whether and how `record` and `diagnose` name the packets that are dropped.

use std::io::Write;

use crate::capture::method::Method;
use crate::cli::tracing::{CaptureArgs, Identity};
use crate::commands::live;
use crate::host::Host;
use crate::tracefs::calibrate::calibration::Calibrated;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::look::preflight::Preflight;
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::setup::plan::Naming;
use crate::tracefs::setup::stream;

/// What names the packets, where it is wanted and to be had; says on `err` why it is not.
///
/// # Errors
/// What came in between, and what is in the way where names were asked for.
pub(crate) fn naming(
    args: &CaptureArgs,
    env: &Env<'_>,
    host: &Host,
    preflight: &Preflight,
    err: &mut dyn Write,
) -> Result<Option<Naming>, TraceError> {
    let another = !matches!(args.how.method.asked(), None | Some(Method::Instance));
    let is_asked = matches!(args.identity, Identity::Full | Identity::Least);
    if args.identity == Identity::Off || (another && !is_asked) {
        return Ok(None);
    }
    let missing = |why: &str| {
        TraceError::untraceable(
            format!("packets cannot be named: {why}"),
            "leave --identity away, and function entries tell what they can",
        )
    };
    if another {
        return Err(missing("that needs --method instance"));
    }
    let calibrated = match live::identity(env, host, preflight)? {
        Ok(calibrated) => calibrated,
        Err(why) if is_asked => return Err(missing(&why)),
        Err(why) => {
            let _ = writeln!(err, "ip6drop: packets are not named: {why}");
            return Ok(None);
        }
    };
    let streams = streams(args.identity, env.fs, host);
    if streams.is_empty() {
        let why = "this kernel does not tell of its lookups (fib6:fib6_table_lookup, since 4.18)";
        if is_asked {
            return Err(missing(why));
        }
        let _ = writeln!(
            err,
            "ip6drop: {why}: packets are named, and function entries tell what became of them"
        );
    }
    let Calibrated { probe, layout, ops } = calibrated;
    Ok(Some(Naming::new(probe, layout, ops, &streams)))
}

/// Filters on the lookups that may be taken, the one that shows most first.
fn streams(identity: Identity, fs: &dyn TraceFs, host: &Host) -> Vec<&'static str> {
    if !stream::is_there(fs) {
        return Vec::new();
    }
    let least = stream::least(host.policy().rules.as_ref());
    match identity {
        Identity::Off => Vec::new(),
        Identity::Auto => vec![stream::ALL, least],
        Identity::Full => vec![stream::ALL],
        Identity::Least => vec![least],
    }
}
