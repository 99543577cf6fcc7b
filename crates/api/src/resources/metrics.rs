//! Metrics, as JSON and each figure as a CSV file.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use drift_domain::ids::EnvironmentId;
use drift_domain::metrics::Figure;
use drift_domain::views::{Cell, MetricsPage, Table};
use drift_services::ServiceError;
use drift_services::metrics::Asked;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use utoipa::IntoParams;

use super::csv_file::{CSV, lines, safe};
use crate::ApiState;
use crate::auth::SignedIn;
use crate::extract::{Path, Query};
use crate::problem::{Answer, Problem};

/// Which days, and of what.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The first day, in UTC. Without one, 29 days before the last.
    pub from: Option<NaiveDate>,
    /// The last day, in UTC. Without one, today.
    pub to: Option<NaiveDate>,
    /// Only of this environment.
    pub environment: Option<EnvironmentId>,
}

impl Which {
    fn asked(&self) -> Asked {
        Asked { from: self.from, to: self.to, environment: self.environment }
    }
}

/// Show the metrics: open incidents, times, deadlines, drift, repeats, override debt, requests for a higher plan.
#[utoipa::path(get, path = "/metrics", tag = "Metrics", params(Which), responses(
    (status = OK, body = MetricsPage), (status = NOT_FOUND, body = Problem), (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: SignedIn,
    Query(which): Query<Which>,
) -> Answer<Json<MetricsPage>> {
    Ok(Json(state.services.metrics(&caller.permit()?, which.asked()).await?))
}

/// Show one figure as a CSV file with a line of headings. A text that a spreadsheet would take for a formula begins with `'`.
#[utoipa::path(get, path = "/metrics/{figure}/csv", tag = "Metrics", params(("figure" = Figure, Path), Which), responses(
    (status = OK, body = String, content_type = "text/csv"), (status = NOT_FOUND, body = Problem),
    (status = UNPROCESSABLE_ENTITY, body = Problem),
))]
pub(crate) async fn csv(
    State(state): State<ApiState>,
    caller: SignedIn,
    Path(figure): Path<Figure>,
    Query(which): Query<Which>,
) -> Answer<([(http::HeaderName, String); 2], Vec<u8>)> {
    let permit = caller.permit()?;
    let page = state.services.metrics(&permit, which.asked()).await?;
    state.services.metrics_exported(&permit, figure, &page).await?;
    let file = format!("{figure}-{}-{}.csv", page.range.first(), page.range.last_day());
    let written = write(&page.table(figure)).map_err(ServiceError::unavailable)?;
    let headers = [(CONTENT_TYPE, CSV.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\""))];
    Ok((headers, written))
}

/// A table as CSV.
fn write(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let heads = table.columns.iter().map(|head| (*head).to_owned()).collect();
    lines(std::iter::once(heads).chain(table.rows.iter().map(|row| row.iter().map(text).collect::<Vec<String>>())))
}

/// What a cell reads.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => safe(text),
        cell => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_runs_nothing() {
        let rows = vec![vec![Cell::Text("=HYPERLINK(\"http://x\",\"y\")".to_owned()), Cell::Count(-1), Cell::None]];
        let table = Table { columns: vec!["Name", "Count", "Of, all"], rows };
        let text = String::from_utf8(write(&table).unwrap()).unwrap();
        assert_eq!(text, "Name,Count,\"Of, all\"\r\n\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",-1,\r\n");
    }
}
