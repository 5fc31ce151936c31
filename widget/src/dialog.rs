//! The dialog's place in the page: brings it, takes it away, and carries events in and out.
//!
//! Its host hangs under the document element, where a page's own scripts leave it alone, with an open shadow root and a
//! constructable style sheet, which every CSP allows. That the page behind is inert, that the focus stays inside and
//! comes back, and that Escape closes is done by the browser: the dialog is a native, modal one.
//!
//! Deliberately absent: more than one dialog at a time, and anything left on the page once it is closed.

use std::cell::RefCell;
use std::rc::Rc;

use consentry_core::Time;
use js_sys::Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CssStyleSheet, CustomEvent, Document, Element, HtmlDialogElement, ShadowRootInit, ShadowRootMode};
use yew::{AppHandle, Callback, NodeRef, Renderer};

use crate::action::{Action, Effect, Moment};
use crate::centre::{self, Centre, Shown};
use crate::events;
use crate::model::Model;

const SHEET: &str = include_str!("centre.css");

/// While the dialog is open the page behind does not scroll; in print it is whole.
const STILL: &str = "@media screen{html{overflow:hidden!important}}";
/// A page that had a scroll bar keeps its place, so that nothing moves sideways.
const STILL_WITH_BAR: &str = "@media screen{html{overflow:hidden!important;scrollbar-gutter:stable!important}}";

/// A dialog on the page.
struct Open {
    host: Element,
    page_sheet: CssStyleSheet,
    shown: Shown,
    app: AppHandle<Centre>,
}

thread_local! {
    static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
}

/// Listens for the loader's events from now on. Called once, when the module has started.
pub fn listen() {
    on("consentry:open", |document, detail| match events::opened(detail) {
        Some(model) => show(document, model),
        None => events::send_close(document),
    });
    on("consentry:sync", |_, detail| {
        if let Some(sync) = events::synced(detail) {
            act(Action::Synced(sync));
        }
    });
}

fn on(name: &str, hear: fn(&Document, &JsValue)) {
    let Some(document) = document() else { return };
    let listener = Closure::<dyn Fn(CustomEvent)>::new(move |event: CustomEvent| {
        if let Some(document) = self::document() {
            hear(&document, &event.detail());
        }
    });
    // Fails for no name and no function.
    let _ = document.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Shows `model`. A dialog that shows the same notice already stays as it is, and takes the focus; any other gives way.
fn show(document: &Document, model: Model) {
    let is_shown = |open: &&Open| open.host.is_connected() && open.shown.model.borrow().answering == model.answering;
    let title = OPEN.with_borrow(|open| open.as_ref().filter(is_shown).map(|open| open.shown.title.clone()));
    if let Some(title) = title {
        return centre::focus(&title);
    }
    if let Some(other) = OPEN.take() {
        other.take_away(document);
    }
    match Open::new(document, model) {
        Ok(open) => OPEN.set(Some(open)),
        // A browser without shadow roots or style sheets of our own: whoever asked must learn that nothing opened.
        Err(_) => events::send_close(document),
    }
}

/// One way for all that happens: the model changes at once, then the page, then what is shown.
fn act(action: Action) {
    let effect = OPEN.with_borrow(|open| {
        let open = open.as_ref()?;
        let effect = open.shown.model.borrow_mut().reduce(action, moment);
        if effect.is_none() {
            open.app.send_message(());
        }
        effect
    });
    if let Some(effect) = effect {
        perform(effect);
    }
}

fn perform(Effect::Close(chosen): Effect) {
    // Taken before anybody hears of it: a listener may ask for the centre again.
    let (Some(open), Some(document)) = (OPEN.take(), document()) else { return };
    if let Some(chosen) = chosen {
        events::send_choice(&document, &chosen);
    }
    open.take_away(&document);
    events::send_close(&document);
}

impl Open {
    fn new(document: &Document, model: Model) -> Result<Self, JsValue> {
        let host = document.create_element("consentry-centre")?;
        let root = host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open))?;
        let sheet = CssStyleSheet::new()?;
        sheet.replace_sync(SHEET)?;
        root.adopted_style_sheets().push(&sheet);
        let place = document.create_element("div")?;
        root.append_child(&place)?;
        let page_sheet = CssStyleSheet::new()?;
        page_sheet.replace_sync(if has_scroll_bar(document) { STILL_WITH_BAR } else { STILL })?;
        document.document_element().ok_or(JsValue::NULL)?.append_child(&host)?;
        // Last: nothing may fail once the page is still.
        document.adopted_style_sheets().push(&page_sheet);
        let shown = Shown {
            model: Rc::new(RefCell::new(model)),
            act: Callback::from(act),
            dialog: NodeRef::default(),
            title: NodeRef::default(),
        };
        let app = Renderer::<Centre>::with_root_and_props(place, shown.clone()).render();
        Ok(Self { host, page_sheet, shown, app })
    }

    fn take_away(self, document: &Document) {
        // Closed before it is removed: the browser gives the focus back only then.
        if let Some(dialog) = self.shown.dialog.cast::<HtmlDialogElement>() {
            dialog.close();
        }
        self.host.remove();
        let ours: &JsValue = &self.page_sheet;
        let of_page: Array = document.adopted_style_sheets().iter().filter(|sheet| sheet != ours).collect();
        document.set_adopted_style_sheets(&of_page);
        self.app.destroy();
    }
}

fn has_scroll_bar(document: &Document) -> bool {
    let inside = document.document_element().map_or(0, |root| root.client_width());
    let outside = web_sys::window().and_then(|window| window.inner_width().ok()).and_then(|width| width.as_f64());
    outside.is_some_and(|outside| f64::from(inside) < outside)
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// By the browser's clock and its chance.
fn moment() -> Moment {
    let mut random = [0; 10];
    if let Some(crypto) = web_sys::window().and_then(|window| window.crypto().ok()) {
        // Fails only for more than 64 KiB.
        let _ = crypto.get_random_values_with_u8_array(&mut random);
    }
    Moment { now: Time::from_ms(js_sys::Date::now() as u64), random }
}
