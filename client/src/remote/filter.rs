//! Of a list of subjects, however long, those for whom it is allowed.
//!
//! The list goes to the server in pieces, each a request of its own. So an answer that breaks off is asked for again, nobody is handed out
//! before the whole of their piece has come, and neither side holds more of the list than two pieces.

use super::transport::MediaType;
use super::{Remote, Shared, retry, unreadable};
use crate::circumstances::Circumstances;
use crate::error::AskError;
use consentry_core::{DeviceId, Question, Subject};
use futures_util::stream::{self, Stream, StreamExt};
use hyper::body::Bytes;
use serde_json::Value;
use std::future::ready;

/// How many subjects go into a request.
pub(crate) const FILTERED_AT_ONCE_MAX: usize = 10_000;
/// How many requests are under way at once, so that the server does not wait for us.
const REQUESTS_MAX: usize = 2;
/// Length of a device's UUID, in bytes.
const UUID_BYTES: usize = 16;

impl Remote {
    /// Of these subjects those for whom it is allowed, in the same order and in constant memory. What is said of them is as fresh as their
    /// piece of the list (10 000 of them): whoever takes long over it asks for a permit before they act. `circumstances` are those of all of
    /// them.
    ///
    /// The stream ends after an error. Who has come until then is allowed; who has not, nobody knows.
    ///
    /// # Errors
    /// [`AskError::NotOfAList`] where the circumstances have a device or a guardian, which are one person's. In the stream, [`AskError`] where
    /// there is no answer.
    pub fn filter<S: Stream<Item = Subject> + Send>(
        &self,
        question: Question,
        circumstances: Circumstances,
        subjects: S,
    ) -> Result<impl Stream<Item = Result<Subject, AskError>> + Send + use<S>, AskError> {
        let target = target(question, circumstances)?;
        let remote = self.clone();
        let pieces = subjects.chunks(FILTERED_AT_ONCE_MAX).map(move |piece| {
            let (remote, target) = (remote.clone(), target.clone());
            async move { remote.filter_piece(&target, Chunk(piece)).await }
        });
        let answers = pieces.buffered(REQUESTS_MAX).scan(false, |has_failed, answer| {
            let goes_on = !std::mem::replace(has_failed, answer.is_err());
            ready(goes_on.then_some(answer))
        });
        Ok(answers.flat_map(|answer| {
            let each: Vec<Result<Subject, AskError>> = match answer {
                Ok(allowed) => allowed.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(each)
        }))
    }

    /// Those of one piece, which come whole or not at all.
    pub(crate) async fn filter_piece(&self, target: &str, piece: Chunk) -> Result<Vec<Subject>, AskError> {
        if piece.0.is_empty() {
            return Ok(Vec::new());
        }
        let Shared { address, transport, answer_within, clock, .. } = &*self.0;
        let (uri, (media_type, body)) = (address.of(target), piece.body());
        let send = || transport.post(uri.clone(), media_type, body.clone());
        piece.allowed(media_type, &retry::until_answered(*answer_within, clock, send).await?.body)
    }
}

/// The address of the list's question: its fields as docs/wire.md has them, which are letters, digits and hyphens.
pub(crate) fn target(question: Question, circumstances: Circumstances) -> Result<String, AskError> {
    for (field, is_said) in [("device", circumstances.device.is_some()), ("guardian", circumstances.guardian.is_some())]
    {
        if is_said {
            return Err(AskError::NotOfAList { field });
        }
    }
    // Of whom it is does not go into the address.
    let nobody = Subject::Account(consentry_core::AccountId::from_bytes([0; 32]));
    let doc = serde_json::to_value(circumstances.question(nobody, question)).map_err(|error| unreadable(&error))?;
    let fields = doc.as_object().into_iter().flatten().filter(|(name, _)| *name != "subject");
    let query: Vec<String> = fields
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    Ok(format!("filter?{}", query.join("&")))
}

/// A piece of the list.
pub(crate) struct Chunk(pub(crate) Vec<Subject>);

impl Chunk {
    /// In a quarter of the bytes where all are devices.
    fn body(&self) -> (MediaType, Bytes) {
        let mut uuids = Vec::with_capacity(self.0.len() * UUID_BYTES);
        for subject in &self.0 {
            match subject {
                Subject::Device(device) => uuids.extend_from_slice(device.as_bytes()),
                Subject::Account(_) => {
                    let lines: String = self.0.iter().map(|subject| format!("{subject}\n")).collect();
                    return (MediaType::Lines, lines.into());
                }
            }
        }
        (MediaType::Uuids, uuids.into())
    }

    /// Who is in the answer. They must be of this piece and in its order: whoever says more than was asked is not believed in the rest.
    fn allowed(&self, media_type: MediaType, body: &[u8]) -> Result<Vec<Subject>, AskError> {
        let mut asked = self.0.iter();
        let allowed = subjects(media_type, body).ok_or_else(|| unreadable(&"something in it is no subject"))?;
        if allowed.iter().all(|subject| asked.any(|other| other == subject)) {
            Ok(allowed)
        } else {
            Err(unreadable(&"it names somebody who was not asked about, or in another order"))
        }
    }
}

fn subjects(media_type: MediaType, body: &[u8]) -> Option<Vec<Subject>> {
    match media_type {
        MediaType::Uuids => {
            let (uuids, rest) = body.as_chunks::<UUID_BYTES>();
            let devices = uuids.iter().map(|uuid| DeviceId::from_bytes(*uuid).map(Subject::Device));
            if rest.is_empty() { devices.collect() } else { None }
        }
        MediaType::Lines | MediaType::Json => {
            let text = std::str::from_utf8(body).ok()?;
            // The last line ends, too, or it has broken off.
            (text.is_empty() || text.ends_with('\n')).then_some(())?;
            text.lines().map(|line| line.parse().ok()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentry_core::{AsOf, Guardian, Signal, Target, Time};

    fn device(number: u8) -> Subject {
        format!("device:7f9c0c52-7a41-4f5e-9d0e-0000000000{number:02x}").parse().unwrap()
    }

    #[test]
    fn the_question_stands_in_the_address_without_anybody() {
        let question = Question::about("downstream-ai/kling".parse::<Target>().unwrap());
        let circumstances = Circumstances {
            jurisdiction: "US-CA".parse().ok(),
            signal: Some(Signal::Gpc),
            as_of: Some(AsOf::Recorded(Time::from_ms(7))),
            ..Circumstances::default()
        };
        let target = target(question, circumstances).unwrap();
        let fields: std::collections::BTreeSet<&str> = target.strip_prefix("filter?").unwrap().split('&').collect();
        let expected = ["as_of_ms=7", "jurisdiction=US-CA", "processor=kling", "purpose=downstream-ai", "signal=gpc"];
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_one_persons_is_not_said_of_a_list() {
        let question = Question::about("downstream-ai".parse::<Target>().unwrap());
        let Subject::Device(id) = device(1) else { panic!("a device") };
        let guardian = Guardian { from: Time::from_ms(1), until: Time::from_ms(2) };
        for (field, circumstances) in [
            ("device", Circumstances { device: Some(id), ..Circumstances::default() }),
            ("guardian", Circumstances { guardian: Some(guardian), ..Circumstances::default() }),
        ] {
            assert_eq!(target(question.clone(), circumstances), Err(AskError::NotOfAList { field }));
        }
    }

    #[test]
    fn who_is_in_an_answer_must_have_been_asked_about_and_in_this_order() {
        let piece = Chunk([1, 2, 2, 3].map(device).into());
        for (answered, is_believed) in [
            (vec![], true),
            (vec![1, 2, 2, 3], true),
            (vec![2, 3], true),
            (vec![3, 2], false),
            (vec![1, 1], false),
            (vec![4], false),
        ] {
            for media_type in [MediaType::Uuids, MediaType::Lines] {
                let answer = Chunk(answered.iter().copied().map(device).collect());
                let body = match media_type {
                    MediaType::Lines => {
                        answer.0.iter().map(|subject| format!("{subject}\n")).collect::<String>().into()
                    }
                    MediaType::Uuids | MediaType::Json => answer.body().1,
                };
                assert_eq!(piece.allowed(media_type, &body).is_ok(), is_believed, "{answered:?}");
            }
        }
    }

    #[test]
    fn half_a_subject_is_none() {
        let piece = Chunk([1, 2].map(device).into());
        let (media_type, body) = piece.body();
        assert!(piece.allowed(media_type, &body).is_ok());
        assert!(piece.allowed(media_type, &body[..31]).is_err());
        let account = Subject::Account(consentry_core::AccountId::from_bytes([7; 32]));
        let piece = Chunk(vec![device(1), account]);
        let (media_type, body) = piece.body();
        assert_eq!(media_type, MediaType::Lines);
        assert!(piece.allowed(media_type, &body).is_ok());
        for length in [1, body.len() - 1, body.len() - 2] {
            assert!(piece.allowed(media_type, &body[..length]).is_err(), "{length}");
        }
    }
}
