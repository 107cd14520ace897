//! The undo journal: what is read of a damaged one, written anew, is written the same again.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use ip6drop::inside::tracefs::StateDir;
use libfuzzer_sys::fuzz_target;

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    tempfile::tempdir()
        .expect("TMPDIR can be written to")
        .keep()
});

fuzz_target!(|text: &[u8]| {
    let dir = &*DIR;
    let journal = dir.join("journal");
    std::fs::write(&journal, text).expect("TMPDIR has room");
    let state = StateDir::open(dir, "1f2e").expect("nobody else is there");
    if let Ok(Some(stale)) = state.stale() {
        for change in &stale.changes {
            let _ = change.what();
        }
        state
            .settle(&stale.header, &stale.changes)
            .expect("TMPDIR has room");
        let written = std::fs::read(&journal).ok();
        assert_eq!(written.is_some(), !stale.changes.is_empty());
        if let Some(again) = state.stale().expect("it was written whole") {
            state
                .settle(&again.header, &again.changes)
                .expect("TMPDIR has room");
            assert_eq!(std::fs::read(&journal).ok(), written);
        }
    }
});
