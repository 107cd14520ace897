//! The report as one page that needs nothing else: no network, and no script but its own.

mod cache;
mod flame;
mod packets;
mod page;
mod sections;
mod timeline;

pub(crate) use page::HtmlReport;
