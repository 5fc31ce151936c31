//! What is known besides the question itself: when, where, who and how.

use consentry_core::wire::{GuardianDoc, QuestionDoc};
use consentry_core::{
    Activity, AgeBand, AsOf, DataForm, DeviceId, Guardian, Jurisdiction, ModeId, PlanId, Question, Signal, Subject,
};

/// The circumstances of a question. Whoever asks vouches for them; what is left out is not known, and what is not known takes the strictest
/// reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// As of which time in the past; now if nothing is said. There is no permit for the past.
    pub as_of: Option<AsOf>,
    /// The device that the account is signed in on, so that both records count (R39).
    pub device: Option<DeviceId>,
    /// In which form the data would be used.
    pub form: Option<DataForm>,
    /// In which way of working it came about.
    pub mode: Option<ModeId>,
    /// Where the subject is.
    pub jurisdiction: Option<Jurisdiction>,
    /// How old the subject is.
    pub age: Option<AgeBand>,
    /// Who stands by a minor's choices.
    pub guardian: Option<Guardian>,
    /// The plan that the subject is on.
    pub plan: Option<PlanId>,
    /// What the subject's browser says right now: `Sec-GPC: 1`, for one.
    pub signal: Option<Signal>,
}

impl Circumstances {
    /// The question about this subject, in these circumstances.
    #[must_use]
    pub fn question(self, subject: Subject, question: Question) -> QuestionDoc {
        let Question { purpose, processor, data, activity } = question;
        let (as_of_ms, happened_by_ms) = match self.as_of {
            None => (None, None),
            Some(AsOf::Recorded(time)) => (Some(time), None),
            Some(AsOf::Happened(time)) => (None, Some(time)),
        };
        QuestionDoc {
            processor,
            data,
            // What is assumed if nothing is said, so that a question has one spelling.
            activity: (activity != Activity::Process).then_some(activity),
            device: self.device,
            form: self.form,
            mode: self.mode,
            jurisdiction: self.jurisdiction,
            age: self.age,
            guardian: self.guardian.map(|guardian| GuardianDoc { from_ms: guardian.from, until_ms: guardian.until }),
            plan: self.plan,
            signal: self.signal,
            as_of_ms,
            happened_by_ms,
            ..QuestionDoc::new(subject, purpose)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentry_core::{Context, Target, Time};

    #[test]
    fn a_question_says_what_is_known_and_nothing_else() {
        let subject: Subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().unwrap();
        let question = Question::about("downstream-ai/kling".parse::<Target>().unwrap());
        let now = Time::from_ms(2_000);
        let asked = Circumstances::default().question(subject, question.clone());
        assert_eq!((asked.question(), asked.context(now)), (question.clone(), Context::at(now)));
        let guardian = Guardian { from: Time::from_ms(1), until: Time::from_ms(9) };
        let known = Circumstances {
            as_of: Some(AsOf::Recorded(Time::from_ms(1_000))),
            device: "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().ok(),
            form: Some(DataForm::Anonymised),
            mode: "private".parse().ok(),
            jurisdiction: "US-CA".parse().ok(),
            age: Some(AgeBand::Fifteen),
            guardian: Some(guardian),
            plan: "premium".parse().ok(),
            signal: Some(Signal::Gpc),
        };
        let asked = known.clone().question(subject, Question { activity: Activity::Train, ..question });
        let context = asked.context(now);
        assert_eq!(context.now, Time::from_ms(1_000));
        assert_eq!((context.form, context.mode, context.plan), (known.form, known.mode, known.plan));
        assert_eq!((context.age, context.guardian, context.signal), (known.age, Some(guardian), known.signal));
        assert_eq!((context.jurisdiction, asked.device), (known.jurisdiction, known.device));
        assert_eq!(asked.question().activity, Activity::Train);
        let happened = Circumstances { as_of: Some(AsOf::Happened(Time::from_ms(7))), ..Circumstances::default() };
        let asked = happened.question(subject, asked.question());
        assert_eq!((asked.as_of_ms, asked.happened_by_ms), (None, Some(Time::from_ms(7))));
    }
}
