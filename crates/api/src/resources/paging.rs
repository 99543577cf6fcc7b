//! Lists, page by page. A page begins behind the key that the page before ended with, so that what comes and goes meanwhile
//! neither hides anything nor shows it twice.

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use drift_services::ServiceError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Answer;

/// Items of a page, unless the caller says how many.
pub(crate) const PAGE: usize = 50;
/// Items of a page at most.
pub(crate) const LONGEST_PAGE: usize = 200;

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Where to go on: `next` of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// What there is.
    pub items: Vec<T>,
    /// What to ask with for the next page; `null` on the last.
    pub next: Option<String>,
}

/// A page of a list that is short enough to be read whole (what one person has, who is in one organization), highest key
/// first: for a UUID of version 7, what was made last.
pub(crate) fn page<T, K>(mut items: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> K) -> Answer<List<T>>
where
    K: Ord + Display + FromStr,
{
    let after = query.after.as_deref().filter(|text| !text.is_empty()).map(str::parse::<K>).transpose();
    let after = after.map_err(|_| {
        ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
    })?;
    let limit = query.limit.map_or(PAGE, |limit| (limit as usize).clamp(1, LONGEST_PAGE));
    items.retain(|item| after.as_ref().is_none_or(|after| key(item) < *after));
    items.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(List { next: items.last().filter(|_| more).map(|item| key(item).to_string()), items })
}

/// A page that the service made.
pub(crate) fn made<T>(items: Vec<T>, next: Option<impl Display>) -> Json<List<T>> {
    Json(List { items, next: next.map(|key| key.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(items: &[u32], query: &PageQuery) -> (Vec<u32>, Option<String>) {
        let List { items, next } = page(items.to_vec(), query, |item| *item).unwrap();
        (items, next)
    }

    #[test]
    fn a_page_begins_behind_the_one_before_whatever_came_and_went() {
        let first = PageQuery { after: None, limit: Some(2) };
        assert_eq!(pages(&[1, 3, 2], &first), (vec![3, 2], Some("2".to_owned())));
        let second = PageQuery { after: Some("2".to_owned()), limit: Some(2) };
        assert_eq!(pages(&[1, 3, 4], &second), (vec![1], None), "2 is gone, 4 is new, and nothing is missed");
        assert_eq!(pages(&[1, 2], &first).1, None, "a page that just fits is the last");
    }

    #[test]
    fn what_is_no_end_of_a_page_is_refused_and_a_page_has_bounds() {
        let wrong = PageQuery { after: Some("x".to_owned()), limit: None };
        assert_eq!(page(vec![1], &wrong, |item| *item).unwrap_err().status, 422);
        let all: Vec<u32> = (0..300).collect();
        assert_eq!(pages(&all, &PageQuery { after: None, limit: Some(1000) }).0.len(), LONGEST_PAGE);
        assert_eq!(pages(&all, &PageQuery { after: None, limit: Some(0) }).0, [299]);
        assert_eq!(pages(&all, &PageQuery { after: None, limit: None }).0.len(), PAGE);
    }
}
