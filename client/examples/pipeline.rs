//! A training pipeline that cannot train on anybody who was not asked about.

use consentry_client::{Activity, Circumstances, DataId, Intent, Permit, PurposeId, RequireError, Subject, blocking};
use std::error::Error;
use std::io::{BufRead, Write};

/// Trains our own model on what people have typed.
enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
    const DATA: Option<DataId> = Some(DataId::named("prompts"));
    const ACTIVITY: Activity = Activity::Train;
}

/// Takes one person's prompts into the training set. Nobody can call this who has not asked.
fn train(permit: &Permit<Train>) {
    // Your code: read the prompts of `permit.subject()`, and do what `permit.obligations()` says.
    assert_eq!(permit.purpose(), &Train::PURPOSE);
}

/// Trains on those of a list (`device:…` or `account:…`, one a line) who allow it, and says how many they are.
pub(crate) fn run(url: &str, key: &str, list: impl BufRead, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let consent = blocking::remote(url, "adforge", key)?;
    let mut people: Vec<Subject> = Vec::new();
    for line in list.lines() {
        people.push(line?.parse()?);
    }
    let (all, mut trained) = (people.len(), 0);
    // Ten thousand of them in a request: those who are not in the answer are not looked at any further.
    for subject in consent.filter(Train::question(), Circumstances::default(), people)? {
        match consent.require_for::<Train>(subject?, Circumstances::default()) {
            Ok(permit) => {
                train(&permit);
                trained += 1;
            }
            // Somebody has changed their mind since the list was filtered.
            Err(RequireError::Denied(_)) => {}
            // An error is no permission: stop, rather than go on without an answer.
            Err(error) => return Err(error.into()),
        }
    }
    writeln!(out, "trained on {trained} of {all}")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("expected the server's address, such as http://127.0.0.1:8080")?;
    let key = std::env::var("CONSENTRY_KEY")?;
    run(&url, &key, std::io::stdin().lock(), &mut std::io::stdout())
}
