//! Members of documents that are read piece by piece, or that reports and status share.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::fleet::capped::Capped;
use crate::fleet::row::Regimes;

/// Something that takes the items of an array one by one, so that none has to be kept.
pub(super) trait Take: Default {
    type Item: for<'de> Deserialize<'de>;
    fn take(&mut self, item: Self::Item);
}

/// Reads an array, or `null` as an empty one.
pub(super) fn each<'de, D: Deserializer<'de>, T: Take>(deserializer: D) -> Result<T, D::Error> {
    struct Items<T>(PhantomData<T>);
    impl<'de, T: Take> Visitor<'de> for Items<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
            let mut taken = T::default();
            while let Some(item) = items.next_element()? {
                taken.take(item);
            }
            Ok(taken)
        }
    }
    deserializer.deserialize_any(Items(PhantomData))
}

impl Take for Regimes {
    type Item = Capped;
    fn take(&mut self, name: Capped) {
        self.add(&name.0);
    }
}

#[derive(Deserialize)]
pub(super) struct SizingJson {
    pub(super) max_size: i64,
}
