//! JSON whose fields stay in the order in which somebody wrote them: a document that is read by people is not sorted by the alphabet.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;
use std::fmt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    /// INVARIANT: each name stands once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// What stands under `name`, where this is an object that has it.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.fields().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The text under `name`; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Self::Text(text)) => text,
            _ => "",
        }
    }

    /// The fields of an object; none of anything else.
    pub(super) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The values of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Takes in another document: objects of the same name become one, and lists are joined.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Object(fields), Self::Object(more)) => {
                for (name, value) in more {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => known.merge(value),
                        None => fields.push((name, value)),
                    }
                }
            }
            (Self::List(items), Self::List(more)) => items.extend(more),
            (this, other) => *this = other,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("`{name}` stands twice")));
            }
            fields.push((name, value));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_read_is_written_in_the_same_order() {
        for text in [r#"{"b":[1,-2,true,null],"a":{"z":"é","y":{}}}"#, "18446744073709551615", "[]"] {
            assert_eq!(serde_json::to_string(&read(text)).unwrap(), text);
        }
        assert!(serde_json::from_str::<Json>(r#"{"a":1,"a":1}"#).is_err());
        assert!(serde_json::from_str::<Json>("0.5").is_err());
    }

    #[test]
    fn documents_become_one() {
        let mut one = read(r#"{"tags":[1],"paths":{"/a":{"get":1}}}"#);
        one.merge(read(r#"{"paths":{"/b":{},"/a":{"post":2}},"tags":[2],"more":true}"#));
        assert_eq!(one, read(r#"{"tags":[1,2],"paths":{"/a":{"get":1,"post":2},"/b":{}},"more":true}"#));
        assert_eq!(
            (one.items().len(), one.text("more"), one.get("tags").map(|tags| tags.items().len())),
            (0, "", Some(2))
        );
    }
}
