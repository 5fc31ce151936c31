//! How the preference centre looks: a function of the [`Model`], and nothing besides.
//!
//! One component, since every further one is more for every visitor to fetch. It keeps no state, reads no clock and fetches
//! nothing; what a person does leaves through [`Shown::act`].

use std::cell::RefCell;
use std::rc::Rc;

use consentry_core::{Processor, Purpose, Stance, Target};
use web_sys::{HtmlDialogElement, HtmlElement, KeyboardEvent, MouseEvent};
use yew::{AttrValue, Callback, Component, Context, Html, NodeRef, Properties, html};

use crate::action::Action;
use crate::model::{Group, Model, Position};

/// What is shown, and who is told what a person does.
#[derive(Debug, Clone, Properties)]
pub struct Shown {
    /// What to show. After it has changed, the component wants a message.
    pub model: Rc<RefCell<Model>>,
    /// Told each action.
    pub act: Callback<Action>,
    /// Becomes the dialog.
    pub dialog: NodeRef,
    /// Becomes the dialog's title, which takes the focus.
    pub title: NodeRef,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.model, &other.model)
    }
}

/// The preference centre. A message makes it show the model anew.
#[derive(Debug)]
pub struct Centre {
    /// The first button and the last, between which Tab wraps.
    ends: [NodeRef; 2],
}

impl Component for Centre {
    type Message = ();
    type Properties = Shown;

    fn create(_: &Context<Self>) -> Self {
        Self { ends: Default::default() }
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let shown = context.props();
        View { model: &shown.model.borrow(), shown, ends: &self.ends }.dialog()
    }

    fn rendered(&mut self, context: &Context<Self>, first: bool) {
        let Shown { dialog, title, .. } = context.props();
        if let (true, Some(dialog)) = (first, dialog.cast::<HtmlDialogElement>()) {
            // Fails only for a dialog that is open or not in a document, and this one is neither.
            let _ = dialog.show_modal();
            focus(title);
        }
    }
}

struct View<'a> {
    model: &'a Model,
    shown: &'a Shown,
    ends: &'a [NodeRef; 2],
}

impl View<'_> {
    /// Escape and a click beside the dialog close it (`closedby`); what closes it otherwise are its buttons.
    fn dialog(&self) -> Html {
        let Self { model, shown, ends: [close, save] } = self;
        html! {
            <dialog ref={shown.dialog.clone()} role="dialog" aria-modal="true" aria-labelledby="_title" closedby="any"
                lang={model.language().to_owned()} dir={model.direction().to_owned()}
                onclose={shown.act.reform(|_| Action::Leave)}>
                <div class="head" onkeydown={on_tab(save, KeyboardEvent::shift_key)}>
                    <h2 id="_title" tabindex="-1" ref={shown.title.clone()}>{ model.text("ui.title") }</h2>
                    <button ref={close.clone()} class="close" aria-label={model.text("ui.close")}
                        onclick={self.on_click(Action::Leave)}>{ "×" }</button>
                </div>
                <div class="middle">
                    <p>{ model.text("banner.text") }</p>
                    { for Group::ALL.into_iter().map(|group| self.group(group)) }
                    { self.contact() }
                </div>
                <div class="foot">
                    <p role="status">{ model.sync().map(|sync| model.text(sync.key())) }</p>
                    <div class="buttons">
                        { self.button("ui.accept", Action::SaveAll(Stance::Grant)) }
                        { self.button("ui.refuse", Action::SaveAll(Stance::Refuse)) }
                        <button ref={save.clone()} onclick={self.on_click(Action::Save)}
                            onkeydown={on_tab(close, |event| !event.shift_key())}>{ model.text("ui.save") }</button>
                    </div>
                </div>
            </dialog>
        }
    }

    fn button(&self, key: &str, action: Action) -> Html {
        html! { <button onclick={self.on_click(action)}>{ self.model.text(key) }</button> }
    }

    fn group(&self, group: Group) -> Html {
        let purposes: Vec<&Purpose> = self.model.purposes(group).collect();
        let name = self.model.text(group.key());
        let says_its_name = |purpose: &Purpose| self.title(purpose) == name;
        match purposes.as_slice() {
            [] => Html::default(),
            // A heading over a single purpose of the same name would say it twice.
            [purpose] if says_its_name(purpose) => html! { <section>{ self.purpose(purpose, h3) }</section> },
            purposes => html! {
                <section>
                    <h3 class="group">{ name }</h3>
                    { for purposes.iter().map(|purpose| self.purpose(purpose, h4)) }
                </section>
            },
        }
    }

    fn purpose(&self, purpose: &Purpose, heading: fn(String, String) -> Html) -> Html {
        let model = self.model;
        let target = Target::purpose(purpose.id.clone());
        let text = |name: &str| model.text(&["purpose.", purpose.id.as_str(), name].concat());
        let mut processors = model.processors(purpose).peekable();
        html! {
            <div class="purpose">
                <div class="row">
                    { heading(target.to_string(), self.title(purpose)) }
                    { self.switch(&target) }
                </div>
                { self.stops(&target) }
                <p>{ text(".text") }</p>
                <p class="quiet">{ text(".details") }<br />{ text(".basis") }</p>
                if processors.peek().is_some() {
                    <ul>{ for processors.map(|processor| self.processor(purpose, processor)) }</ul>
                }
            </div>
        }
    }

    fn processor(&self, purpose: &Purpose, processor: &Processor) -> Html {
        let model = self.model;
        let target = Target::processor(purpose.id.clone(), processor.id.clone());
        let name = target.to_string();
        let text = |name: &str| model.text(&["processor.", processor.id.as_str(), name].concat());
        let facts = [
            ("ui.gets", model.text(&["gets.", &name].concat())),
            ("ui.use", text(".use")),
            ("ui.trains", text(".trains")),
            ("ui.own-use", text(".own-use")),
            ("ui.kept", text(".kept")),
            ("ui.where", text(".where")),
        ];
        let fact = |(key, fact)| html! { <div><dt>{ model.text(key) }</dt><dd>{ fact }</dd></div> };
        html! {
            <li>
                <div class="row">
                    <strong id={name}>{ text(".name") }</strong>
                    { self.switch(&target) }
                </div>
                { self.stops(&target) }
                <dl>{ for facts.into_iter().map(fact) }</dl>
            </li>
        }
    }

    /// Named by its target's title, which never changes; the word beside it is for the eye, `aria-checked` says the same.
    fn switch(&self, target: &Target) -> Html {
        let Some(position) = self.model.position(target) else {
            return html! { <span class="state">{ self.model.text("ui.always") }</span> };
        };
        let (checked, key) = match position {
            Position::On => ("true", "ui.on"),
            Position::Off | Position::Locked => ("false", "ui.off"),
        };
        html! {
            <>
                <span class="state" aria-hidden="true">{ self.model.text(key) }</span>
                <button role="switch" aria-checked={checked} aria-labelledby={target.to_string()}
                    aria-disabled={(position == Position::Locked).then_some("true")}
                    onclick={self.on_click(Action::Toggle(target.clone()))}><i /></button>
            </>
        }
    }

    /// Always there, though mostly empty: a live region is heard only if it was there before its words.
    fn stops(&self, target: &Target) -> Html {
        let lost: Vec<String> = self
            .model
            .stops(target)
            .map(|feature| self.model.text(&["feature.", feature.id.as_str()].concat()))
            .collect();
        html! {
            <p class="stops" aria-live="polite">
                if !lost.is_empty() {
                    { [self.model.text("ui.stops"), lost.join(", ")].join(": ") }
                }
            </p>
        }
    }

    fn contact(&self) -> Html {
        let controller = self.model.controller();
        let address = AttrValue::from(controller.contact.to_string());
        let shown = address.strip_prefix("mailto:").unwrap_or(&address).to_owned();
        html! {
            <p class="quiet">
                { self.model.text("ui.contact") }{ " " }{ controller.name.to_string() }{ ", " }<a href={address}>{ shown }</a>
            </p>
        }
    }

    fn title(&self, purpose: &Purpose) -> String {
        self.model.text(&["purpose.", purpose.id.as_str(), ".title"].concat())
    }

    fn on_click(&self, action: Action) -> Callback<MouseEvent> {
        self.shown.act.reform(move |_| action.clone())
    }
}

fn h3(id: String, text: String) -> Html {
    html! { <h3 id={id}>{ text }</h3> }
}

fn h4(id: String, text: String) -> Html {
    html! { <h4 id={id}>{ text }</h4> }
}

/// Sends the focus to the other end, where the browser would send it out of the page.
fn on_tab(to: &NodeRef, leaves: fn(&KeyboardEvent) -> bool) -> Callback<KeyboardEvent> {
    let to = to.clone();
    Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Tab" && leaves(&event) {
            event.prevent_default();
            focus(&to);
        }
    })
}

pub(crate) fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // Fails for no element that is in a document.
        let _ = element.focus();
    }
}
