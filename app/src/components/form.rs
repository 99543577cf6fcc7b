//! Fields: label, control, hint and error, tied together for those who cannot see them.

use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// One text field. What is left `None` or empty is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    /// `text`, `email`, `password`, `url`, `number`.
    pub kind: &'static str,
    pub value: String,
    pub hint: Option<String>,
    pub error: Option<String>,
    pub placeholder: &'static str,
    pub autocomplete: &'static str,
    pub required: bool,
    pub autofocus: bool,
    pub mono: bool,
    /// Several lines.
    pub area: bool,
    pub minlength: Option<u32>,
}

/// The ids that a control is described by, in the order in which they are read.
fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<_> = [(error, "error"), (hint, "hint")]
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, what)| format!("{name}-{what}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// The error of a field.
pub(crate) fn field_error(name: &str, error: Option<String>) -> Option<impl IntoView + use<>> {
    let id = format!("{name}-error");
    error.map(|error| {
        view! {
            <p class="field-error" id=id>
                {icon(Icon::Warning)}
                <span>{error}</span>
            </p>
        }
    })
}

impl Field {
    /// Draws the field.
    pub(crate) fn view(self) -> AnyView {
        let described = described_by(self.name, self.hint.is_some(), self.error.is_some());
        let invalid = self.error.is_some().then_some("true");
        let class = if self.mono { "input mono" } else { "input" };
        let placeholder = (!self.placeholder.is_empty()).then_some(self.placeholder);
        let autocomplete = if self.autocomplete.is_empty() { "off" } else { self.autocomplete };
        let control = if self.area {
            view! {
                <textarea
                    class=class id=self.name name=self.name placeholder=placeholder autocomplete=autocomplete
                    spellcheck="false" required=self.required aria-describedby=described aria-invalid=invalid
                >
                    {self.value}
                </textarea>
            }
            .into_any()
        } else {
            view! {
                <input
                    class=class id=self.name name=self.name type=self.kind value=self.value placeholder=placeholder
                    autocomplete=autocomplete spellcheck="false" required=self.required autofocus=self.autofocus
                    minlength=self.minlength aria-describedby=described aria-invalid=invalid
                />
            }
            .into_any()
        };
        view! {
            <div class="field">
                <label for=self.name>{self.label}</label>
                {control}
                {self.hint.map(|hint| view! { <p class="hint" id=format!("{}-hint", self.name)>{hint}</p> })}
                {field_error(self.name, self.error)}
            </div>
        }
        .into_any()
    }
}

/// Options of a select: value, label, whether it is chosen.
pub(crate) fn options(options: impl IntoIterator<Item = (String, String, bool)>) -> impl IntoView {
    options
        .into_iter()
        .map(|(value, label, selected)| view! { <option value=value selected=selected>{label}</option> })
        .collect_view()
}
