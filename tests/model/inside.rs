//! What the model asks of the program, in one place.

pub use ip6drop::inside::analysis::{Analysis, Report};
pub use ip6drop::inside::diagnosis::{Class, Confidence, Verdict};
pub use ip6drop::inside::host::Facts;
pub use ip6drop::inside::report::{DecidedDrop, DecidedSink, Request};
pub use ip6drop::inside::trace::Stamp;
