//! Documents of many hosts: whatever is in them, each is a host or a problem, and can be shown.
#![no_main]

use std::path::Path;

use ip6drop::inside::fleet::{Fleet, Reader};
use ip6drop::inside::render::{FleetView, MERGE};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut fleet = Fleet::with_room(3);
    Reader::default().read(Path::new("-"), bytes, None, &mut fleet);
    assert!(fleet.documents() + fleet.drop_lines > 0);
    for format in &MERGE {
        let view = FleetView {
            fleet: &fleet,
            color: true,
            all_hosts: true,
            brief: false,
            columns: None,
        };
        format
            .format
            .write(&view, &mut Vec::new())
            .expect("memory does not refuse");
    }
});
