//! Routes in a listing of them: how many are throw routes, and which the table local has.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::host::netlink::attributes::each;
use crate::host::netlink::messages::u32_at;
use crate::host::rules::TABLE_LOCAL;

/// Length of the fixed part of a route's message.
pub(super) const HEADER: usize = 12;
/// What of that says which route it is: family, lengths, table, origin, scope and kind.
const WHICH: usize = 8;
/// The kind of route that ends a table's answer (`RTN_THROW`).
const THROW: u8 = 9;
/// Made from another route on its way (`RTM_F_CLONED`).
const CLONED: u32 = 0x200;
/// Where to, and by which interface (`RTA_DST`, `RTA_OIF`).
const WHERE: [u16; 2] = [1, 4];

/// Routes of all tables, as far as they matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Routes {
    /// Throw routes.
    pub(super) throw: u64,
    /// A sum that tells which routes the table local has, in any order.
    pub(super) local: u64,
}

impl Routes {
    /// Takes a route, if it is of this family; `None` of a message that is cut.
    pub(super) fn take(&mut self, body: &[u8], family: u8) -> Option<()> {
        let flags = u32_at(body, 8)?;
        if body[0] != family || flags & CLONED != 0 {
            return Some(());
        }
        self.throw += u64::from(body[7] == THROW);
        if u32::from(body[4]) == TABLE_LOCAL {
            let mut route = SipHasher13::new();
            route.write(&body[..WHICH]);
            each(&body[HEADER..], |kind, value| {
                if WHERE.contains(&kind) {
                    route.write_u16(kind);
                    route.write(value);
                }
                Some(())
            })?;
            self.local = self.local.wrapping_add(route.finish());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(family: u8, kind: u8, table: u8, flags: u32) -> Vec<u8> {
        let mut body = vec![family, 128, 0, 0, table, 3, 0, kind, 0, 0, 0, 0];
        body[8..].copy_from_slice(&flags.to_ne_bytes());
        body
    }

    fn all<'b>(routes: impl IntoIterator<Item = &'b Vec<u8>>) -> Routes {
        let mut found = Routes::default();
        for body in routes {
            found.take(body, 10).unwrap();
        }
        found
    }

    #[test]
    fn throw_routes_and_others() {
        let throw = |family, kind, flags| all([&route(family, kind, 254, flags)]).throw;
        assert_eq!(throw(10, THROW, 0), 1);
        assert_eq!(throw(10, THROW, 1), 1);
        assert_eq!(throw(10, THROW, CLONED), 0);
        assert_eq!(throw(10, 1, 0), 0);
        assert_eq!(throw(2, THROW, 0), 0);
        assert_eq!(Routes::default().take(&[10; HEADER - 1], 10), None);
    }

    #[test]
    fn which_routes_the_table_local_has() {
        let with = |table: u8, attributes: &[(u16, u32)]| {
            let mut body = route(10, 2, table, 0);
            for (kind, value) in attributes {
                body.extend(8_u16.to_ne_bytes());
                body.extend(kind.to_ne_bytes());
                body.extend(value.to_ne_bytes());
            }
            body
        };
        let (one, other) = (with(255, &[(1, 7), (4, 1)]), with(255, &[(1, 8), (4, 1)]));
        let both = all([&one, &other]).local;
        assert_eq!(all([&other, &one]).local, both);
        // Metrics, preferences and what is cached of it change without it.
        let later = with(255, &[(1, 8), (4, 1), (6, 9), (12, 3)]);
        assert_eq!(all([&one, &later]).local, both);
        // What another table has does not matter.
        assert_eq!(all([&one, &other, &with(254, &[(1, 9)])]).local, both);
        let elsewhere = with(255, &[(1, 8), (4, 2)]);
        for routes in [
            vec![&one],
            vec![&one, &one],
            vec![&one, &elsewhere],
            vec![&one, &other, &other],
            vec![],
        ] {
            assert_ne!(all(routes.iter().copied()).local, both, "{routes:?}");
        }
        let mut cut = one;
        cut.pop();
        assert_eq!(Routes::default().take(&cut, 10), None);
    }
}
