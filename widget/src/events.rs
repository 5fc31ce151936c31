//! The events that loader and widget send each other on `document`, as `docs/wire.md` has them.

use consentry_core::wire::{CentreDoc, KnownChoiceDoc};
use consentry_core::{Demand, EventId, Stance, Surface, Target, Time};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, CustomEventInit, Document};

use crate::action::{Answer, Chosen, Sync};
use crate::from_js::from_js;
use crate::known::{BrowserSignal, Earlier, Known, Told, What};
use crate::model::{AfterDemand, Model};
use crate::rights::Right;

/// What every event that shows something brings: the centre, and what is known of the visitor. None where it does not read as that, or
/// is not version 1.
pub(crate) fn opened(detail: &JsValue) -> Option<Model> {
    let version = field(detail, "v").as_f64();
    let centre: CentreDoc = from_js(field(detail, "centre")).ok()?;
    let now: Time = from_js(field(detail, "now_ms")).ok()?;
    let told = ["choices", "demands"].into_iter().flat_map(|name| told(&field(detail, name)));
    let known = Known {
        told: told.collect(),
        earlier: earlier(field(detail, "earlier")),
        signal: signal(&field(detail, "signal"), now),
        has_server: field(detail, "server").is_truthy(),
    };
    if version == Some(1.0) { Model::open(centre, known, now).ok() } else { None }
}

/// What happened, as it is stored or as the server's record has it. What does not read never happened; the centre must open
/// all the same.
pub(crate) fn told(list: &JsValue) -> Vec<Told> {
    elements(list).filter_map(|value| told_by(&value)).collect()
}

fn told_by(value: &JsValue) -> Option<Told> {
    let has = |name: &str| !field(value, name).is_undefined();
    let what = if let Some(kind) = field(value, "demand").as_string() {
        let demand = Demand { kind: kind.parse().ok()?, purpose: None, stands: !field(value, "lifted").is_truthy() };
        // About one purpose: not of what this centre offers, and left to the server's decisions.
        if has("purpose") {
            return None;
        }
        What::Demanded(demand)
    } else if has("signal") {
        What::Signalled
    } else {
        // The record has the choice beside its time; what is stored has its time within.
        let whole = Object::assign(&Object::new(), value.unchecked_ref());
        let whole = Object::assign(&whole, field(value, "choice").unchecked_ref());
        What::Chosen(from_js::<KnownChoiceDoc>(whole.into()).ok()?)
    };
    Some(Told { at: from_js(field(value, "at_ms")).ok()?, what, is_kept: has("receipt") || has("seq") })
}

fn earlier(by_policy: JsValue) -> Vec<Earlier> {
    let Ok(by_policy) = by_policy.dyn_into::<Object>() else { return Vec::new() };
    let read = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        let then = entry.get(1);
        // One for each target that is asked: those of one purpose have the same, and come together.
        let mut lines: Vec<String> = elements(&field(&then, "lines")).filter_map(|line| line.as_string()).collect();
        lines.dedup();
        Earlier {
            policy: from_js(entry.get(0)).ok(),
            ends: targets(&field(&then, "ends")),
            asks: targets(&field(&then, "asks")),
            lines,
            from: field(&then, "from").as_string(),
        }
    };
    Object::entries(&by_policy).to_vec().into_iter().map(read).collect()
}

fn targets(list: &JsValue) -> Vec<Target> {
    elements(list).filter_map(|target| from_js(target).ok()).collect()
}

fn elements(list: &JsValue) -> impl Iterator<Item = JsValue> {
    list.clone().dyn_into::<Array>().unwrap_or_default().to_vec().into_iter()
}

/// A signal of which no record is known came now: whatever is chosen after it is chosen in spite of it (R25).
fn signal(value: &JsValue, now: Time) -> BrowserSignal {
    if value.is_object() {
        return BrowserSignal::Honoured(from_js(field(value, "at_ms")).unwrap_or(now));
    }
    let navigator = field(&js_sys::global(), "navigator");
    if field(&navigator, "globalPrivacyControl").is_truthy() { BrowserSignal::NotHere } else { BrowserSignal::None }
}

/// `consentry:set`: what the page says, and on which surface.
pub(crate) fn set(detail: &JsValue) -> Option<(Surface, Vec<(Target, Stance)>)> {
    let stances = field(detail, "stances").dyn_into::<Object>().ok()?;
    let read = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        Some((from_js(entry.get(0)).ok()?, from_js(entry.get(1)).ok()?))
    };
    Some((from_js(field(detail, "surface")).ok()?, Object::entries(&stances).iter().map(read).collect::<Option<_>>()?))
}

/// `consentry:sync`: what became of a choice.
pub(crate) fn synced(detail: &JsValue) -> Option<Sync> {
    Sync::named(&field(detail, "state").as_string()?)
}

/// `consentry:done`: what became of a right.
pub(crate) fn answered(detail: &JsValue) -> Option<(Right, Answer)> {
    let answer = match (field(detail, "ok").is_truthy(), field(detail, "lifted").is_truthy()) {
        (false, _) => Answer::Failed,
        (true, false) => Answer::Done,
        (true, true) => Answer::Lifted,
    };
    Some((Right::named(&field(detail, "right").as_string()?)?, answer))
}

/// `consentry:choice`: what was chosen, and what the page may do by it.
pub(crate) fn send_choice(document: &Document, chosen: &Chosen) {
    let Chosen { choice, allowed, until, ask } = chosen;
    let answering = choice.answering();
    let stances = object(&[]);
    for (target, stance) in choice.stances() {
        set_field(&stances, &target.to_string(), &stance.as_str().into());
    }
    let choice = object(&[
        ("id", choice.id().to_string().into()),
        ("policy", answering.policy.to_string().into()),
        ("notice", answering.notice.to_string().into()),
        ("language", answering.language.as_str().into()),
        ("surface", answering.surface.as_str().into()),
        ("stances", stances.into()),
    ]);
    if answering.confirmed {
        set_field(&choice, "confirmed", &true.into());
    }
    let ms = |time: &Time| JsValue::from_f64(time.as_ms() as f64);
    let fields =
        [("choice", choice.into()), ("allowed", names(allowed).into()), ("until_ms", ms(until)), ("ask_ms", ms(ask))];
    send(document, "consentry:choice", &fields);
}

/// `consentry:close`: the centre is gone.
pub(crate) fn send_close(document: &Document) {
    send(document, "consentry:close", &[]);
}

/// `consentry:demand`: somebody uses a right, or lifts it, and what the page may do by it.
pub(crate) fn send_demand(document: &Document, right: Right, lifted: bool, after: Option<&AfterDemand>) {
    let list = |of: fn(&AfterDemand) -> &[Target]| after.map(|after| names(of(after)).into()).unwrap_or_default();
    let (ends, allowed) = (list(|after| &after.ends), list(|after| &after.allowed));
    let fields = [("right", right.as_str().into()), ("lifted", lifted.into()), ("ends", ends), ("allowed", allowed)];
    send(document, "consentry:demand", &fields);
}

fn names(targets: &[Target]) -> Array {
    targets.iter().map(|target| JsValue::from(target.to_string())).collect()
}

/// `consentry:receipt`: somebody wants the receipt of that choice.
pub(crate) fn send_receipt(document: &Document, choice: EventId) {
    send(document, "consentry:receipt", &[("id", choice.to_string().into())]);
}

fn send(document: &Document, name: &str, fields: &[(&str, JsValue)]) {
    let detail = object(fields);
    set_field(&detail, "v", &1.into());
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
        set_field(&object, name, value);
    }
    object
}

fn set_field(object: &Object, name: &str, value: &JsValue) {
    // Fails only for objects that are sealed; these are our own.
    let _ = Reflect::set(object, &name.into(), value);
}

pub(crate) fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}
