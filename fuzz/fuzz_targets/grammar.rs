//! What is recognised by its bytes reads as the grammar reads it, undamaged and damaged.
#![no_main]

#[path = "../../tests/common/records.rs"]
mod records;

use arbitrary::Arbitrary;
use ip6drop::inside::trace::Parser;
use libfuzzer_sys::fuzz_target;
use records::{records, trained};

/// A text, and what becomes of it once it was seen.
#[derive(Debug, Arbitrary)]
struct Seen<'a> {
    damage: [(u16, u8); 4],
    text: &'a [u8],
}

fuzz_target!(|seen: Seen<'_>| {
    let (mut parser, stacks) = trained(seen.text);
    let mut text = seen.text.to_vec();
    for (at, byte) in seen.damage {
        let length = text.len();
        if length > 0 {
            text[usize::from(at) % length] = byte;
        }
    }
    let expected = records(&mut Parser::by_grammar_only(), &text, &stacks);
    // By what was seen undamaged, and by what was learned since.
    assert_eq!(records(&mut parser, &text, &stacks), expected);
    assert_eq!(records(&mut parser, &text, &stacks), expected);
});
