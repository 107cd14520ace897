//! The report as one page that needs nothing else: no network, and no script but its own.

mod cache;
mod flame;
mod gauge;
mod heat;
mod lanes;
mod narrow;
mod packets;
mod page;
mod sections;
mod timeline;
mod values;

pub(crate) use page::HtmlReport;
