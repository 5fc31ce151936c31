//! What each site promises, one test a promise: said in its policy, shown in its notice, and held by the decision.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

use consentry_core::law::Right;
use consentry_core::source::{Published, SourceFile};
use consentry_core::{
    Activity, AgeBand, Announcement, Answering, Asking, Change, Choice, Context, Control, DataForm, Decision, Demand,
    DemandKind, Draft, Event, EventId, EventKind, Jurisdiction, LegalBasis, Obligation, OwnUse, PolicyHistory, Purpose,
    PurposeKind, Question, Reason, Record, Regime, Retention, Safeguard, Signal, Stance, Subject, Surface, Target,
    Time, Training, Version, change_of, decide, to_ask,
};
use consentry_tests::corpus::on_disk;

const NOW: Time = Time::from_ms(1_780_000_000_000);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

struct Site(Published);

fn site(name: &str) -> Site {
    let folder = on_disk::root().join("policies").join(name);
    Site(Published::parse(&on_disk::sources(&folder)).unwrap_or_else(|errors| panic!("{errors:#?}")))
}

fn target(text: &str) -> Target {
    text.parse().expect("a target")
}

fn id(number: u8) -> EventId {
    EventId::from_parts(NOW.as_ms(), &[number; 10])
}

fn place(code: &str) -> Context {
    let jurisdiction: Jurisdiction = code.parse().expect("a place");
    Context { jurisdiction: Some(jurisdiction), ..Context::at(NOW) }
}

fn nowhere() -> Context {
    Context::at(NOW)
}

impl Site {
    fn purpose(&self, id: &str) -> &Purpose {
        self.0.policy.purpose(&id.parse().expect("a name")).unwrap_or_else(|| panic!("no purpose {id}"))
    }

    fn processor(&self, id: &str) -> &consentry_core::Processor {
        self.0.policy.processor(&id.parse().expect("a name")).unwrap_or_else(|| panic!("no processor {id}"))
    }

    /// A choice made a day ago in the preference centre.
    fn chosen(&self, stances: &[(&str, Stance)]) -> Event {
        let notice = self.0.notices.first().expect("a notice");
        let answering = Answering {
            policy: self.0.policy.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: Surface::Centre,
            confirmed: false,
        };
        let draft = stances.iter().fold(Draft::new(answering), |draft, (t, s)| draft.with(target(t), *s));
        let choice = draft.commit(&self.0.history, id(1)).expect("a choice");
        Event { at: Time::from_ms(NOW.as_ms() - DAY_MS), kind: EventKind::Chosen(choice) }
    }

    fn granted(&self, targets: &[&str]) -> Record {
        Record::fold(&[self.chosen(&targets.iter().map(|t| (*t, Stance::Grant)).collect::<Vec<_>>())])
    }

    fn ask(&self, about: &str, record: &Record, context: &Context) -> Decision {
        decide(&self.0.history, record, &Question::about(target(about)), context)
    }

    fn text<'a>(&'a self, language: &str, regime: Regime, key: &'a str) -> &'a str {
        let notice = self.0.notice(&language.parse().expect("a language"), regime).expect("a notice");
        let found = notice.texts.get(key);
        assert_ne!(found.len(), 0, "{key}");
        assert!(notice.texts.0.iter().any(|(k, _)| **k == *key), "no text {key} in {language}");
        found
    }

    /// A switch that starts off everywhere.
    fn is_opt_in_everywhere(&self, id: &str) {
        let purpose = self.purpose(id);
        for regime in Regime::ALL {
            assert_eq!(purpose.terms_in(*regime).control, Control::OptIn, "{id} in {regime}");
            assert_eq!(purpose.terms_in(*regime).basis, LegalBasis::Consent, "{id} in {regime}");
        }
        for context in [nowhere(), place("DE"), place("GB"), place("US-VA")] {
            assert_eq!(self.ask(id, &Record::default(), &context).reason, Reason::NotGiven, "{id}");
            assert_eq!(self.ask(id, &self.granted(&[id]), &context).reason, Reason::Given, "{id}");
        }
        self.text("en", Regime::OptIn, &format!("purpose.{id}.line"));
    }

    /// A switch that starts off where nothing may start on, and on where the law allows it.
    fn is_opt_out_where_allowed(&self, id: &str) {
        assert_eq!(self.ask(id, &Record::default(), &place("DE")).reason, Reason::NotGiven, "{id}");
        assert_eq!(self.ask(id, &Record::default(), &nowhere()).reason, Reason::NotGiven, "{id}");
        assert_eq!(self.ask(id, &Record::default(), &place("US-VA")).reason, Reason::NotObjected, "{id}");
        let refused = Record::fold(&[self.chosen(&[(id, Stance::Refuse)])]);
        assert_eq!(self.ask(id, &refused, &place("US-VA")).reason, Reason::Objected, "{id}");
    }

    /// Told, with a reason, and without a switch.
    fn is_notified(&self, id: &str) {
        assert_eq!(self.ask(id, &Record::default(), &nowhere()).reason, Reason::Notified, "{id}");
        assert!(self.0.policy.choosable().all(|t| t.purpose != self.purpose(id).id), "{id}");
        self.text("en", Regime::OptIn, &format!("purpose.{id}.basis"));
    }
}

fn on(record: &mut Record, demand: DemandKind, purpose: Option<&str>) {
    let purpose = purpose.map(|id| id.parse().expect("a name"));
    let demand = Demand { kind: demand, purpose, stands: true };
    record.apply(&Event { at: NOW, kind: EventKind::Demanded(id(9), demand) });
}

// ── icecone ─────────────────────────────────────────────────────────────────────────────────────

#[test]
fn p1_four_optional_uses_are_four_switches_that_start_off() {
    let icecone = site("icecone");
    let four = ["social-connections", "feedback", "marketing", "beta"];
    for purpose in four {
        icecone.is_opt_in_everywhere(purpose);
        let alone = icecone.granted(&[purpose]);
        for other in four.into_iter().filter(|other| *other != purpose) {
            assert_eq!(icecone.ask(other, &alone, &nowhere()).reason, Reason::NotGiven, "{other} by {purpose}");
        }
    }
}

#[test]
fn p2_improving_algorithms_is_training_and_off_until_somebody_agrees() {
    let icecone = site("icecone");
    assert_eq!(icecone.purpose("ai-training").kind, PurposeKind::Training);
    icecone.is_opt_in_everywhere("ai-training");
}

#[test]
fn p3_five_processors_each_with_its_data_and_its_duties() {
    let icecone = site("icecone");
    let everything: Vec<String> =
        ["openai", "flux", "runway", "hailuo", "kling"].map(|p| format!("downstream-ai/{p}")).into();
    let mut grants: Vec<&str> = everything.iter().map(String::as_str).collect();
    grants.push("downstream-ai");
    let record = icecone.granted(&grants);
    for about in &everything {
        let decision = icecone.ask(about, &record, &nowhere());
        assert_eq!(decision.reason, Reason::Given, "{about}");
        for duty in [Obligation::DeleteAfterUse, Obligation::NoTraining, Obligation::NoOwnUse] {
            assert!(decision.obligations.contains(&duty), "{about}: {duty:?}");
        }
        let processor = about.strip_prefix("downstream-ai/").expect("a processor");
        for key in ["use", "trains", "kept", "where", "own-use"] {
            icecone.text("en", Regime::OptIn, &format!("processor.{processor}.{key}"));
        }
        icecone.text("en", Regime::OptIn, &format!("gets.{about}"));
    }
    let openai = icecone.ask("downstream-ai/openai", &record, &nowhere());
    assert!(openai.obligations.contains(&Obligation::RequestFlag("store".into(), "false".into())));
    // FLUX gets image prompts, and nothing of what the others get.
    let usage = icecone.processor("flux").use_for(&"downstream-ai".parse().expect("a name")).expect("a use");
    assert_eq!(usage.data.iter().map(|d| d.as_str()).collect::<Vec<_>>(), ["image-prompts"]);
}

#[test]
fn p4_no_provider_trains_whatever_anybody_grants() {
    let icecone = site("icecone");
    assert!(icecone.0.policy.parts().never.processors.contains(&Activity::Train));
    let everything: Vec<Target> = icecone.0.policy.choosable().collect();
    let names: Vec<String> = everything.iter().map(Target::to_string).collect();
    let record = icecone.granted(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for processor in &icecone.0.policy.parts().processors {
        assert_eq!(processor.trains, Training::Never);
        for purpose in &icecone.0.policy.parts().purposes {
            let question = Question {
                activity: Activity::Train,
                ..Question::about(Target::processor(purpose.id.clone(), processor.id.clone()))
            };
            assert!(
                !decide(&icecone.0.history, &record, &question, &nowhere()).allows(),
                "{} {}",
                purpose.id,
                processor.id
            );
        }
    }
    // A policy that contradicts itself is refused, with both places.
    let mut files = on_disk::sources(&on_disk::root().join("policies/icecone"));
    let policy = files.iter_mut().find(|f| f.name == "policy.toml").expect("a policy");
    *policy = SourceFile {
        text: policy.text.replacen("trains = \"never\"", "trains = \"with-consent\"", 1),
        ..policy.clone()
    };
    let errors = Published::parse(&files).expect_err("must be refused");
    assert!(errors.iter().any(|e| e.message.contains("no processor may: `train`") && e.note.is_some()), "{errors:#?}");
}

#[test]
fn p5_important_updates_are_told_and_advertising_is_asked() {
    let icecone = site("icecone");
    icecone.is_notified("service-updates");
    icecone.is_notified("security-alerts");
    icecone.is_opt_in_everywhere("marketing");
}

#[test]
fn p6_restriction_and_objection_change_decisions_at_once() {
    let icecone = site("icecone");
    let mut record = icecone.granted(&["marketing", "personalisation"]);
    on(&mut record, DemandKind::Objection, None);
    assert_eq!(icecone.ask("marketing", &record, &nowhere()).reason, Reason::Objected);
    assert_eq!(icecone.ask("personalisation", &record, &nowhere()).reason, Reason::Given);
    on(&mut record, DemandKind::Restriction, Some("personalisation"));
    assert_eq!(icecone.ask("personalisation", &record, &nowhere()).reason, Reason::Restricted);
    on(&mut record, DemandKind::Erasure, None);
    assert_eq!(icecone.ask("service-updates", &record, &nowhere()).reason, Reason::Erased);
    for right in
        [Right::Access, Right::Rectification, Right::Erasure, Right::Portability, Right::Restriction, Right::Objection]
    {
        assert!(icecone.0.policy.law(place("DE").jurisdiction.as_ref()).rights.contains(&right), "{right}");
    }
}

#[test]
fn p7_nothing_is_sold_and_another_controller_asks_again() {
    let icecone = site("icecone");
    assert!(icecone.0.policy.parts().never.purposes.contains(&PurposeKind::Sale));
    assert!(icecone.0.policy.parts().purposes.iter().all(|p| p.kind != PurposeKind::Sale));
    let mut parts = icecone.0.policy.parts().clone();
    parts.controller.name = "Whoever bought IceCone".into();
    let hash = consentry_core::PolicyHash::from_bytes([1; 32]);
    let sold = consentry_core::Policy::new(parts, hash).expect("a policy");
    for target in sold.choosable().filter(|t| t.processor.is_none()) {
        assert_eq!(change_of(&icecone.0.policy, &sold, &target), Change::Widened, "{target}");
    }
    let version = |policy, effective| Version { policy, published: effective, effective };
    let history = PolicyHistory::starting(version(icecone.0.policy.clone(), Time::from_ms(0)))
        .then(version(sold, Time::from_ms(NOW.as_ms() - 1)))
        .expect("a history");
    let record = icecone.granted(&["beta"]);
    let decision = decide(&history, &record, &Question::about(target("beta")), &nowhere());
    assert_eq!(decision.reason, Reason::PolicyReplaced);
}

#[test]
fn p8_seventeen_languages_and_somebody_to_write_to() {
    let icecone = site("icecone");
    assert!(icecone.0.languages().count() >= 16);
    assert!(icecone.0.policy.parts().controller.officer.is_some());
    for language in icecone.0.languages() {
        for regime in Regime::ALL {
            let notice = icecone.0.notice(language, *regime).expect("a notice");
            let english = icecone.0.notice(&"en".parse().expect("a language"), *regime).expect("a notice");
            let keys =
                |n: &consentry_core::notice::Notice| n.texts.0.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
            assert_eq!(keys(notice), keys(english), "{language}");
        }
    }
}

// ── ai-figurine ─────────────────────────────────────────────────────────────────────────────────

#[test]
fn p9_improving_models_is_off_until_agreed_and_can_be_withdrawn() {
    let figurine = site("ai-figurine");
    figurine.is_opt_in_everywhere("ai-training");
    let events =
        [figurine.chosen(&[("ai-training", Stance::Grant)]), figurine.chosen(&[("ai-training", Stance::Refuse)])];
    assert_eq!(figurine.ask("ai-training", &Record::fold(&events), &nowhere()).reason, Reason::Withdrawn);
}

#[test]
fn p10_uploads_are_deleted_within_24_hours() {
    let figurine = site("ai-figurine");
    let day = Obligation::DeleteWithin("24 hours".parse().expect("a period"));
    let record = figurine.granted(&["figurine-generation", "figurine-generation/gemini"]);
    for about in ["figurine-generation", "figurine-generation/gemini"] {
        assert!(figurine.ask(about, &record, &nowhere()).obligations.contains(&day), "{about}");
    }
}

#[test]
fn p11_no_recipient_has_ends_of_its_own() {
    let figurine = site("ai-figurine");
    assert!(figurine.0.policy.parts().never.processors.contains(&Activity::OwnEnds));
    let names: Vec<String> = figurine.0.policy.choosable().map(|t| t.to_string()).collect();
    let record = figurine.granted(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for processor in ["gemini", "stripe", "storage", "analytics-provider"] {
        assert_eq!(figurine.processor(processor).own_use, OwnUse::Never);
        let usage = figurine.processor(processor).uses.first().expect("a use");
        let target = Target::processor(usage.purpose.clone(), figurine.processor(processor).id.clone());
        let question = Question { activity: Activity::OwnEnds, ..Question::about(target) };
        let decision = decide(&figurine.0.history, &record, &question, &nowhere());
        assert_eq!(decision.reason, Reason::OwnUseExcluded, "{processor}");
    }
}

#[test]
fn p12_service_news_is_told_and_product_news_is_asked() {
    let figurine = site("ai-figurine");
    figurine.is_notified("service-messages");
    figurine.is_opt_in_everywhere("product-news");
    assert_eq!(figurine.purpose("product-news").kind, PurposeKind::Marketing);
}

#[test]
fn p13_changes_are_announced_on_the_page_and_by_mail() {
    let figurine = site("ai-figurine");
    let changes = &figurine.0.policy.parts().changes;
    assert_eq!(changes.channels, [Announcement::Page, Announcement::Email]);
    assert!(changes.notice.is_some());
}

// ── adforge ─────────────────────────────────────────────────────────────────────────────────────

#[test]
fn p14_network_logs_serve_security_and_nothing_else() {
    let adforge = site("adforge");
    let names: Vec<String> = adforge.0.policy.choosable().map(|t| t.to_string()).collect();
    let record = adforge.granted(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for purpose in &adforge.0.policy.parts().purposes {
        let about = Question::about(Target::purpose(purpose.id.clone()));
        let question = Question { data: Some("network-logs".parse().expect("a name")), ..about };
        let reason = decide(&adforge.0.history, &record, &question, &nowhere()).reason;
        let expected = if purpose.id.as_str() == "security" { Reason::Notified } else { Reason::PurposeLimited };
        assert_eq!(reason, expected, "{}", purpose.id);
    }
}

#[test]
fn p15_each_ai_processor_is_a_switch_within_its_purpose() {
    let adforge = site("adforge");
    for processor in ["kie-ai", "gemini", "seedance", "kling"] {
        let about = format!("downstream-ai/{processor}");
        assert_eq!(adforge.ask(&about, &adforge.granted(&["downstream-ai"]), &nowhere()).reason, Reason::NotGiven);
        assert_eq!(adforge.ask(&about, &adforge.granted(&[&about]), &nowhere()).reason, Reason::NotGiven);
        let both = adforge.granted(&["downstream-ai", &about]);
        assert_eq!(adforge.ask(&about, &both, &nowhere()).reason, Reason::Given);
        adforge.text("en", Regime::OptIn, &format!("gets.{about}"));
    }
}

#[test]
fn p16_a_denial_names_what_stops_working() {
    let adforge = site("adforge");
    let mut events = vec![adforge.chosen(&[("downstream-ai", Stance::Grant), ("downstream-ai/kling", Stance::Grant)])];
    events.push(adforge.chosen(&[("downstream-ai/kling", Stance::Refuse)]));
    let decision = adforge.ask("downstream-ai/kling", &Record::fold(&events), &nowhere());
    assert_eq!(decision.reason, Reason::Withdrawn);
    assert_eq!(decision.features_lost.iter().map(|f| f.as_str()).collect::<Vec<_>>(), ["advanced-animation"]);
    adforge.text("en", Regime::OptIn, "feature.advanced-animation");
}

#[test]
fn p17_no_processor_trains() {
    let adforge = site("adforge");
    let record = adforge.granted(&["ai-training", "downstream-ai", "downstream-ai/kling"]);
    let decision = adforge.ask("downstream-ai/kling", &record, &nowhere());
    assert!(decision.obligations.contains(&Obligation::NoTraining));
    assert_eq!(adforge.ask("ai-training/kling", &record, &nowhere()).reason, Reason::ProcessorNotUsed);
}

#[test]
fn p18_logs_go_after_a_day_and_rights_depend_on_the_place() {
    let adforge = site("adforge");
    let day = Obligation::DeleteWithin("24 hours".parse().expect("a period"));
    assert_eq!(adforge.ask("security", &Record::default(), &nowhere()).obligations, [day]);
    let rights = |code: &str| adforge.0.policy.law(place(code).jurisdiction.as_ref()).rights;
    assert!(rights("DE").contains(&Right::Restriction) && rights("US-CA").contains(&Right::OptOut));
}

// ── pixcosmos ───────────────────────────────────────────────────────────────────────────────────

#[test]
fn p19_training_is_on_where_it_may_be_off_elsewhere_and_always_anonymised() {
    let pixcosmos = site("pixcosmos");
    pixcosmos.is_opt_out_where_allowed("ai-training");
    let allowed = pixcosmos.ask("ai-training", &Record::default(), &place("US-VA"));
    assert!(allowed.obligations.contains(&Obligation::AnonymiseFirst));
    let raw = Context { form: Some(DataForm::Raw), ..place("US-VA") };
    assert_eq!(pixcosmos.ask("ai-training", &Record::default(), &raw).reason, Reason::FormNotCovered);
}

#[test]
fn p20_alerts_cannot_be_switched_off_and_promotional_mail_can() {
    let pixcosmos = site("pixcosmos");
    pixcosmos.is_notified("account-messages");
    pixcosmos.is_notified("security-alerts");
    pixcosmos.is_opt_out_where_allowed("product-mail");
}

#[test]
fn p21_moderation_is_told_with_its_basis() {
    let pixcosmos = site("pixcosmos");
    pixcosmos.is_notified("moderation");
    let mut record = Record::default();
    on(&mut record, DemandKind::Objection, Some("moderation"));
    let decision = pixcosmos.ask("moderation", &record, &place("DE"));
    assert_eq!((decision.reason, decision.basis), (Reason::Notified, Some(LegalBasis::LegitimateInterest)));
}

#[test]
fn p22_nothing_is_done_with_a_childs_data_and_it_is_erased() {
    let pixcosmos = site("pixcosmos");
    let names: Vec<String> = pixcosmos.0.policy.choosable().map(|t| t.to_string()).collect();
    let record = pixcosmos.granted(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for code in ["US-VA", "DE", "GB"] {
        let child = Context { age: Some(AgeBand::Under13), ..place(code) };
        for name in &names {
            let decision = pixcosmos.ask(name, &record, &child);
            assert_eq!((decision.reason, decision.obligations), (Reason::UnderAge, vec![Obligation::Erase]), "{name}");
        }
    }
}

#[test]
fn p23_each_transfer_has_its_safeguard_and_consent_to_one_is_a_switch() {
    let pixcosmos = site("pixcosmos");
    let safeguard = |id: &str| pixcosmos.processor(id).safeguard;
    assert_eq!(safeguard("cloud-us"), Safeguard::StandardContractualClauses);
    assert_eq!(safeguard("uk-render"), Safeguard::Adequacy);
    assert_eq!(safeguard("cloud-sg"), Safeguard::ExplicitConsent);
    let without = pixcosmos.granted(&["image-generation", "image-generation/cloud-sg"]);
    let decision = pixcosmos.ask("image-generation/cloud-sg", &without, &nowhere());
    assert_eq!((decision.reason, decision.decided_by), (Reason::NotGiven, target("transfer-sg")));
    let with = pixcosmos.granted(&["image-generation", "image-generation/cloud-sg", "transfer-sg"]);
    assert_eq!(pixcosmos.ask("image-generation/cloud-sg", &with, &nowhere()).reason, Reason::Given);
}

#[test]
fn p24_sharing_showcase_and_programmes_are_asked_one_by_one() {
    let pixcosmos = site("pixcosmos");
    for purpose in ["partner-sharing", "showcase", "community"] {
        pixcosmos.is_opt_in_everywhere_but_signals(purpose);
    }
}

impl Site {
    /// As above, for purposes to which a signal speaks: nothing else starts them.
    fn is_opt_in_everywhere_but_signals(&self, id: &str) {
        for context in [nowhere(), place("DE"), place("US-VA")] {
            assert_eq!(self.ask(id, &Record::default(), &context).reason, Reason::NotGiven, "{id}");
            assert_eq!(self.ask(id, &self.granted(&[id]), &context).reason, Reason::Given, "{id}");
        }
    }
}

#[test]
fn p25_only_what_is_new_is_asked_again_and_silence_grants_nothing() {
    let folder = on_disk::root().join("tests/corpus/policies/pixcosmos-history");
    let over_time = Site(Published::parse(&on_disk::sources(&folder)).expect("a history"));
    let june = over_time.0.history.versions().nth(1).expect("a policy").clone();
    assert_eq!(june.policy.parts().changes.notice, Some("30 days".parse().expect("a period")));
    let before =
        Site(Published { policy: june.policy.clone(), history: PolicyHistory::starting(june), ..over_time.0.clone() });
    let everything: Vec<String> = before.0.policy.choosable().map(|t| t.to_string()).collect();
    let record = before.granted(&everything.iter().map(String::as_str).collect::<Vec<_>>());
    let context = Context::at(Time::from_ms(1_798_761_600_000)); // the first moment of 2027
    let asked = to_ask(&over_time.0.history, &record, &context);
    // Personalisation holds for half a year, and was asked longer ago than that.
    assert_eq!(asked, [(target("showcase"), Asking::Widened), (target("personalisation"), Asking::Expired)]);
    let silent = decide(&over_time.0.history, &record, &Question::about(target("showcase")), &context);
    assert_eq!(silent.reason, Reason::PolicyReplaced);
    let unchanged = decide(&over_time.0.history, &record, &Question::about(target("community")), &context);
    assert_eq!(unchanged.reason, Reason::Given);
}

#[test]
fn p26_images_stay_as_long_as_the_plan_says_and_copies_a_month_more() {
    let pixcosmos = site("pixcosmos");
    let days = |days: &str| days.parse().expect("a period");
    let copies = Obligation::DeleteBackupsWithin(days("30 days"));
    let free = pixcosmos.ask("image-storage", &Record::default(), &nowhere());
    assert_eq!(free.obligations, [Obligation::DeleteAfterInactivity(days("90 days")), copies.clone()]);
    let premium = Context { plan: Some("premium".parse().expect("a plan")), ..nowhere() };
    let kept = pixcosmos.ask("image-storage", &Record::default(), &premium);
    assert_eq!(kept.obligations, [Obligation::DeleteOnRequest, copies]);
    let unheard_of = Context { plan: Some("platinum".parse().expect("a plan")), ..nowhere() };
    assert_eq!(pixcosmos.ask("image-storage", &Record::default(), &unheard_of).obligations, free.obligations);
    assert_eq!(pixcosmos.purpose("analytics").retention, Retention::Within(days("730 days")));
}

#[test]
fn p27_a_policy_is_named_by_its_content_and_not_by_a_date() {
    let pixcosmos = site("pixcosmos");
    let mut files = on_disk::sources(&on_disk::root().join("policies/pixcosmos"));
    let policy = files.iter_mut().find(|f| f.name == "policy.toml").expect("a policy");
    policy.text =
        policy.text.replacen("\n[controller]", "\npublished = 2026-10-01\neffective = 2026-11-01\n\n[controller]", 1);
    let dated = Published::parse(&files).expect("a policy");
    assert_eq!(dated.policy.hash(), pixcosmos.0.policy.hash());
    assert_eq!(pixcosmos.0.policy.hash().to_string().len(), 64);
}

// ── imagodraw ───────────────────────────────────────────────────────────────────────────────────

#[test]
fn p28_nothing_trains_by_default_and_then_only_what_is_anonymised() {
    let imagodraw = site("imagodraw");
    imagodraw.is_opt_in_everywhere("ai-training");
    let decision = imagodraw.ask("ai-training", &imagodraw.granted(&["ai-training"]), &nowhere());
    assert!(decision.obligations.contains(&Obligation::AnonymiseFirst));
}

#[test]
fn p29_private_mode_denies_training_whatever_was_granted_and_deletes_at_once() {
    let imagodraw = site("imagodraw");
    let record = imagodraw.granted(&["ai-training"]);
    let private = Context {
        mode: Some("private".parse().expect("a mode")),
        plan: Some("pro".parse().expect("a plan")),
        ..nowhere()
    };
    assert_eq!(imagodraw.ask("ai-training", &record, &private).reason, Reason::ModeExcluded);
    let editing = imagodraw.ask("editing", &record, &private);
    assert_eq!((editing.reason, editing.obligations), (Reason::Notified, vec![Obligation::DeleteAfterUse]));
    assert_eq!(imagodraw.ask("editing", &record, &nowhere()).obligations, [Obligation::DeleteOnRequest]);
    imagodraw.text("en", Regime::OptIn, "mode.private");
}

#[test]
fn p30_cookies_and_marketing_by_place_no_sale_and_signals_honoured() {
    let imagodraw = site("imagodraw");
    for purpose in ["marketing", "preferences-cookies", "analytics", "retargeting"] {
        imagodraw.is_opt_out_where_allowed(purpose);
    }
    assert!(imagodraw.0.policy.parts().never.purposes.contains(&PurposeKind::Sale));
    let california = Context { signal: Some(Signal::Gpc), ..place("US-CA") };
    assert_eq!(imagodraw.ask("retargeting", &Record::default(), &california).reason, Reason::Signal);
    assert_eq!(imagodraw.ask("retargeting", &Record::default(), &place("US-CA")).reason, Reason::NotObjected);
    let said = Event { at: NOW, kind: EventKind::Signalled(id(3), Signal::Gpc) };
    assert_eq!(imagodraw.ask("retargeting", &Record::fold(&[said]), &place("US-CA")).reason, Reason::Signal);
}

// ── Who is asked, and what they are told ────────────────────────────────────────────────────────

#[test]
fn r12_a_refusal_is_kept_as_long_as_a_consent_and_rests_as_long_as_the_law_says() {
    let adforge = site("adforge");
    let refused = Record::fold(&[adforge.chosen(&[("marketing", Stance::Refuse)])]);
    let asked = |days: u64, code: &str| {
        let context = Context { now: Time::from_ms(NOW.as_ms() + days * DAY_MS), ..place(code) };
        let all = to_ask(&adforge.0.history, &refused, &context);
        all.into_iter().find(|(t, _)| *t == target("marketing")).map(|(_, asking)| asking)
    };
    // A day has passed already.
    assert_eq!(asked(0, "FR"), None);
    assert_eq!(asked(363, "FR"), None);
    assert_eq!(asked(364, "FR"), Some(Asking::Expired));
    assert_eq!(asked(364, "US-CA"), None, "twelve months may have 366 days");
    assert_eq!(asked(365, "US-CA"), Some(Asking::Expired));
}

#[test]
fn r12_r33_processors_of_a_refused_purpose_are_not_asked_about() {
    let adforge = site("adforge");
    let refused = Record::fold(&[adforge.chosen(&[("downstream-ai", Stance::Refuse)])]);
    let asked: Vec<String> =
        to_ask(&adforge.0.history, &refused, &nowhere()).iter().map(|(t, a)| format!("{t} {a}")).collect();
    assert_eq!(asked, ["ai-training never-asked", "marketing never-asked", "analytics never-asked"]);
    let granted = adforge.granted(&["downstream-ai", "downstream-ai/kling"]);
    let asked: Vec<String> =
        to_ask(&adforge.0.history, &granted, &nowhere()).iter().map(|(t, _)| t.to_string()).collect();
    assert_eq!(
        asked,
        [
            "ai-training",
            "downstream-ai/kie-ai",
            "downstream-ai/gemini",
            "downstream-ai/seedance",
            "marketing",
            "analytics"
        ]
    );
}

#[test]
fn a_refusal_may_answer_an_older_policy_and_a_grant_may_not() {
    let folder = on_disk::root().join("tests/corpus/policies/pixcosmos-history");
    let published = Published::parse(&on_disk::sources(&folder)).expect("a history");
    let older = published.history.versions().next().expect("a policy").policy.clone();
    let draft = |stance| {
        let notice = published.notices.first().expect("a notice");
        let answering = Answering {
            policy: older.hash(),
            notice: notice.hash,
            language: notice.language.clone(),
            surface: Surface::Banner,
            confirmed: false,
        };
        Draft::new(answering).with(target("partner-sharing"), stance)
    };
    let commit =
        |stance| draft(stance).commit(&published.history, id(1)).map(|choice: Choice| choice.answering().policy);
    assert_eq!(commit(Stance::Refuse), Ok(older.hash()));
    assert!(commit(Stance::Grant).is_err());
}

#[test]
fn every_reason_can_be_said_in_every_language_and_in_one_line() {
    for name in ["icecone", "adforge", "ai-figurine", "pixcosmos", "imagodraw", "starter"] {
        let site = site(name);
        let about = site.0.policy.targets().find(|t| t.processor.is_some()).expect("a processor");
        let decision = site.ask(&about.to_string(), &Record::default(), &nowhere());
        for language in site.0.languages() {
            let notice = site.0.notice(language, Regime::OptIn).expect("a notice");
            for reason in Reason::ALL {
                let of_reason = Decision { reason: *reason, decided_by: about.clone(), ..decision.clone() };
                let sentence = notice.explain(&of_reason);
                assert!(!sentence.contains("why.") && !sentence.contains('{'), "{language} {reason}: {sentence}");
                assert!(of_reason.to_string().contains(reason.as_str()));
            }
        }
    }
    let adforge = site("adforge");
    let decision = adforge.ask("downstream-ai/kling", &adforge.granted(&["downstream-ai"]), &nowhere());
    let english = adforge.0.notice(&"en".parse().expect("a language"), Regime::OptIn).expect("a notice");
    assert_eq!(english.explain(&decision), "Not allowed: you have not agreed to “Kling AI – AI processors”.");
    let line = decision.to_string().replace(&adforge.0.policy.hash().to_string(), "HASH");
    assert_eq!(
        line,
        format!(
            "deny downstream-ai/kling: not-given; regime opt-in, basis consent, policy HASH, events {}, lost advanced-animation, until 1780000300000 ms",
            id(1)
        )
    );
}

#[test]
fn an_account_is_a_subject_too() {
    let text = "account:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    assert_eq!(text.parse::<Subject>().map(|s| s.to_string()), Ok(text.into()));
}

#[test]
fn p4_who_may_train_with_consent_does_so_for_training_alone() {
    let mut parts = site("pixcosmos").0.policy.parts().clone();
    let render = parts.processors.iter_mut().find(|p| p.id.as_str() == "uk-render").expect("a processor");
    render.trains = Training::WithConsent;
    let (training, data) = ("ai-training".parse().expect("a name"), vec!["prompts".parse().expect("a name")]);
    render.uses.push(consentry_core::Use { purpose: training, data });
    let hash = consentry_core::PolicyHash::from_bytes([1; 32]);
    let policy = consentry_core::Policy::new(parts, hash).expect("a policy");
    let stances = policy.choosable().map(|target| (target, Stance::Grant)).collect();
    let answering = Answering {
        policy: hash,
        notice: consentry_core::NoticeHash::from_bytes([0; 32]),
        language: "en".parse().expect("a language"),
        surface: Surface::Centre,
        confirmed: false,
    };
    let choice = Choice::restore(id(1), answering, stances).expect("a choice");
    let record = Record::fold(&[Event { at: NOW, kind: EventKind::Chosen(choice) }]);
    let history = PolicyHistory::from(policy);
    let ask = |about: &str, activity| {
        decide(&history, &record, &Question { activity, ..Question::about(target(about)) }, &nowhere())
    };
    let told = |decision: &Decision| decision.obligations.contains(&Obligation::NoTraining);
    let trains = ask("ai-training/uk-render", Activity::Train);
    assert!(trains.allows() && !told(&trains), "{trains}");
    let renders = ask("image-generation/uk-render", Activity::Process);
    assert!(renders.allows() && told(&renders), "{renders}");
    assert_eq!(ask("image-generation/uk-render", Activity::Train).reason, Reason::TrainingExcluded);
}
