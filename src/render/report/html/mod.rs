//! The report as one page that needs nothing else: no network, and no script but its own.

mod cache;
mod flame;
mod markup;
mod packets;
mod page;
mod policy;
mod sections;
mod timeline;

pub(crate) use page::HtmlReport;
pub use policy::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, policy};
