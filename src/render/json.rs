//! JSON values, written as with the macro of `serde_json`, which makes some 500 bytes of code of
//! each member. Here that is one function.

use serde::Serialize;
use serde_json::{Map, Value};

/// The value of what has one: numbers, texts, lists. Once for each type, not for each member.
#[inline(never)]
pub(crate) fn value(of: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// An object of these members, in this order.
pub(crate) fn object(members: Vec<(&'static str, Value)>) -> Value {
    let mut object = Map::with_capacity(members.len());
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// A JSON value: an object in braces, whose members may be such objects, or anything that can be
/// serialized.
macro_rules! json {
    (@members [$($done:tt)*]) => {
        $crate::render::json::object(vec![$($done)*])
    };
    (@members [$($done:tt)*] $name:literal: null $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, serde_json::Value::Null),] $($($rest)*)?
        )
    };
    (@members [$($done:tt)*] $name:literal: {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, $crate::render::json::json!({$($inner)*})),] $($($rest)*)?
        )
    };
    (@members [$($done:tt)*] $name:literal: $value:expr $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, $crate::render::json::value(&$value)),] $($($rest)*)?
        )
    };
    ({$($members:tt)*}) => {
        $crate::render::json::json!(@members [] $($members)*)
    };
    ($value:expr) => {
        $crate::render::json::value(&$value)
    };
}

pub(crate) use json;

#[cfg(test)]
mod tests {

    #[test]
    fn values_are_those_of_serde_json() {
        let (count, name) = (7, Some("ip6drop"));
        let ours = json!({
            "count": count,
            "none": null,
            "inside": {"name": name, "list": [1, 2], "empty": {}},
            "half": match count { 7 => 3.5, _ => 0.0 },
        });
        let theirs = serde_json::json!({
            "count": count,
            "none": null,
            "inside": {"name": name, "list": [1, 2], "empty": {}},
            "half": match count { 7 => 3.5, _ => 0.0 },
        });
        assert_eq!(ours.to_string(), theirs.to_string());
        assert_eq!(json!(name), serde_json::json!(name));
        assert_eq!(json!(f64::NAN), serde_json::json!(f64::NAN));
    }
}
