//! How the preference centre looks: a function of the [`Model`], and nothing besides.
//!
//! One component, since every further one is more for every visitor to fetch. It keeps no state, reads no clock and fetches
//! nothing; what a person does leaves through [`Shown::act`]. What it consists of stands in `purposes.rs` and `sections.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use consentry_core::{Stance, Target, Time};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlDialogElement, HtmlElement, KeyboardEvent};
use yew::html::{onclick, onclose, onkeydown};
use yew::virtual_dom::VTag;
use yew::{Callback, Component, Context, Html, NodeRef, Properties};

use crate::action::Action;
use crate::element::{classed, element, paragraph, text};
use crate::model::{Doubt, Group, Model};

/// What is shown, and who is told what a person does.
#[derive(Debug, Clone, Properties)]
pub struct Shown {
    /// What to show. After it has changed, the component wants a message.
    pub model: Rc<RefCell<Model>>,
    /// In which form.
    pub kind: Kind,
    /// Told each action.
    pub act: Callback<Action>,
    /// Becomes what is shown: the dialog, if it is one.
    pub place: NodeRef,
    /// The id of what takes the focus when a dialog opens.
    pub at: String,
    /// Writes a time out in that language.
    pub when: fn(Time, &str) -> String,
}

/// The forms in which the centre is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A dialog above the page.
    Dialog,
    /// A part of the page.
    Inline,
    /// One switch, on the page.
    Toggle(Target),
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.model, &other.model)
    }
}

/// The preference centre. A message makes it show the model anew.
#[derive(Debug)]
pub struct Centre;

impl Component for Centre {
    type Message = ();
    type Properties = Shown;

    fn create(_: &Context<Self>) -> Self {
        Self
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let shown = context.props();
        View { model: &shown.model.borrow(), shown }.whole()
    }

    fn rendered(&mut self, context: &Context<Self>, first: bool) {
        let Shown { place, at, kind, .. } = context.props();
        if let (true, Kind::Dialog, Some(dialog)) = (first, kind, place.cast::<HtmlDialogElement>()) {
            // Fails only for a dialog that is open or not in a document, and this one is neither.
            let _ = dialog.show_modal();
            focus(place, at);
        }
    }
}

pub(crate) struct View<'a> {
    pub(crate) model: &'a Model,
    pub(crate) shown: &'a Shown,
}

impl View<'_> {
    /// Escape and a click beside the dialog close it (`closedby`); what closes it otherwise are its buttons.
    fn whole(&self) -> Html {
        let Self { model, shown } = self;
        let (name, part, [role, modal, titled, closed_by], children) = match &shown.kind {
            Kind::Dialog => ("dialog", "dialog", ["dialog", "true", "_title", "any"], self.centre()),
            Kind::Inline => ("div", "inline", ["region", "", "_title", ""], self.centre()),
            Kind::Toggle(target) => ("div", "toggle", [""; 4], self.toggle(target)),
        };
        let keys = &["class", "part", "role", "aria-modal", "aria-labelledby", "closedby", "lang", "dir"];
        let values = [part, part, role, modal, titled, closed_by, model.language(), model.direction()];
        let mut whole = element(name, keys, &values, children);
        if shown.kind == Kind::Dialog {
            whole.add_listener(Rc::new(onclose::Wrapper::new(shown.act.reform(|_| Action::Leave))));
            let place = shown.place.clone();
            let keep_inside = move |event| keep_inside(&place, &event);
            whole.add_listener(Rc::new(onkeydown::Wrapper::new(Callback::from(keep_inside))));
        }
        whole.node_ref = shown.place.clone();
        whole.into()
    }

    fn centre(&self) -> Vec<Html> {
        let model = self.model;
        let title =
            element("h2", &["id", "part", "tabindex"], &["_title", "title", "-1"], vec![text(model.text("ui.title"))]);
        let mut head = vec![title.into()];
        if self.shown.kind == Kind::Dialog {
            let close = element(
                "button",
                &["id", "class", "part", "aria-label"],
                &["_close", "close", "close", &model.text("ui.close")],
                vec![text("×")],
            );
            head.push(self.pressed(close, Action::Leave));
        }
        let mut middle = vec![paragraph("intro", model.text("banner.text")), self.change()];
        middle.extend(Group::ALL.into_iter().map(|group| self.group(group)));
        middle.extend([self.signals(), self.history(), self.rights(), self.contact()]);
        let doubt = match model.doubt() {
            Some(Doubt::All(targets)) => self.doubt(targets),
            _ => Html::default(),
        };
        let foot = vec![
            self.status(),
            classed("div", "live", vec![doubt]),
            classed(
                "div",
                "buttons",
                vec![
                    self.button("_accept", "button accept", "ui.accept", Action::SaveAll(Stance::Grant)),
                    self.button("", "button refuse", "ui.refuse", Action::SaveAll(Stance::Refuse)),
                    self.button("_save", "button save", "ui.save", Action::Save),
                ],
            ),
        ];
        vec![classed("div", "head", head), classed("div", "middle", middle), classed("div", "foot", foot)]
    }

    /// What became of a choice.
    pub(crate) fn status(&self) -> Html {
        let words = self.model.sync().map(|sync| self.model.text(sync.key())).unwrap_or_default();
        element("p", &["role", "part"], &["status", "status"], vec![text(words)]).into()
    }

    pub(crate) fn button(&self, id: &str, part: &str, key: &str, action: Action) -> Html {
        let button = element("button", &["id", "part"], &[id, part], vec![text(self.model.text(key))]);
        self.pressed(button, action)
    }

    pub(crate) fn pressed(&self, mut button: VTag, action: Action) -> Html {
        let act = self.shown.act.reform(move |_| action.clone());
        button.add_listener(Rc::new(onclick::Wrapper::new(act)));
        button.into()
    }
}

/// Sends the focus to the other end, where the browser would send it out of the page.
fn keep_inside(place: &NodeRef, event: &KeyboardEvent) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let other = match (&*target.id(), event.shift_key()) {
        ("_save", false) => "_close",
        ("_close" | "_title", true) => "_save",
        _ => return,
    };
    if event.key() == "Tab" {
        event.prevent_default();
        focus(place, other);
    }
}

/// Focuses what has that id there; else the title.
pub(crate) fn focus(place: &NodeRef, id: &str) {
    let Some(place) = place.cast::<Element>() else { return };
    let found = |id: &str| place.query_selector(&["[id=\"", id, "\"]"].concat()).ok()?;
    if let Some(element) = found(id).or_else(|| found("_title")).and_then(|found| found.dyn_into::<HtmlElement>().ok())
    {
        // Fails for no element that is in a document.
        let _ = element.focus();
    }
}
