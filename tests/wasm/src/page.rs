//! A page's own Yew app: a counter that hangs on the body, as such apps do, and listens there.

use yew::{Html, component, html, use_state};

/// Counts the clicks on its button, and on nothing else.
#[component]
pub(crate) fn Counter() -> Html {
    let count = use_state(|| 0_u32);
    let onclick = {
        let count = count.clone();
        move |_| count.set(*count + 1)
    };
    html! { <button id="counter" {onclick}>{ format!("clicked {} times", *count) }</button> }
}
