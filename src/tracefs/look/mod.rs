//! What is there before anything is traced: can it be, who else does, and which way works.

pub(crate) mod others;
pub(crate) mod preflight;
pub(crate) mod selfcheck;
