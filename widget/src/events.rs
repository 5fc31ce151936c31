//! The events that loader and widget send each other on `document`, as `docs/wire.md` has them.

use consentry_core::Time;
use consentry_core::wire::{CentreDoc, KnownChoiceDoc};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;
use web_sys::{CustomEvent, CustomEventInit, Document};

use crate::action::{Chosen, Sync};
use crate::from_js::from_js;
use crate::model::Model;

/// `consentry:open`: what the loader knows. None where it does not read as that, or is not version 1.
pub(crate) fn opened(detail: &JsValue) -> Option<Model> {
    let version = field(detail, "v").as_f64();
    let centre: CentreDoc = from_js(field(detail, "centre")).ok()?;
    // A stored choice that does not read is one that was never made; the centre must open all the same.
    let known: Option<KnownChoiceDoc> = from_js(field(detail, "choice")).ok();
    let now: Time = from_js(field(detail, "now_ms")).ok()?;
    if version == Some(1.0) { Model::open(centre, known, now).ok() } else { None }
}

/// `consentry:sync`: what became of a choice.
pub(crate) fn synced(detail: &JsValue) -> Option<Sync> {
    Sync::named(&field(detail, "state").as_string()?)
}

/// `consentry:choice`: what was chosen, and what the page may do by it.
pub(crate) fn send_choice(document: &Document, chosen: &Chosen) {
    let Chosen { choice, allowed, until } = chosen;
    let answering = choice.answering();
    let stances = object(&[]);
    for (target, stance) in choice.stances() {
        set(&stances, &target.to_string(), &stance.as_str().into());
    }
    let choice = object(&[
        ("id", choice.id().to_string().into()),
        ("policy", answering.policy.to_string().into()),
        ("notice", answering.notice.to_string().into()),
        ("language", answering.language.as_str().into()),
        ("surface", answering.surface.as_str().into()),
        ("stances", stances.into()),
    ]);
    let allowed: Array = allowed.iter().map(|target| JsValue::from(target.to_string())).collect();
    let until_ms = JsValue::from_f64(until.as_ms() as f64);
    send(
        document,
        "consentry:choice",
        &[("choice", choice.into()), ("allowed", allowed.into()), ("until_ms", until_ms)],
    );
}

/// `consentry:close`: the centre is gone.
pub(crate) fn send_close(document: &Document) {
    send(document, "consentry:close", &[]);
}

fn send(document: &Document, name: &str, fields: &[(&str, JsValue)]) {
    let detail = object(fields);
    set(&detail, "v", &1.into());
    let init = CustomEventInit::new();
    init.set_detail(&detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict(name, &init) {
        // Fails only for an event that is being sent already.
        let _ = document.dispatch_event(&event);
    }
}

fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Fails only for objects that are sealed; these are our own.
    let _ = Reflect::set(object, &name.into(), value);
}

fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}
