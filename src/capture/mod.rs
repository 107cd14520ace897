//! The one format of captures: trace text framed by lines `# ip6drop: KEY VALUE`, which every
//! other reader of trace text takes for comments.

pub(crate) mod clock;
pub(crate) mod framing;
pub(crate) mod method;
pub(crate) mod one_line;
pub(crate) mod preamble;
