//! What is there before anything is traced: can it be, who else does, and which way works.

pub mod others;
pub mod preflight;
pub mod selfcheck;
