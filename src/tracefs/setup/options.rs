//! Options of a buffer that decide what its text looks like.

use crate::tracefs::error::TraceError;
use crate::tracefs::files::read_text;
use crate::tracefs::undo::session::Session;

/// What would change the text, or add to it, beyond what a reader expects, and what belongs to it.
const OPTIONS: [(&str, bool); 10] = [
    ("raw", false),
    ("hex", false),
    ("bin", false),
    ("block", false),
    ("verbose", false),
    ("latency-format", false),
    ("userstacktrace", false),
    ("stacktrace", false),
    ("context-info", true),
    ("print-parent", true),
];

/// The options among the lines of `trace_options` (`raw`, or `noraw` where it is off) that are
/// not as they should be, with the value that they should have.
fn differing(options: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    OPTIONS.into_iter().filter_map(|(name, wanted)| {
        let is_on = options
            .lines()
            .find_map(|line| match line.strip_prefix("no") {
                Some(off) if off == name => Some(false),
                _ => (line == name).then_some(true),
            })?;
        (is_on != wanted).then_some((name, if wanted { "1" } else { "0" }))
    })
}

/// Gives the buffer in `dir` (empty, or ending in a slash) the options for plain text. All are
/// read at once, and only what differs is written.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn plain(session: &mut Session<'_>, dir: &str) -> Result<(), TraceError> {
    let path = format!("{dir}trace_options");
    let fs = session.fs();
    let options = read_text(fs, &path).map_err(TraceError::file(fs.root().join(&path), "read"))?;
    for (name, value) in differing(&options) {
        let path = format!("{dir}options/{name}");
        if session.fs().exists(&path) {
            session.set(&path, value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_and_differs_is_set() {
        let of = |text: &str| differing(text).collect::<Vec<_>>();
        assert_eq!(of("print-parent\nnoraw\nnohex\ncontext-info\nnone\n"), []);
        assert_eq!(
            of("noprint-parent\nraw\nnostacktrace\nlatency-format\n"),
            [("raw", "0"), ("latency-format", "0"), ("print-parent", "1")]
        );
    }
}
