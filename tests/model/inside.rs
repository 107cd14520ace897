//! What the model asks of the program, in one place.

pub use ip6drop::analysis::stream::{Analysis, Report};
pub use ip6drop::diagnosis::class::{Class, Confidence};
pub use ip6drop::diagnosis::verdict::Verdict;
pub use ip6drop::host::Facts;
pub use ip6drop::report::build::Request;
pub use ip6drop::report::decided::{DecidedDrop, DecidedSink};
pub use ip6drop::trace::Stamp;
