//! The wire's JSON: what is read is written again, and read again as the same.
#![no_main]

use consentry_core::wire::{AskDoc, CentreDoc, ChoiceDoc, EventDoc, KnownChoiceDoc, PolicyDoc, QuestionDoc};
use consentry_core::{Event, Parts, PolicyHash, Policy, PolicyHistory, Record, Time, decide};
use libfuzzer_sys::fuzz_target;

fn again<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(doc: &T) {
    let json = serde_json::to_string(doc).expect("what was read can be written");
    assert_eq!(&serde_json::from_str::<T>(&json).expect("what was written can be read"), doc);
}

fuzz_target!(|data: &[u8]| {
    if let Ok(doc) = serde_json::from_slice::<ChoiceDoc>(data) {
        again(&doc);
        let _ = doc.into_choice();
    }
    if let Ok(doc) = serde_json::from_slice::<EventDoc>(data)
        && let Ok(event) = Event::try_from(doc)
    {
        again(&EventDoc::from(&event));
        assert_eq!(Event::try_from(EventDoc::from(&event)).as_ref(), Ok(&event));
        let _ = Record::fold([&event]);
    }
    if let Ok(doc) = serde_json::from_slice::<QuestionDoc>(data) {
        again(&doc);
    }
    let _ = serde_json::from_slice::<AskDoc>(data);
    let _ = serde_json::from_slice::<KnownChoiceDoc>(data);
    if let Ok(doc) = serde_json::from_slice::<CentreDoc>(data) {
        again(&doc);
    }
    if let Ok(doc) = serde_json::from_slice::<PolicyDoc>(data) {
        again(&doc);
        let parts = Parts::from(doc);
        // Faults are found in anything, and what has none can be asked.
        if let Ok(policy) = Policy::new(parts, PolicyHash::from_bytes([0; 32])) {
            let targets: Vec<_> = policy.targets().collect();
            let history = PolicyHistory::from(policy);
            for target in targets.into_iter().take(20) {
                let question = consentry_core::Question::about(target);
                let context = consentry_core::Context::at(Time::from_ms(1));
                let _ = decide(&history, &Record::default(), &question, &context);
            }
            let _ = history.compile(Time::from_ms(1));
        }
    }
});
