//! `policy.toml`: its shape, and the way from there to [`Parts`], span by span.
//!
//! The tables here are also what the JSON Schema for editors is made of: their doc comments are what an editor shows.

use super::error::Report;
use super::page_file::PageTable;
use super::schema::{Contact, Day};
use super::{Origin, SourceFile};
use crate::*;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

/// Longest contact, in bytes.
const ADDRESS_BYTES_MAX: usize = 256;
/// Longest name of a controller or processor, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Longest name or value of a request flag, in bytes.
const FLAG_BYTES_MAX: usize = 64;
/// Highest age that a policy can speak of, in years.
const AGE_MAX: u8 = 21;

/// What the file says beside the policy's parts.
pub(super) struct Head {
    pub(super) languages: Vec<(Language, Range<usize>)>,
    pub(super) origins: Vec<Origin>,
    /// When it was announced, and from when it holds, where the file says so.
    pub(super) published: Option<Time>,
    pub(super) effective: Option<Time>,
    /// Where the file says from when it holds, for errors about the order of policies.
    pub(super) dated_at: Range<usize>,
    /// How the page is wired, to be read once there is a policy.
    pub(super) page: Option<PageTable>,
}

pub(super) type Word = Spanned<String>;

/// What a site promises about people's data: a Consentry policy file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    /// The version of this format: 1.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    schema: Spanned<u32>,
    /// The site's name, in addresses and in the ledger.
    #[schemars(with = "SiteId")]
    site: Word,
    /// The languages of the texts beside this file; the first is shown where the page's is not among them.
    #[schemars(with = "Vec<Language>", length(min = 1))]
    languages: Spanned<Vec<Word>>,
    /// The origins of the pages that may send choices.
    #[schemars(with = "Vec<Origin>")]
    origins: Vec<Word>,
    /// How long a choice holds, yes or no, before it is asked again.
    #[schemars(with = "Period")]
    validity: Word,
    /// How long a back end may rely on a decision before it asks again.
    #[schemars(with = "Period")]
    recheck: Word,
    /// The site is not meant for people younger than this, in years.
    #[schemars(with = "Option<u8>", range(min = 1, max = 21))]
    minimum_age: Option<Spanned<u8>>,
    /// The day on which people were told of this policy.
    #[schemars(with = "Option<Day>")]
    published: Option<Spanned<Datetime>>,
    /// The day from which it holds; until then the one before it does.
    #[schemars(with = "Option<Day>")]
    effective: Option<Spanned<Datetime>>,
    /// The plans that change an obligation.
    #[serde(default)]
    #[schemars(with = "Vec<PlanId>")]
    plans: Vec<Word>,
    /// Who decides about the data.
    controller: ControllerTable,
    /// How changes of this policy are announced.
    #[serde(default)]
    changes: ChangesTable,
    /// What can never be, whatever anybody grants.
    #[serde(default)]
    never: NeverTable,
    /// The categories of data.
    data: Vec<DataTable>,
    /// What data is used for.
    purpose: Vec<PurposeTable>,
    /// Who processes data for the site.
    #[serde(default)]
    processor: Vec<ProcessorTable>,
    /// What stops working without a purpose or processor.
    #[serde(default)]
    feature: Vec<FeatureTable>,
    /// Ways of working that only narrow.
    #[serde(default)]
    mode: Vec<ModeTable>,
    /// Where this policy is stricter than the law.
    #[serde(default)]
    law: Vec<LawTable>,
    /// How the site's pages are wired to this policy.
    page: Option<PageTable>,
}

/// Who decides about the data.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ControllerTable {
    /// The controller's name.
    #[schemars(with = "String")]
    name: Word,
    /// Where to write about data, as a URI: `mailto:` or `https:`.
    #[schemars(with = "Contact")]
    contact: Word,
    /// The same for the data protection officer.
    #[schemars(with = "Option<Contact>")]
    dpo: Option<Word>,
    /// A postal address, on one line.
    #[schemars(with = "Option<String>")]
    address: Option<Word>,
}

/// How changes of the policy are announced.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangesTable {
    /// How long before it holds a change that widens something is published.
    #[schemars(with = "Option<Period>")]
    notice: Option<Word>,
    /// Where it is announced.
    #[serde(default)]
    #[schemars(with = "Vec<Announcement>")]
    channels: Vec<Word>,
}

/// What can never be, whatever anybody grants.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NeverTable {
    /// Kinds of purposes that this policy may not have.
    #[serde(default)]
    #[schemars(with = "Vec<PurposeKind>")]
    purposes: Vec<Word>,
    /// What no processor may do: `train`, `own-ends`.
    #[serde(default)]
    #[schemars(with = "Vec<Activity>")]
    processors: Vec<Word>,
}

/// A category of personal data.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DataTable {
    /// Its name.
    #[schemars(with = "DataId")]
    id: Word,
    /// The only purposes that may ever use it.
    #[serde(default)]
    #[schemars(with = "Vec<PurposeId>")]
    only_for: Vec<Word>,
}

/// The say that people have, and the legal basis.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TermsTable {
    /// `opt-in`, `opt-out` or `notified`.
    #[schemars(with = "Control")]
    control: Word,
    /// The legal basis.
    #[schemars(with = "LegalBasis")]
    basis: Word,
}

/// One use that data is put to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurposeTable {
    /// Its name.
    #[schemars(with = "PurposeId")]
    id: Word,
    /// What it is about.
    #[schemars(with = "PurposeKind")]
    kind: Word,
    /// The say that people have in the strictest regime: `opt-in`, or `notified`.
    #[schemars(with = "Control")]
    control: Word,
    /// The legal basis in the strictest regime.
    #[schemars(with = "LegalBasis")]
    basis: Word,
    /// The terms where people may be asked less strictly.
    opt_out: Option<TermsTable>,
    /// The data that it uses.
    #[schemars(with = "Vec<DataId>")]
    data: Vec<Word>,
    /// How long the data is kept for it.
    #[schemars(with = "Retention")]
    retention: Word,
    /// How long it is kept for those on a plan.
    #[serde(default)]
    by_plan: Vec<PlanTable>,
    /// How much longer copies are kept in case of a disaster.
    #[schemars(with = "Option<Period>")]
    backups: Option<Word>,
    /// How long a choice about it holds, where that is not what the policy says.
    #[schemars(with = "Option<Period>")]
    validity: Option<Word>,
    /// Raised when it means more than before though nothing else here has changed: then people are asked again.
    revision: Option<u32>,
    /// Its term of the W3C Data Privacy Vocabulary, e.g. `dpv:ServiceProvision`.
    #[schemars(with = "Option<DpvTerm>")]
    dpv: Option<Word>,
    /// For `training`: whose model.
    #[schemars(with = "Option<ModelOwner>")]
    model: Option<Word>,
    /// For `training`: the most telling form in which the data may be used; `raw` if nothing is said.
    #[schemars(with = "Option<DataForm>")]
    form: Option<Word>,
    /// For `marketing`: how messages come.
    #[serde(default)]
    #[schemars(with = "Vec<Channel>")]
    channels: Vec<Word>,
    /// For `cookies`: what they are for.
    #[schemars(with = "Option<CookieFunction>")]
    function: Option<Word>,
}

/// How long data is kept for those on a plan.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlanTable {
    /// The plan.
    #[schemars(with = "PlanId")]
    plan: Word,
    /// How long.
    #[schemars(with = "Retention")]
    retention: Word,
}

/// What a processor gets for one purpose.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UseTable {
    /// The purpose.
    #[schemars(with = "PurposeId")]
    purpose: Word,
    /// The part of the purpose's data that it gets.
    #[schemars(with = "Vec<DataId>")]
    data: Vec<Word>,
}

/// Somebody who processes data for the site.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessorTable {
    /// Its name within the policy.
    #[schemars(with = "ProcessorId")]
    id: Word,
    /// Its name as people know it.
    #[schemars(with = "String")]
    name: Word,
    /// On whose behalf it acts; `processor` if nothing is said.
    #[schemars(with = "Option<Role>")]
    role: Option<Word>,
    /// Where it processes, by ISO 3166-1; `ZZ` if that is not known.
    #[schemars(with = "Country")]
    country: Word,
    /// What protects the data there.
    #[schemars(with = "Safeguard")]
    safeguard: Word,
    /// For `explicit-consent`: the purpose of kind `transfer` that must be granted as well.
    #[schemars(with = "Option<PurposeId>")]
    transfer: Option<Word>,
    /// Whether it trains models on the data.
    #[schemars(with = "Training")]
    trains: Word,
    /// Whether it uses the data for ends of its own.
    #[schemars(with = "OwnUse")]
    own_use: Word,
    /// How long it keeps the data.
    #[schemars(with = "Retention")]
    retention: Word,
    /// What to send along with every request, e.g. `{ store = "false" }`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    flags: BTreeMap<String, Word>,
    /// What it gets for what.
    uses: Vec<UseTable>,
}

/// Something that stops working when one of its needs is denied.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FeatureTable {
    /// Its name.
    #[schemars(with = "FeatureId")]
    id: Word,
    /// The purposes and processors that it needs, all of them.
    #[schemars(with = "Vec<Target>")]
    needs: Vec<Word>,
}

/// A way of working that only narrows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ModeTable {
    /// Its name.
    #[schemars(with = "ModeId")]
    id: Word,
    /// The purposes that it rules out.
    #[serde(default)]
    #[schemars(with = "Vec<PurposeId>")]
    denies: Vec<Word>,
    /// How long data is kept at most.
    #[schemars(with = "Option<Retention>")]
    retention: Option<Word>,
}

/// Where this policy is stricter than the law.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LawTable {
    /// A country or a part of one, e.g. `US-CA`.
    #[schemars(with = "Jurisdiction")]
    place: Word,
    /// A stricter regime.
    #[schemars(with = "Option<Regime>")]
    regime: Option<Word>,
    /// A higher age from which people choose for themselves, in years.
    #[schemars(with = "Option<u8>", range(min = 1, max = 21))]
    age: Option<Spanned<u8>>,
    /// For how much longer a refusal is not asked again.
    #[schemars(with = "Option<Period>")]
    rest: Option<Word>,
    /// Honours signals such as Global Privacy Control where the law does not ask for it.
    #[serde(default)]
    signals: bool,
}

/// Reads the file; `None` if the report then has errors.
pub(super) fn parse(file: &SourceFile, report: &mut Report<'_>) -> Option<(Head, Parts)> {
    let mut tables: PolicyFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            report.error(error.span().unwrap_or_default(), error.message(), help_for(error.message()));
            return None;
        }
    };
    let page = tables.page.take();
    let head = read_head(&tables, report).map(|head| Head { page, ..head });
    let parts = read_parts(&tables, report);
    if report.errors.is_empty() { head.zip(parts) } else { None }
}

/// What to write where something is missing: each of these a person must be told before they choose (Art. 13; R10).
fn help_for(message: &str) -> &'static str {
    let missing = |field: &str| message.starts_with("missing field") && message.contains(&format!("`{field}`"));
    match () {
        () if missing("controller") => "add a `[controller]` table with `name` and `contact`",
        () if missing("contact") => "give an address for questions about data, e.g. `contact = \"mailto:privacy@…\"`",
        () if missing("retention") => {
            "say how long the data is kept: `after use`, `until deleted`, or a period such as `24 hours`"
        }
        () if missing("basis") => "name the legal basis, e.g. `basis = \"consent\"`",
        () if missing("control") => "say whether people can choose: `opt-in`, or `notified`",
        () if missing("data") => "name the data that is used, e.g. `data = [\"prompts\"]`",
        () if missing("country") => {
            "say where the processor works, e.g. `country = \"DE\"`, or `ZZ` if it is not known"
        }
        () if missing("safeguard") => {
            "say what protects the transfer: `eea`, `adequacy` or `standard-contractual-clauses`"
        }
        () if missing("trains") => "say whether the processor trains on the data: `never` or `with-consent`",
        () if missing("own_use") => "say whether the processor uses the data for itself: `never` or `yes`",
        () if missing("place") => "say where it holds, e.g. `place = \"US-CA\"`",
        () if missing("from") => "name a system, e.g. `from = [\"cookieconsent\"]`",
        () if missing("uses") => "say what the processor gets, e.g. `uses = [{ purpose = \"…\", data = [\"…\"] }]`",
        () if message.starts_with("missing field") => "add it",
        () if message.starts_with("unknown field") => "remove it, or correct its spelling",
        () => "correct it; policy files are TOML 1.1",
    }
}

fn read_head(tables: &PolicyFile, report: &mut Report<'_>) -> Option<Head> {
    if *tables.schema.get_ref() != 1 {
        report.error(tables.schema.span(), "unknown schema", "this version reads `schema = 1`");
    }
    if tables.languages.get_ref().is_empty() {
        report.error(tables.languages.span(), "no languages", "name at least one, e.g. `languages = [\"en\"]`");
    }
    let mut languages: Vec<(Language, Range<usize>)> = Vec::new();
    for word in tables.languages.get_ref() {
        let Some(language) = read::<Language>(word, report) else { continue };
        if languages.iter().any(|(l, _)| *l == language) {
            report.error(word.span(), format!("`{language}` is named twice"), "remove one of them");
        }
        languages.push((language, word.span()));
    }
    let dated_at = tables.effective.as_ref().or(tables.published.as_ref()).map_or(0..0, Spanned::span);
    let published = tables.published.as_ref().map(|day| read_day(day, report));
    let effective = tables.effective.as_ref().map(|day| read_day(day, report));
    Some(Head {
        languages,
        origins: words(&tables.origins, report)?,
        published: at_once(published)?,
        effective: at_once(effective)?,
        dated_at,
        page: None,
    })
}

/// Turns something optional that could not be read into nothing at all.
#[allow(clippy::option_option, reason = "not there, and there but unreadable, are two things")]
const fn at_once<T: Copy>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

/// The first moment of a day, in universal time.
fn read_day(day: &Spanned<Datetime>, report: &mut Report<'_>) -> Option<Time> {
    let time = day.get_ref().date.filter(|_| day.get_ref().time.is_none()).and_then(|date| {
        let (month, of_month) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
        let date = jiff::civil::Date::new(i16::try_from(date.year).ok()?, month, of_month).ok()?;
        let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        u64::try_from(start.timestamp().as_millisecond()).ok().map(Time::from_ms)
    });
    if time.is_none() {
        report.error(day.span(), "not a day", "write a day such as `2026-11-01`, without quotes");
    }
    time
}

fn read_age(age: &Spanned<u8>, report: &mut Report<'_>) -> u8 {
    if !(1..=AGE_MAX).contains(age.get_ref()) {
        report.error(age.span(), "not an age", format!("write years, from 1 to {AGE_MAX}"));
    }
    *age.get_ref()
}

fn address(word: &Word, report: &mut Report<'_>) -> Box<str> {
    let text = word.get_ref();
    if text.len() > ADDRESS_BYTES_MAX || !(text.starts_with("mailto:") || text.starts_with("https://")) {
        let message = format!("`{text}` is not an address");
        report.error(word.span(), message, "write a URI: `mailto:…` or `https://…`");
    }
    text.as_str().into()
}

fn read_parts(tables: &PolicyFile, report: &mut Report<'_>) -> Option<Parts> {
    let controller = Controller {
        name: name(&tables.controller.name, report),
        contact: address(&tables.controller.contact, report),
        officer: tables.controller.dpo.as_ref().map(|dpo| address(dpo, report)),
        address: tables.controller.address.as_ref().map(|address| name(address, report)),
    };
    let changes = Changes {
        notice: optional(tables.changes.notice.as_ref(), report)?,
        channels: words(&tables.changes.channels, report)?,
    };
    let never = Never {
        purposes: words(&tables.never.purposes, report)?,
        processors: words(&tables.never.processors, report)?,
    };
    let data =
        every(&tables.data, |t| Some(DataCategory { id: read(&t.id, report)?, only_for: words(&t.only_for, report)? }));
    let purposes = every(&tables.purpose, |t| read_purpose(t, report));
    let processors = every(&tables.processor, |t| read_processor(t, report));
    let features =
        every(&tables.feature, |t| Some(Feature { id: read(&t.id, report)?, needs: words(&t.needs, report)? }));
    let modes = every(&tables.mode, |t| {
        let (denies, retention) = (words(&t.denies, report), optional(t.retention.as_ref(), report));
        Some(Mode { id: read(&t.id, report)?, denies: denies?, retention: retention? })
    });
    let laws = every(&tables.law, |t| read_law(t, report));
    Some(Parts {
        site: read(&tables.site, report)?,
        controller,
        validity: read(&tables.validity, report)?,
        recheck: read(&tables.recheck, report)?,
        minimum_age: tables.minimum_age.as_ref().map(|age| read_age(age, report)),
        changes,
        never,
        plans: words(&tables.plans, report)?,
        data: data?,
        purposes: purposes?,
        processors: processors?,
        features: features?,
        modes: modes?,
        laws: laws?,
    })
}

fn read_law(table: &LawTable, report: &mut Report<'_>) -> Option<LawChange> {
    Some(LawChange {
        place: read(&table.place, report)?,
        regime: optional(table.regime.as_ref(), report)?,
        consent_age: table.age.as_ref().map(|age| read_age(age, report)),
        rest: optional(table.rest.as_ref(), report)?,
        signals: table.signals,
    })
}

fn read_purpose(table: &PurposeTable, report: &mut Report<'_>) -> Option<Purpose> {
    let terms = read_terms(&table.control, &table.basis, report);
    let opt_out_terms = match &table.opt_out {
        Some(terms) => Some(read_terms(&terms.control, &terms.basis, report)?),
        None => None,
    };
    let by_plan = every(&table.by_plan, |t| Some((read(&t.plan, report)?, read(&t.retention, report)?)));
    let form = optional(table.form.as_ref(), report);
    let training = match &table.model {
        Some(model) => Some(ModelTraining { model: read(model, report)?, form: form?.unwrap_or(DataForm::Raw) }),
        None => {
            if let Some(form) = &table.form {
                report.error(form.span(), "a form without a model", "name the model that is trained, or remove it");
            }
            None
        }
    };
    Some(Purpose {
        id: read(&table.id, report)?,
        kind: read(&table.kind, report)?,
        terms: terms?,
        opt_out_terms,
        data: words(&table.data, report)?,
        retention: read(&table.retention, report)?,
        retention_by_plan: by_plan?,
        backups: optional(table.backups.as_ref(), report)?,
        validity: optional(table.validity.as_ref(), report)?,
        revision: table.revision.unwrap_or(1),
        dpv: optional::<DpvTerm>(table.dpv.as_ref(), report)?.map(|term| term.0),
        training,
        channels: words(&table.channels, report)?,
        function: optional(table.function.as_ref(), report)?,
    })
}

/// A term of the W3C Data Privacy Vocabulary, or of one of its extensions.
pub(super) struct DpvTerm(Box<str>);

impl FromStr for DpvTerm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_term = text.split_once(':').is_some_and(|(prefix, name)| {
            prefix.starts_with("dpv")
                && text.len() <= NAME_BYTES_MAX
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if is_term { Ok(Self(text.into())) } else { Err("expected a term such as `dpv:ServiceProvision`") }
    }
}

fn read_terms(control: &Word, basis: &Word, report: &mut Report<'_>) -> Option<Terms> {
    let (control, basis) = (read(control, report), read(basis, report));
    Some(Terms { control: control?, basis: basis? })
}

fn read_processor(table: &ProcessorTable, report: &mut Report<'_>) -> Option<Processor> {
    let uses = every(&table.uses, |u| Some(Use { purpose: read(&u.purpose, report)?, data: words(&u.data, report)? }));
    let flags = table.flags.iter().map(|(flag, value)| {
        let holds = |text: &str| (1..=FLAG_BYTES_MAX).contains(&text.len()) && text.chars().all(|c| !c.is_control());
        if !holds(flag) || !holds(value.get_ref()) {
            let help = format!("write a name and a value of 1 to {FLAG_BYTES_MAX} bytes each");
            report.error(value.span(), "a flag that cannot be sent", help);
        }
        (Box::from(flag.as_str()), Box::from(value.get_ref().as_str()))
    });
    let flags = flags.collect();
    Some(Processor {
        id: read(&table.id, report)?,
        name: name(&table.name, report),
        role: optional(table.role.as_ref(), report)?.unwrap_or(Role::Processor),
        transfer: optional(table.transfer.as_ref(), report)?,
        flags,
        country: read(&table.country, report)?,
        safeguard: read(&table.safeguard, report)?,
        trains: read(&table.trains, report)?,
        own_use: read(&table.own_use, report)?,
        retention: read(&table.retention, report)?,
        uses: uses?,
    })
}

/// Maps all, so that every error is found, and only then says whether there was one.
pub(super) fn every<T, U>(items: &[T], mut read: impl FnMut(&T) -> Option<U>) -> Option<Vec<U>> {
    let read: Vec<Option<U>> = items.iter().map(&mut read).collect();
    read.into_iter().collect()
}

fn words<T: FromStr<Err: fmt::Display>>(words: &[Word], report: &mut Report<'_>) -> Option<Vec<T>> {
    every(words, |word| read(word, report))
}

pub(super) fn read<T: FromStr<Err: fmt::Display>>(word: &Word, report: &mut Report<'_>) -> Option<T> {
    match word.get_ref().parse() {
        Ok(value) => Some(value),
        Err(expected) => {
            report.error(word.span(), format!("`{}` is not understood", word.get_ref()), expected);
            None
        }
    }
}

/// Reads what may be left out; `None` if it is there and not understood.
#[allow(clippy::option_option, reason = "not there, and there but unreadable, are two things")]
pub(super) fn optional<T: FromStr<Err: fmt::Display>>(
    word: Option<&Word>,
    report: &mut Report<'_>,
) -> Option<Option<T>> {
    match word {
        None => Some(None),
        Some(word) => read(word, report).map(Some),
    }
}

fn name(word: &Word, report: &mut Report<'_>) -> Box<str> {
    let name = word.get_ref();
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX {
        let help = format!("write what people know it by, in at most {NAME_BYTES_MAX} bytes");
        report.error(word.span(), "a name that says nothing", help);
    }
    name.as_str().into()
}

/// Finds the lines of what does not fit together.
pub(super) fn report_faults(file: &SourceFile, faults: &[Faulty], report: &mut Report<'_>) {
    // The same text was read before, so it reads again.
    let Ok(tables) = toml::from_str::<PolicyFile>(&file.text) else { return };
    for faulty in faults {
        let span = tables.span(faulty.at).unwrap_or_default();
        let help = help_against(&faulty.fault);
        match faulty.against.and_then(|place| tables.span(place)) {
            Some(against) => report.contradiction(span, against, &faulty.fault, help),
            None => report.error(span, &faulty.fault, help),
        }
    }
}

fn help_against(fault: &PolicyFault) -> String {
    match fault {
        PolicyFault::TooMany { max, .. } => format!("keep to {max}"),
        PolicyFault::NoPurposes => "add a `[[purpose]]`".into(),
        PolicyFault::Twice(_) => "rename or remove one of them".into(),
        PolicyFault::UnknownPurpose(id) => format!("add a `[[purpose]]` with `id = \"{id}\"`, or correct the name"),
        PolicyFault::UnknownProcessor(id) => {
            format!("add a `[[processor]]` with `id = \"{id}\"` and a use for this purpose, or correct the name")
        }
        PolicyFault::UnknownData(id) => format!("add a `[[data]]` with `id = \"{id}\"`, or correct the name"),
        PolicyFault::PurposeLimited { data, .. } => {
            format!("remove `{data}` here, or take back the limit that its `only_for` promises")
        }
        PolicyFault::BeyondPurpose { data, .. } => format!("remove `{data}` here, or add it to the purpose's `data`"),
        PolicyFault::Pointless(_) => "name at least one, or remove it".into(),
        PolicyFault::TrainsNever { .. } => {
            "remove this use, or write `trains = \"with-consent\"` if that is the truth".into()
        }
        PolicyFault::BasisMismatch { .. } => {
            "`opt-in` goes with `consent`, `opt-out` with `legitimate-interest`, `notified` with any but `consent`"
                .into()
        }
        PolicyFault::PreTicked(_) => "write `opt-in` here, and `opt_out = { … }` for where less is asked".into(),
        PolicyFault::NeedsSwitch { .. } => "write `control = \"opt-in\"`".into(),
        PolicyFault::NoSwitch { .. } => {
            "write `control = \"notified\"`, or another kind if people may refuse it".into()
        }
        PolicyFault::SwitchDiffers(_) => "let people choose in all regimes or in none".into(),
        PolicyFault::MissingDetail { what, .. } => match *what {
            "model" => "say whose model is trained: `model = \"own\"`, `\"processor\"` or `\"public\"`".into(),
            "channels" => "say how messages come, e.g. `channels = [\"email\"]`".into(),
            _ => "say what the cookies are for, e.g. `function = \"statistics\"`".into(),
        },
        PolicyFault::StrayDetail { what, .. } => format!("remove `{what}`, or correct the kind"),
        PolicyFault::UnknownPlan(id) => format!("add `{id}` to `plans`, or correct the name"),
        PolicyFault::NeverPurpose { .. } => "remove the purpose, or take back the promise".into(),
        PolicyFault::NeverProcessor { .. } => "write `never` here, or take back the promise".into(),
        PolicyFault::NeverProcess => "name `train` or `own-ends`".into(),
        PolicyFault::OwnEndsOfProcessor(_) => {
            "write `role = \"joint-controller\"` or `\"controller\"` if that is the truth, or `own_use = \"never\"`"
                .into()
        }
        PolicyFault::TrainsForNothing(_) => {
            "write `trains = \"never\"`, or name the purpose of kind `training` in its `uses`".into()
        }
        PolicyFault::TransferUnasked(_) => "name the purpose of kind `transfer`: `transfer = \"…\"`".into(),
        PolicyFault::TransferSafe(_) => "remove `transfer`, or write `safeguard = \"explicit-consent\"`".into(),
        PolicyFault::NotTransfer(_) => "name a purpose of kind `transfer`".into(),
        PolicyFault::Looser(_) => "remove what is looser: a policy can only be stricter".into(),
        PolicyFault::IdleMode(_) => "say what it `denies`, or its `retention`".into(),
        PolicyFault::NoSafeguard(_) => "write `adequacy` or `standard-contractual-clauses`".into(),
    }
}

impl PolicyFile {
    fn span(&self, place: Place) -> Option<Range<usize>> {
        let word = match place {
            Place::Policy => return None,
            Place::Data(i) => &self.data.get(i)?.id,
            Place::DataOnlyFor(i, j) => self.data.get(i)?.only_for.get(j)?,
            Place::Purpose(i) => &self.purpose.get(i)?.id,
            Place::PurposeTerms(i, Regime::OptIn) => &self.purpose.get(i)?.control,
            Place::PurposeTerms(i, Regime::OptOut | Regime::Mixed) => &self.purpose.get(i)?.opt_out.as_ref()?.control,
            Place::PurposeData(i, j) => self.purpose.get(i)?.data.get(j)?,
            Place::PurposeKind(i) => &self.purpose.get(i)?.kind,
            Place::PurposePlan(i, j) => &self.purpose.get(i)?.by_plan.get(j)?.plan,
            Place::NeverPurpose(i) => self.never.purposes.get(i)?,
            Place::NeverProcessor(i) => self.never.processors.get(i)?,
            Place::Plan(i) => self.plans.get(i)?,
            Place::Mode(i) => &self.mode.get(i)?.id,
            Place::ModeDenies(i, j) => self.mode.get(i)?.denies.get(j)?,
            Place::Law(i) => &self.law.get(i)?.place,
            Place::ProcessorOwnUse(i) => &self.processor.get(i)?.own_use,
            Place::ProcessorTransfer(i) => self.processor.get(i)?.transfer.as_ref()?,
            Place::Processor(i) => &self.processor.get(i)?.id,
            Place::ProcessorSafeguard(i) => &self.processor.get(i)?.safeguard,
            Place::ProcessorTrains(i) => &self.processor.get(i)?.trains,
            Place::ProcessorUse(i, j) => &self.processor.get(i)?.uses.get(j)?.purpose,
            Place::ProcessorUseData(i, j, k) => self.processor.get(i)?.uses.get(j)?.data.get(k)?,
            Place::Feature(i) => &self.feature.get(i)?.id,
            Place::FeatureNeed(i, j) => self.feature.get(i)?.needs.get(j)?,
        };
        Some(word.span())
    }
}
