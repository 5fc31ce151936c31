//! `policy.toml`: its shape, and the way from there to [`Parts`], span by span.

use super::error::Report;
use super::{Origin, SourceFile};
use crate::*;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use serde::Deserialize;
use toml::Spanned;

/// Longest contact, in bytes.
const ADDRESS_BYTES_MAX: usize = 256;
/// Longest name of a controller or processor, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// What the file says beside the policy's parts.
pub(super) struct Head {
    pub(super) languages: Vec<(Language, Range<usize>)>,
    pub(super) origins: Vec<Origin>,
}

type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    schema: Spanned<u32>,
    site: Word,
    languages: Spanned<Vec<Word>>,
    origins: Vec<Word>,
    validity: Word,
    recheck: Word,
    controller: ControllerTable,
    data: Vec<DataTable>,
    purpose: Vec<PurposeTable>,
    #[serde(default)]
    processor: Vec<ProcessorTable>,
    #[serde(default)]
    feature: Vec<FeatureTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControllerTable {
    name: Word,
    contact: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataTable {
    id: Word,
    #[serde(default)]
    only_for: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsTable {
    control: Word,
    basis: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurposeTable {
    id: Word,
    kind: Word,
    control: Word,
    basis: Word,
    opt_out: Option<TermsTable>,
    data: Vec<Word>,
    retention: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UseTable {
    purpose: Word,
    data: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessorTable {
    id: Word,
    name: Word,
    country: Word,
    safeguard: Word,
    trains: Word,
    own_use: Word,
    retention: Word,
    uses: Vec<UseTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureTable {
    id: Word,
    needs: Vec<Word>,
}

/// Reads the file; `None` if the report then has errors.
pub(super) fn parse(file: &SourceFile, report: &mut Report<'_>) -> Option<(Head, Parts)> {
    let tables: PolicyFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            report.error(error.span().unwrap_or_default(), error.message(), help_for(error.message()));
            return None;
        }
    };
    let head = read_head(&tables, report);
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
    Some(Head { languages, origins: words(&tables.origins, report)? })
}

fn read_parts(tables: &PolicyFile, report: &mut Report<'_>) -> Option<Parts> {
    let contact = tables.controller.contact.get_ref();
    if contact.len() > ADDRESS_BYTES_MAX || !(contact.starts_with("mailto:") || contact.starts_with("https://")) {
        let message = format!("`{contact}` is not an address");
        report.error(tables.controller.contact.span(), message, "write a URI: `mailto:…` or `https://…`");
    }
    let controller = Controller { name: name(&tables.controller.name, report), contact: contact.as_str().into() };
    let data =
        every(&tables.data, |t| Some(DataCategory { id: read(&t.id, report)?, only_for: words(&t.only_for, report)? }));
    let purposes = every(&tables.purpose, |t| read_purpose(t, report));
    let processors = every(&tables.processor, |t| read_processor(t, report));
    let features =
        every(&tables.feature, |t| Some(Feature { id: read(&t.id, report)?, needs: words(&t.needs, report)? }));
    Some(Parts {
        site: read(&tables.site, report)?,
        controller,
        validity: read(&tables.validity, report)?,
        recheck: read(&tables.recheck, report)?,
        data: data?,
        purposes: purposes?,
        processors: processors?,
        features: features?,
    })
}

fn read_purpose(table: &PurposeTable, report: &mut Report<'_>) -> Option<Purpose> {
    let terms = read_terms(&table.control, &table.basis, report);
    let opt_out_terms = match &table.opt_out {
        Some(terms) => Some(read_terms(&terms.control, &terms.basis, report)?),
        None => None,
    };
    Some(Purpose {
        id: read(&table.id, report)?,
        kind: read(&table.kind, report)?,
        terms: terms?,
        opt_out_terms,
        data: words(&table.data, report)?,
        retention: read(&table.retention, report)?,
    })
}

fn read_terms(control: &Word, basis: &Word, report: &mut Report<'_>) -> Option<Terms> {
    let (control, basis) = (read(control, report), read(basis, report));
    Some(Terms { control: control?, basis: basis? })
}

fn read_processor(table: &ProcessorTable, report: &mut Report<'_>) -> Option<Processor> {
    let uses = every(&table.uses, |u| Some(Use { purpose: read(&u.purpose, report)?, data: words(&u.data, report)? }));
    Some(Processor {
        id: read(&table.id, report)?,
        name: name(&table.name, report),
        country: read(&table.country, report)?,
        safeguard: read(&table.safeguard, report)?,
        trains: read(&table.trains, report)?,
        own_use: read(&table.own_use, report)?,
        retention: read(&table.retention, report)?,
        uses: uses?,
    })
}

/// Maps all, so that every error is found, and only then says whether there was one.
fn every<T, U>(items: &[T], mut read: impl FnMut(&T) -> Option<U>) -> Option<Vec<U>> {
    let read: Vec<Option<U>> = items.iter().map(&mut read).collect();
    read.into_iter().collect()
}

fn words<T: FromStr<Err: fmt::Display>>(words: &[Word], report: &mut Report<'_>) -> Option<Vec<T>> {
    every(words, |word| read(word, report))
}

fn read<T: FromStr<Err: fmt::Display>>(word: &Word, report: &mut Report<'_>) -> Option<T> {
    match word.get_ref().parse() {
        Ok(value) => Some(value),
        Err(expected) => {
            report.error(word.span(), format!("`{}` is not understood", word.get_ref()), expected);
            None
        }
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
            Place::PurposeTerms(i, Regime::OptOut) => &self.purpose.get(i)?.opt_out.as_ref()?.control,
            Place::PurposeData(i, j) => self.purpose.get(i)?.data.get(j)?,
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
