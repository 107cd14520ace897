//! The table of `merge`, a file for each format.

pub(crate) mod compare;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
mod tables;
pub(crate) mod text;
pub(crate) mod words;
