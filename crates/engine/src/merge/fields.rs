//! What is of the workflow itself: its name, whether it is active, its tags, each setting.

use std::collections::{BTreeMap, BTreeSet};

use drift_domain::views::MergeSide::{self, Base, Desired, Live};
use serde_json::{Map, Value};

use super::Choices;
use super::report::{Report, Told};
use super::sides::{Each, Sides};
use super::verdict::{Decided, Moves, Verdict};
use crate::canonical::value::{read, read_map};
use crate::canonical::{groups, settings};
use crate::ignored::Notes;
use crate::prints::{Facet, one_sided_differs};
use crate::workflow::Workflow;

/// The fields, by n8n's key, and what a person calls them.
const FIELDS: [(&str, &str); 6] = [
    ("name", "Name of the workflow"),
    ("active", "Active"),
    ("isArchived", "Archived"),
    ("description", "Description"),
    ("tags", "Tags"),
    ("nodeGroups", "Groups of nodes"),
];

/// What goes into the result.
pub(super) struct Fields {
    /// By n8n's key the side that the field is taken from. What no side carries is not among them.
    pub(super) fields: BTreeMap<&'static str, MergeSide>,
    /// The settings as they were written.
    pub(super) settings: Map<String, Value>,
}

/// Decides every field and every setting and tells of it.
pub(super) fn merge(sides: &Sides<'_>, choices: &Choices, report: &mut Report) -> Fields {
    let mut out = Fields { fields: BTreeMap::new(), settings: Map::new() };
    out.fields(sides, choices, report);
    out.settings(sides, choices, report);
    out
}

/// What can be picked: base only where it is known what it has.
fn pickable(base: bool) -> &'static [MergeSide] {
    if base { &[Live, Desired, Base] } else { &[Live, Desired] }
}

fn why(base: bool) -> String {
    if base { "Both n8n and Git changed it.".to_owned() } else { super::UNKNOWN_BASE.to_owned() }
}

impl Fields {
    fn fields(&mut self, sides: &Sides<'_>, choices: &Choices, report: &mut Report) {
        let facets = Each::of(|side| sides.flows[side].map(Workflow::facets).unwrap_or_default());
        for (key, title) in FIELDS {
            let known = facets[Base].contains_key(key);
            let verdict = field_moves(sides, &facets, key).verdict();
            let decided = Decided::new(verdict, key, choices, pickable(known));
            let told = Told { key, title: title.to_owned(), why: why(known), sides: pickable(known) };
            report.tell(told, decided, |side, redactor| {
                facets[side].get(key).map(|facet| redactor.member(key, &facet.value))
            });
            let Some(side) = decided.side() else { continue };
            // What a side's format does not carry is unknown, and the other one's stands.
            let other = matches!(verdict, Verdict::Untouched | Verdict::Alike).then_some(Desired);
            if let Some(side) = [Some(side), other].into_iter().flatten().find(|side| facets[*side].contains_key(key)) {
                self.fields.insert(key, side);
            }
        }
    }

    fn settings(&mut self, sides: &Sides<'_>, choices: &Choices, report: &mut Report) {
        let all = Each::of(|side| sides.flows[side].map(Settings::of).unwrap_or_default());
        let keys: BTreeSet<_> = MergeSide::ALL.iter().flat_map(|side| all[*side].raw.keys()).collect();
        for key in keys {
            let setting = format!("setting:{}", report.redactor.name(key));
            let base = sides.has_base();
            let decided = Decided::new(setting_moves(&all, key, base).verdict(), &setting, choices, pickable(base));
            let title = format!("Setting “{}”", report.redactor.name(key));
            let told = Told { key: &setting, title, why: why(base), sides: pickable(base) };
            report.tell(told, decided, |side, redactor| {
                let default = || Some(settings::shown_default(key)).filter(|_| sides.flows[side].is_some());
                all[side].canonical.get(key).cloned().or_else(default).map(|value| redactor.member(key, &value))
            });
            let Some(side) = decided.side() else { continue };
            // What nobody touched and one side leaves out is not different on the other.
            let other = (decided.verdict == Verdict::Untouched).then_some(Desired);
            let value = [Some(side), other].into_iter().flatten().find_map(|side| all[side].raw.get(key));
            self.settings.extend(value.map(|value| (key.clone(), value.clone())));
        }
    }
}

fn field_moves(sides: &Sides<'_>, facets: &Each<BTreeMap<&'static str, Facet>>, key: &str) -> Moves {
    let differs = |one: MergeSide, other: MergeSide| {
        let from_instance = |side: MergeSide| sides.flows[side].is_some_and(|flow| flow.instance);
        match (facets[one].get(key), facets[other].get(key)) {
            (Some(a), Some(b)) if key == "nodeGroups" => {
                groups::followed(&a.value, sides.renames(one, other)) != b.value
            }
            (Some(a), Some(b)) => a.value != b.value,
            (Some(one_sided), None) | (None, Some(one_sided)) => {
                one_sided_differs(one_sided.default, from_instance(one) || from_instance(other))
            }
            (None, None) => false,
        }
    };
    let moved = |side| sides.has_base() && differs(side, Base);
    Moves { live: moved(Live), desired: moved(Desired), alike: !differs(Live, Desired) }
}

/// The settings of a side.
#[derive(Default)]
struct Settings {
    /// As they were written.
    raw: Map<String, Value>,
    /// As they are compared. A known key that is not among them has its default.
    canonical: Map<String, Value>,
    /// Which of them this version does not know: compared where both sides have them.
    unknown: Vec<String>,
}

impl Settings {
    fn of(flow: &Workflow) -> Self {
        let forms = settings::canonical(&flow.doc, flow.settings, &mut Notes::off());
        let mut canonical = read_map(&forms.known);
        canonical.extend(forms.unknown.iter().map(|(key, value)| (key.clone(), read(value))));
        let unknown = forms.unknown.into_iter().map(|(key, _)| key).collect();
        Self { raw: flow.doc.to_map(flow.settings), canonical, unknown }
    }
}

fn setting_moves(all: &Each<Settings>, key: &str, base: bool) -> Moves {
    let unknown = MergeSide::ALL.iter().any(|side| all[*side].unknown.iter().any(|k| k == key));
    let differs = |one: MergeSide, other: MergeSide| {
        let (a, b) = (all[one].canonical.get(key), all[other].canonical.get(key));
        a != b && !(unknown && (a.is_none() || b.is_none()))
    };
    let moved = |side| base && differs(side, Base);
    Moves { live: moved(Live), desired: moved(Desired), alike: !differs(Live, Desired) }
}
