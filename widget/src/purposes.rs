//! The purposes as they are shown: each with its switch, and its processors in a table.

use consentry_core::{Processor, Purpose, Target};
use yew::Html;

use crate::action::Action;
use crate::centre::View;
use crate::element::{classed, element, paragraph, text};
use crate::known::BrowserSignal;
use crate::model::{Doubt, Group, Position, switch_id};
use crate::past::demand_key;

/// The head of each column of a table of processors, and the last part of the text's key; what it gets depends on the purpose.
const COLUMNS: [(&str, &str); 6] = [
    ("ui.gets", ""),
    ("ui.use", ".use"),
    ("ui.trains", ".trains"),
    ("ui.own-use", ".own-use"),
    ("ui.kept", ".kept"),
    ("ui.where", ".where"),
];

impl View<'_> {
    pub(crate) fn group(&self, group: Group) -> Html {
        let purposes: Vec<&Purpose> = self.model.purposes(group).collect();
        let name = self.model.text(group.key());
        let says_its_name = |purpose: &Purpose| self.title(&Target::purpose(purpose.id.clone())) == name;
        match purposes.as_slice() {
            [] => Html::default(),
            // A heading over a single purpose of the same name would say it twice.
            [purpose] if says_its_name(purpose) => classed("section", "group", vec![self.purpose(purpose, "h3")]),
            purposes => {
                let mut parts = vec![classed("h3", "heading", vec![text(name)])];
                parts.extend(purposes.iter().map(|purpose| self.purpose(purpose, "h4")));
                classed("section", "group", parts)
            }
        }
    }

    fn purpose(&self, purpose: &Purpose, heading: &'static str) -> Html {
        let target = Target::purpose(purpose.id.clone());
        let text_of = |name: &str| self.model.text(&["purpose.", purpose.id.as_str(), name].concat());
        classed(
            "div",
            "purpose",
            vec![
                self.row(heading, &target),
                self.below(&target),
                paragraph("text", text_of(".text")),
                paragraph("quiet", text_of(".details")),
                paragraph("quiet", text_of(".basis")),
                self.processors(purpose, &target),
            ],
        )
    }

    /// One switch on the page: its title, its state, and what has to be said or asked.
    pub(crate) fn toggle(&self, target: &Target) -> Vec<Html> {
        vec![self.row("span", target), self.below(target), self.status()]
    }

    fn row(&self, heading: &'static str, target: &Target) -> Html {
        let mut row = vec![self.named(heading, "heading", "", target)];
        row.extend(self.mark(target));
        row.extend(self.switch(target));
        classed("div", "row", row)
    }

    /// The title of a target, which names its switch and takes the focus when the centre opens there.
    fn named(&self, name: &'static str, part: &str, role: &str, target: &Target) -> Html {
        let values = [&*target.to_string(), part, role, "-1"];
        element(name, &["id", "part", "role", "tabindex"], &values, vec![text(self.title(target))]).into()
    }

    fn mark(&self, target: &Target) -> Option<Html> {
        self.model.is_new(target).then(|| classed("span", "new", vec![text(self.model.text("change.new"))]))
    }

    /// A real table, whose roles are said once more: shown as cards it would lose them.
    fn processors(&self, purpose: &Purpose, of: &Target) -> Html {
        let rows: Vec<Html> =
            self.model.processors(purpose).map(|processor| self.processor(purpose, processor)).collect();
        if rows.is_empty() {
            return Html::default();
        }
        let keys = COLUMNS.iter().map(|(key, _)| *key);
        let keys = ["ui.processor"].into_iter().chain(keys).chain(["ui.choose"]);
        let head: Vec<Html> =
            keys.map(|key| cell("th", "columnheader", "", vec![text(self.model.text(key))])).collect();
        let head = cell("tr", "row", "", head);
        let table = vec![cell("thead", "rowgroup", "", vec![head]), cell("tbody", "rowgroup", "", rows)];
        let values = ["table", "processors", &of.to_string()];
        element("table", &["role", "part", "aria-labelledby"], &values, table).into()
    }

    fn processor(&self, purpose: &Purpose, processor: &Processor) -> Html {
        let target = Target::processor(purpose.id.clone(), processor.id.clone());
        let mut cells = vec![self.named("th", "processor", "rowheader", &target)];
        for (key, name) in COLUMNS {
            let key_of_fact = match name {
                "" => ["gets.", &target.to_string(), ""].concat(),
                name => ["processor.", processor.id.as_str(), name].concat(),
            };
            cells.push(cell("td", "cell", &self.model.text(key), vec![text(self.model.text(&key_of_fact))]));
        }
        let mut last: Vec<Html> = self.mark(&target).into_iter().chain(self.switch(&target)).collect();
        last.push(self.below(&target));
        cells.push(cell("td", "cell", "", last));
        cell("tr", "row", "", cells)
    }

    /// Named by its target's title, which never changes; the word beside it is for the eye, `aria-checked` says the same.
    fn switch(&self, target: &Target) -> Vec<Html> {
        let Some(position) = self.model.position(target) else {
            return vec![classed("span", "state", vec![text(self.model.text("ui.always"))])];
        };
        let (checked, key) = match position {
            Position::On => ("true", "ui.on"),
            Position::Off | Position::Locked => ("false", "ui.off"),
        };
        let is_locked = if position == Position::Locked { "true" } else { "" };
        let switch = element(
            "button",
            &["id", "part", "role", "aria-checked", "aria-labelledby", "aria-disabled"],
            &[&switch_id(target), "switch", "switch", checked, &target.to_string(), is_locked],
            vec![element("i", &[], &[], Vec::new()).into()],
        );
        let state = element(
            "span",
            &["class", "part", "aria-hidden"],
            &["state", "state", "true"],
            vec![text(self.model.text(key))],
        );
        vec![state.into(), self.pressed(switch, Action::Toggle(target.clone()))]
    }

    /// What is said because of where a switch stands, and what is asked before it moves. Always there, though mostly
    /// empty: a live region is heard only if it was there before its words.
    fn below(&self, target: &Target) -> Html {
        let model = self.model;
        let lost: Vec<String> =
            model.stops(target).map(|feature| model.text(&["feature.", feature.id.as_str()].concat())).collect();
        let mut says = Vec::new();
        if !lost.is_empty() {
            says.push(paragraph("stops", [model.text("ui.stops"), lost.join(&model.text("ui.comma"))].join(": ")));
        }
        if target.processor.is_none() {
            says.extend(model.demanded(target).map(|kind| paragraph("stops", model.text(demand_key(kind)))));
        }
        if model.doubt() == Some(&Doubt::Switch(target.clone())) {
            says.push(self.doubt(core::slice::from_ref(target)));
        }
        live(says)
    }

    /// The second step before these are on.
    pub(crate) fn doubt(&self, targets: &[Target]) -> Html {
        let is_signalled = matches!(self.model.signal(), BrowserSignal::Honoured(_));
        let key = if is_signalled { "signal.confirm" } else { "ui.again" };
        // Under a switch it is clear what is meant; of several at once it is said.
        let titles: Vec<String> = targets.iter().map(|target| self.title(target)).collect();
        let about = if matches!(self.model.doubt(), Some(Doubt::All(_))) {
            titles.join(&self.model.text("ui.comma")) + ": "
        } else {
            String::new()
        };
        self.question(about, key, "ui.confirm", "ui.back")
    }

    pub(crate) fn question(&self, about: String, question: &str, yes: &str, no: &str) -> Html {
        classed(
            "div",
            "question",
            vec![
                paragraph("text", [&*about, &self.model.text(question)].concat()),
                self.button("", "button confirm", yes, Action::Confirm),
                self.button("", "button back", no, Action::Back),
            ],
        )
    }

    pub(crate) fn title(&self, target: &Target) -> String {
        self.model.text(&match &target.processor {
            None => ["purpose.", target.purpose.as_str(), ".title"].concat(),
            Some(processor) => ["processor.", processor.as_str(), ".name"].concat(),
        })
    }
}

pub(crate) fn live(says: Vec<Html>) -> Html {
    element("div", &["class", "aria-live"], &["live", "polite"], says).into()
}

/// A part of a table. The label is shown where it stands without its column's head.
fn cell(name: &'static str, role: &str, label: &str, children: Vec<Html>) -> Html {
    element(name, &["role", "part", "data-label"], &[role, role, label], children).into()
}
