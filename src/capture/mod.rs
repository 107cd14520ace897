//! The one format of captures: trace text framed by lines `# ip6drop: KEY VALUE`, which every
//! other reader of trace text takes for comments.

pub mod framing;
pub mod method;
pub mod one_line;
pub mod preamble;
