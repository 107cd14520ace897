//! Drops by class: of the classes that are known here, and of those of newer writers, which
//! go by their own names.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::diagnosis::class::{Class, Weight};
use crate::fleet::capped::Capped;

/// Classes that one document may have, known here or not.
const MAX_CLASSES: usize = 64;

/// The name of a class in kebab-case, whether or not it is known here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassName(String);

impl ClassName {
    /// The name as it is written.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ClassName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ClassName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Capped(name) = Capped::deserialize(deserializer)?;
        let is_word = |word: &str| {
            let mut letters = word.bytes();
            !word.is_empty() && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && name.split('-').all(is_word) {
            Ok(ClassName(name))
        } else {
            Err(D::Error::custom(format!("`{name}` is no name of a class")))
        }
    }
}

/// Drops by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClassCounts {
    known: [u64; Class::ALL.len()],
    others: BTreeMap<ClassName, u64>,
}

impl ClassCounts {
    /// Drops of the fault that this tool exists for.
    #[must_use]
    pub(crate) fn of_fault(&self) -> u64 {
        let counts = Class::ALL.into_iter().zip(self.known);
        let of_fault = counts.filter(|(class, _)| class.weight() == Weight::Fault);
        of_fault.map(|(_, drops)| drops).sum()
    }

    /// Names and drops: of all classes that are known here, and then of the others.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u64)> {
        let known = Class::ALL.iter().map(|class| class.name()).zip(self.known);
        let others = self.others.iter();
        known.chain(others.map(|(name, drops)| (name.as_str(), *drops)))
    }

    /// Adds the drops of another document.
    pub(crate) fn add(&mut self, other: &ClassCounts) {
        for (sum, drops) in self.known.iter_mut().zip(other.known) {
            *sum = sum.saturating_add(drops);
        }
        for (name, drops) in &other.others {
            let sum = self.others.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*drops);
        }
    }
}

/// Reads `{"rcv-dst-alloc": {"total": 1, …}, …}`. A class that is not there has no drops.
impl<'de> Deserialize<'de> for ClassCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Count {
            total: u64,
        }
        struct ByClass;
        impl<'de> Visitor<'de> for ByClass {
            type Value = ClassCounts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a member for each class")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClassCounts, A::Error> {
                let mut others = BTreeMap::new();
                while let Some((name, Count { total })) = map.next_entry::<ClassName, _>()? {
                    if others.len() == MAX_CLASSES {
                        let text = format!("more than {MAX_CLASSES} classes");
                        return Err(A::Error::custom(text));
                    }
                    if others.insert(name, total).is_some() {
                        return Err(A::Error::custom("a class has two members"));
                    }
                }
                let known = Class::ALL.map(|class| others.remove(class.name()).unwrap_or_default());
                Ok(ClassCounts { known, others })
            }
        }
        deserializer.deserialize_map(ByClass)
    }
}
