//! What a person typed into a form that was refused. It goes back to where it was typed; where that form is no more (somebody
//! else was faster), it is shown, so that nobody types anything twice.

use std::collections::BTreeMap;

use drift_services::accounts::Notice;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A form's text, by the form's and the fields' names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    form: String,
    fields: BTreeMap<String, String>,
    #[serde(skip)]
    error: Option<(String, String)>,
}

impl Kept {
    /// The text of a form, to be kept with a notice.
    pub(crate) fn new<'f>(form: impl Into<String>, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Self { form: form.into(), fields, error: None }
    }

    /// What a notice carries, with what it says about a field.
    pub(crate) fn of(notice: Option<&Notice>) -> Self {
        let Some(notice) = notice else { return Self::default() };
        let kept =
            notice.draft.clone().and_then(|draft| serde_json::from_value::<Self>(draft).ok()).unwrap_or_default();
        let error = notice.field.clone().map(|field| (field, notice.text.clone()));
        Self { error, ..kept }
    }

    /// The same for a notice to carry.
    pub(crate) fn draft(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self).ok()
    }

    /// What was typed into a field; empty where nothing was.
    pub(in crate::pages) fn text(&self, form: &str, field: &str) -> String {
        self.typed(form, field).unwrap_or_default().to_owned()
    }

    /// What was typed or chosen in a field, if this form was sent.
    pub(in crate::pages) fn typed(&self, form: &str, field: &str) -> Option<&str> {
        (self.form == form).then(|| self.fields.get(field)).flatten().map(String::as_str)
    }

    /// What is wrong with a field.
    pub(in crate::pages) fn error(&self, form: &str, field: &str) -> Option<String> {
        let (name, text) = self.error.as_ref()?;
        (self.form == form && name == field).then(|| text.clone())
    }

    /// Whether this form's text is kept: then it is shown unfolded.
    pub(super) fn is_of(&self, form: &str) -> bool {
        self.form == form
    }

    /// The text of a form that the page no longer has.
    pub(in crate::pages) fn left_over(&self, page_has_form: &dyn Fn(&str) -> bool) -> Option<impl IntoView + use<>> {
        let prose = ["reason", "note", "text", "replacement", "ticket"];
        let texts: Vec<_> = self
            .fields
            .iter()
            .filter(|(name, text)| prose.contains(&name.as_str()) && !text.trim().is_empty())
            .collect();
        if self.form.is_empty() || texts.is_empty() || page_has_form(&self.form) {
            return None;
        }
        let text = texts.into_iter().map(|(_, text)| text.clone()).collect::<Vec<_>>().join("\n");
        Some(view! {
            <div class="field mb-4" data-left-over="">
                <label for="left-over">"What you had written"</label>
                <textarea class="input" id="left-over" readonly>{text}</textarea>
                <p class="hint">"Nothing of it was recorded. Copy what is still worth saying."</p>
            </div>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_goes_back_into_its_own_form_alone() {
        let kept = Kept::new("acknowledge", [("reason", "I am on it")]);
        let notice =
            Notice { good: false, text: "Say why.".to_owned(), field: Some("reason".to_owned()), draft: kept.draft() };
        let kept = Kept::of(Some(&notice));
        assert_eq!(kept.text("acknowledge", "reason"), "I am on it");
        assert_eq!(kept.text("stabilize", "reason"), "");
        assert_eq!(kept.error("acknowledge", "reason").as_deref(), Some("Say why."));
        assert!(kept.error("stabilize", "reason").is_none());
        assert!(kept.left_over(&|_| true).is_none() && kept.left_over(&|_| false).is_some());
    }

    #[test]
    fn a_notice_without_text_keeps_nothing() {
        let kept = Kept::of(Some(&Notice { good: true, text: "Done.".to_owned(), field: None, draft: None }));
        assert!(kept.left_over(&|_| false).is_none());
    }
}
