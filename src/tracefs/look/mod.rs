//! What is there before anything is traced: can it be, who else does, and which way works.

mod means;
pub(crate) mod others;
pub(crate) mod preflight;
pub(crate) mod selfcheck;
