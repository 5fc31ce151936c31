//! The centre's places in the page: brings it, takes it away, and carries events in and out.
//!
//! The dialog's host hangs under the document element, where a page's own scripts leave it alone, with an open shadow root
//! and a constructable style sheet, which every CSP allows. That the page behind is inert, that the focus stays inside and
//! comes back, and that Escape closes is done by the browser: the dialog is a native, modal one. Other places are shadow roots
//! that the page has given.
//!
//! Deliberately absent: more than one dialog at a time, and anything left on the page once a place is gone.

use std::cell::RefCell;
use std::rc::Rc;

use consentry_core::{Target, Time};
use js_sys::{Array, Date, Object, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    CssStyleSheet, CustomEvent, Document, Element, HtmlDialogElement, ShadowRoot, ShadowRootInit, ShadowRootMode,
};
use yew::{AppHandle, Callback, NodeRef, Renderer};

use crate::action::{Action, Effect, Moment};
use crate::centre::{self, Centre, Kind, Shown};
use crate::events;
use crate::model::{AfterDemand, Model};

/// As the build has made it small; as it is written where nobody did.
const SHEET: &str = match option_env!("CONSENTRY_CENTRE_CSS") {
    Some(small) => small,
    None => include_str!("centre.css"),
};

/// While the dialog is open the page behind does not scroll; in print it is whole.
const STILL: &str = "@media screen{html{overflow:hidden!important}}";
/// A page that had a scroll bar keeps its place, so that nothing moves sideways.
const STILL_WITH_BAR: &str = "@media screen{html{overflow:hidden!important;scrollbar-gutter:stable!important}}";

/// Where the centre is shown.
struct Place {
    root: ShadowRoot,
    inside: Element,
    sheet: CssStyleSheet,
    page_sheet: Option<CssStyleSheet>, // A dialog's, which holds the page still.
    shown: Shown,
    app: AppHandle<Centre>,
}

thread_local! {
    static PLACES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Listens for the loader's events from now on. Called once, when the module has started.
pub fn listen() {
    on("consentry:open", |document, detail| {
        // A policy that contradicts itself, or a browser without shadow roots or style sheets of our own: whoever asked must
        // learn that nothing opened.
        if events::opened(detail).and_then(|model| open(document, model, detail)).is_none() {
            events::send_close(document);
        }
    });
    on("consentry:mount", |document, detail| {
        mount(document, detail);
    });
    on("consentry:unmount", |document, detail| {
        let root = events::field(detail, "root");
        if let Some(place) = take(|place| *AsRef::<JsValue>::as_ref(&place.root) == root) {
            place.take_away(document);
        }
    });
    on("consentry:set", |document, detail| {
        let set = || {
            let (surface, stances) = events::set(detail)?;
            events::opened(detail)?.reduce(Action::Set(surface, stances), moment)
        };
        if let Some(Effect::Close(Some(chosen))) = set() {
            events::send_choice(document, &chosen);
        }
    });
    on("consentry:sync", |_, detail| act_everywhere(events::synced(detail).map(Action::Synced)));
    on("consentry:done", |_, detail| {
        act_everywhere(events::answered(detail).map(|(right, answer)| Action::Answered(right, answer)));
    });
    on("consentry:record", |_, detail| {
        act_everywhere(Some(Action::Recorded(events::told(&events::field(detail, "record")))));
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

/// Shows `model` in a dialog. One that shows the same notice already stays as it is, and takes the focus; any other gives way.
fn open(document: &Document, model: Model, detail: &JsValue) -> Option<()> {
    let at = model.id_of(&events::field(detail, "section").as_string().unwrap_or_default());
    // Closed by the browser, it may still be there for a moment.
    let is_open = |place: &Place| place.shown.place.cast::<HtmlDialogElement>().is_none_or(|dialog| dialog.open());
    let is_shown = |place: &&Place| {
        place.is_dialog()
            && place.root.is_connected()
            && is_open(place)
            && place.shown.model.borrow().answering == model.answering
    };
    let shown = PLACES.with_borrow(|places| places.iter().find(is_shown).map(|place| place.shown.place.clone()));
    if let Some(shown) = shown {
        centre::focus(&shown, &at);
        return Some(());
    }
    if let Some(other) = take(Place::is_dialog) {
        other.take_away(document);
    }
    let host = document.create_element("consentry-centre").ok()?;
    let root = host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open)).ok()?;
    let still = sheet(if has_scroll_bar(document) { STILL_WITH_BAR } else { STILL })?;
    let place = Place::new(document, root, Kind::Dialog, model, at)?;
    document.document_element()?.append_child(&host).ok()?;
    // Last: nothing may fail once the page is still.
    document.adopted_style_sheets().push(&still);
    PLACES.with_borrow_mut(|places| places.push(Place { page_sheet: Some(still), ..place }));
    Some(())
}

/// Shows the centre, or one switch of it, in a shadow root of the page's. Sent again, it shows how things are by now.
fn mount(document: &Document, detail: &JsValue) -> Option<()> {
    let model = events::opened(detail)?;
    let root: ShadowRoot = events::field(detail, "root").dyn_into().ok()?;
    let target: Option<Target> = events::field(detail, "target").as_string()?.parse().ok();
    let is_toggle = events::field(detail, "kind").as_string()? == "toggle";
    let (kind, model) = if is_toggle { (Kind::Toggle(target?), model.on_page()) } else { (Kind::Inline, model) };
    let place = match take(|place| place.root == root) {
        Some(place) if place.shown.kind == kind => {
            place.shown.model.replace_with(|earlier| model.following(earlier));
            place.app.send_message(());
            place
        }
        other => {
            if let Some(other) = other {
                other.take_away(document);
            }
            Place::new(document, root, kind, model, String::new())?
        }
    };
    PLACES.with_borrow_mut(|places| places.push(place));
    Some(())
}

fn take(is_meant: impl Fn(&Place) -> bool) -> Option<Place> {
    PLACES.with_borrow_mut(|places| {
        let at = places.iter().position(is_meant)?;
        Some(places.swap_remove(at))
    })
}

fn act_everywhere(action: Option<Action>) {
    let roots: Vec<ShadowRoot> = PLACES.with_borrow(|places| places.iter().map(|place| place.root.clone()).collect());
    for root in roots {
        if let Some(action) = action.clone() {
            act(&root, action);
        }
    }
}

/// One way for all that happens: the model changes at once, then the page, then what is shown.
fn act(root: &ShadowRoot, action: Action) {
    let done = PLACES.with_borrow(|places| {
        let place = places.iter().find(|place| place.root == *root)?;
        let mut model = place.shown.model.borrow_mut();
        let origin = model.doubt().map(|doubt| doubt.origin());
        let effect = model.reduce(action, moment);
        let after = match effect {
            Some(Effect::Use(right)) => model.after(right, true),
            Some(Effect::Lift(right)) => model.after(right, false),
            Some(Effect::Close(_) | Effect::Receipt(_)) | None => None,
        };
        place.app.send_message(());
        // What was pressed to settle it is about to vanish, and must not take the focus with it.
        let origin = origin.filter(|_| model.doubt().is_none());
        Some((effect, after, origin, place.shown.place.clone()))
    });
    // Whoever hears of it may ask for the centre again, so nothing is held any more.
    let Some((effect, after, origin, shown)) = done else { return };
    if let Some(origin) = origin {
        centre::focus(&shown, &origin);
    }
    if let (Some(effect), Some(document)) = (effect, document()) {
        perform(&document, root, effect, after.as_ref());
    }
}

fn perform(document: &Document, root: &ShadowRoot, effect: Effect, after: Option<&AfterDemand>) {
    match effect {
        Effect::Close(chosen) => {
            let dialog = take(|place| place.root == *root && place.is_dialog());
            if let Some(chosen) = chosen {
                events::send_choice(document, &chosen);
            }
            if let Some(dialog) = dialog {
                dialog.take_away(document);
                events::send_close(document);
            }
        }
        Effect::Use(right) => events::send_demand(document, right, false, after),
        Effect::Lift(right) => events::send_demand(document, right, true, after),
        Effect::Receipt(choice) => events::send_receipt(document, choice),
    }
}

impl Place {
    fn new(document: &Document, root: ShadowRoot, kind: Kind, model: Model, at: String) -> Option<Self> {
        let sheet = sheet(SHEET)?;
        let inside = document.create_element("div").ok()?;
        root.append_child(&inside).ok()?;
        root.adopted_style_sheets().push(&sheet);
        let acts_on = root.clone();
        let shown = Shown {
            model: Rc::new(RefCell::new(model)),
            kind,
            act: Callback::from(move |action| act(&acts_on, action)),
            place: NodeRef::default(),
            at,
            when,
        };
        let app = Renderer::<Centre>::with_root_and_props(inside.clone(), shown.clone()).render();
        Some(Self { root, inside, sheet, page_sheet: None, shown, app })
    }

    fn is_dialog(&self) -> bool {
        self.shown.kind == Kind::Dialog
    }

    fn take_away(self, document: &Document) {
        // Closed before it is removed: the browser gives the focus back only then.
        if let (Kind::Dialog, Some(dialog)) = (&self.shown.kind, self.shown.place.cast::<HtmlDialogElement>()) {
            dialog.close();
        }
        if self.is_dialog() {
            self.root.host().remove();
        }
        self.inside.remove();
        self.root.set_adopted_style_sheets(&without(&self.root.adopted_style_sheets(), &self.sheet));
        if let Some(page_sheet) = &self.page_sheet {
            document.set_adopted_style_sheets(&without(&document.adopted_style_sheets(), page_sheet));
        }
        self.app.destroy();
    }
}

fn sheet(style: &str) -> Option<CssStyleSheet> {
    let sheet = CssStyleSheet::new().ok()?;
    sheet.replace_sync(style).ok()?;
    Some(sheet)
}

fn without(sheets: &Array, ours: &JsValue) -> Array {
    sheets.iter().filter(|sheet| sheet != ours).collect()
}

/// As the browser writes it in that language, in the visitor's own time zone.
fn when(time: Time, language: &str) -> String {
    let options = Object::new();
    for (name, style) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // Fails only for objects that are sealed; this one is our own.
        let _ = Reflect::set(&options, &name.into(), &style.into());
    }
    Date::new(&JsValue::from_f64(time.as_ms() as f64)).to_locale_string(language, &options).into()
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
