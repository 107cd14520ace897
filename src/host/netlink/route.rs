//! A route in a listing of them: only whether it is one of kind throw.

use crate::host::netlink::messages::u32_at;

/// Length of the fixed part of a route's message.
pub(super) const HEADER: usize = 12;
/// The kind of route that ends a table's answer (`RTN_THROW`).
const THROW: u8 = 9;
/// Made from another route on its way (`RTM_F_CLONED`).
const CLONED: u32 = 0x200;

/// Whether it is a throw route of this family; `None` of a message that is cut.
pub(super) fn is_throw(body: &[u8], family: u8) -> Option<bool> {
    let flags = u32_at(body, 8)?;
    Some(body[0] == family && body[7] == THROW && flags & CLONED == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throw_routes_and_others() {
        let route = |family: u8, kind: u8, flags: u32| {
            let mut body = [family, 128, 0, 0, 254, 3, 0, kind, 0, 0, 0, 0];
            body[8..].copy_from_slice(&flags.to_ne_bytes());
            is_throw(&body, 10)
        };
        assert_eq!(route(10, THROW, 0), Some(true));
        assert_eq!(route(10, THROW, 1), Some(true));
        assert_eq!(route(10, THROW, CLONED), Some(false));
        assert_eq!(route(10, 1, 0), Some(false));
        assert_eq!(route(2, THROW, 0), Some(false));
        assert_eq!(is_throw(&[10; HEADER - 1], 10), None);
    }
}
