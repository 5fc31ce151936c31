//! Elements as data: one function makes all of them.
//!
//! Yew's `html!` writes out each element as code of its own, which is several kilobytes more for every visitor.

use yew::virtual_dom::{AttributeOrProperty, Attributes, VTag, VText};
use yew::{AttrValue, Html};

/// An element with these attributes. One whose value is empty is left out.
pub(crate) fn element(name: &'static str, keys: &'static [&'static str], values: &[&str], children: Vec<Html>) -> VTag {
    let value = |value: &&str| {
        (!value.is_empty()).then(|| AttributeOrProperty::Attribute(AttrValue::from((*value).to_owned())))
    };
    let mut tag = VTag::new(name);
    tag.attributes = Attributes::Dynamic { keys, values: values.iter().map(value).collect() };
    tag.add_children(children);
    tag
}

/// An element of this class.
pub(crate) fn classed(name: &'static str, class: &str, children: Vec<Html>) -> Html {
    element(name, &["class", "part"], &[class, class], children).into()
}

/// A text.
pub(crate) fn text(text: impl Into<AttrValue>) -> Html {
    VText::new(text).into()
}

/// A paragraph of this class that holds a text.
pub(crate) fn paragraph(class: &str, words: String) -> Html {
    classed("p", class, vec![text(words)])
}
