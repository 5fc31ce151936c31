//! What stands around the purposes: what has changed, what the browser says, what was chosen when, rights, whom to ask.

use consentry_core::{Stance, Target};
use yew::{AttrValue, Html};

use crate::action::{Action, Answer};
use crate::centre::View;
use crate::element::{classed, element, paragraph, text};
use crate::known::BrowserSignal;
use crate::model::{Doubt, Position};
use crate::past::Entry;
use crate::purposes::live;
use crate::rights::Right;

impl View<'_> {
    fn section(&self, id: &str, key: &str, parts: Vec<Html>) -> Html {
        let heading = element(
            "h3",
            &["id", "class", "part", "tabindex"],
            &[id, "heading", "heading", "-1"],
            vec![text(self.model.text(key))],
        );
        let mut all = vec![heading.into()];
        all.extend(parts);
        classed("section", "section", all)
    }

    /// What is new since the last choice, and from when it holds.
    pub(crate) fn change(&self) -> Html {
        let Some(change) = self.model.change() else { return Html::default() };
        let lines: Vec<Html> =
            change.lines.iter().map(|line| classed("li", "item", vec![text(line.clone())])).collect();
        let mut said = vec![paragraph("text", self.model.text("change.text")), classed("ul", "list", lines)];
        if let Some(from) = &change.from {
            said.push(paragraph("quiet", from.clone()));
        }
        self.section("_change", "change.title", said)
    }

    /// R26: the signal is shown, and what it ends.
    pub(crate) fn signals(&self) -> Html {
        let (key, targets): (_, Vec<Target>) = match self.model.signal() {
            BrowserSignal::None => ("signal.none", Vec::new()),
            BrowserSignal::NotHere => return Html::default(),
            BrowserSignal::Honoured(_) => ("signal.honoured", self.model.signalled().collect()),
        };
        let ended = targets.iter().map(|target| {
            let is_on = self.model.position(target) == Some(Position::On);
            classed("li", "item", vec![text(self.stands(target, is_on))])
        });
        let mut said = vec![paragraph("text", self.model.text(key))];
        if !targets.is_empty() {
            said.push(classed("ul", "list", ended.collect::<Vec<_>>()));
        }
        self.section("_signals", "signal.title", said)
    }

    fn stands(&self, target: &Target, is_on: bool) -> String {
        [self.title(target), self.model.text(if is_on { "ui.on" } else { "ui.off" })].join(": ")
    }

    pub(crate) fn history(&self) -> Html {
        let entries: Vec<Html> = self.model.entries().iter().map(|entry| self.entry(entry)).collect();
        let all = if entries.is_empty() {
            paragraph("quiet", self.model.text("history.none"))
        } else {
            classed("ol", "history", entries)
        };
        self.section("_history", "history.title", vec![all])
    }

    fn entry(&self, entry: &Entry) -> Html {
        let Entry { at, changes, key, is_lifted, choice, is_kept } = entry;
        let when = (self.shown.when)(*at, self.model.language());
        let mut how = self.model.text(key);
        let note = match (is_lifted, choice, is_kept) {
            (true, ..) => "history.lifted",
            (false, Some(_), false) if self.model.has_server() => "history.pending",
            (false, ..) => "",
        };
        if !note.is_empty() {
            how = [how, self.model.text(note)].join(" · ");
        }
        let changes: Vec<String> =
            changes.iter().map(|(target, stance)| self.stands(target, *stance == Stance::Grant)).collect();
        let id = choice.map(|choice| choice.to_string()).unwrap_or_default();
        let told = vec![text([when, how].join(" · "))];
        let mut parts = vec![element("p", &["id", "class", "part"], &[&id, "when", "when"], told).into()];
        if !changes.is_empty() {
            parts.push(paragraph("text", changes.join(" · ")));
        }
        if let (Some(choice), true) = (choice, is_kept) {
            let words = vec![text(self.model.text("history.receipt"))];
            let receipt = element("button", &["part", "aria-describedby"], &["button receipt", &id], words);
            parts.push(self.pressed(receipt, Action::Receipt(*choice)));
        }
        classed("li", "entry", parts)
    }

    pub(crate) fn rights(&self) -> Html {
        let rights: Vec<Html> = self.model.rights().map(|right| self.right(right)).collect();
        self.section("_rights", "rights.title", vec![classed("ul", "rights", rights)])
    }

    fn right(&self, right: Right) -> Html {
        let model = self.model;
        let key = ["rights.", right.as_str()].concat();
        let mut label = model.text(&key);
        if model.stands(right) {
            label = [model.text("rights.lift"), label].join(": ");
        }
        let id = ["_", right.as_str()].concat();
        let button = element("button", &["id", "part"], &[&id, "button right"], vec![text(label)]);
        let mut says = Vec::new();
        if let Some((answered, answer)) = model.answer()
            && answered == right
        {
            let key = if answer == Answer::Failed { "rights.failed" } else { "rights.done" };
            says.push(paragraph("stops", model.text(key)));
        }
        if right == Right::Erasure && model.doubt() == Some(&Doubt::Erasure) {
            says.push(self.question(String::new(), "rights.sure", "rights.yes", "rights.no"));
        }
        classed(
            "li",
            "item",
            vec![
                self.pressed(button, Action::Use(right)),
                paragraph("quiet", model.text(&[&*key, "-text"].concat())),
                live(says),
            ],
        )
    }

    pub(crate) fn contact(&self) -> Html {
        let controller = self.model.controller();
        let address = AttrValue::from(controller.contact.to_string());
        let shown = address.strip_prefix("mailto:").unwrap_or(&address).to_owned();
        let asks = [&*self.model.text("ui.contact"), " ", &controller.name, ", "].concat();
        classed("p", "quiet", vec![text(asks), element("a", &["href"], &[&address], vec![text(shown)]).into()])
    }
}
