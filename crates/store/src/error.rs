//! What can go wrong between a service and the database.

use drift_domain::UnknownWord;

/// What a function of this crate answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a statement did not do its work. "Not found" is no error: it is `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A constraint of the schema refused the row. Services turn the name into what a person should do.
    #[error("the database refused the row: {constraint}")]
    Constraint {
        /// The constraint's name.
        constraint: String,
        /// The database's own words, for the log.
        #[source]
        source: sqlx::Error,
    },
    /// The database could not be reached, or went away.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A statement failed for another reason.
    #[error("a statement failed")]
    Statement(#[source] sqlx::Error),
    /// A statement met another number of rows than the one that it must: the row is gone, or in another state.
    #[error("a statement met {rows} rows where it must meet one: the row is gone or in another state by now")]
    WrongRows {
        /// How many rows it met.
        rows: u64,
    },
    /// A stored word is not one that this version knows.
    #[error("a stored word is unknown to this version")]
    Word(#[from] UnknownWord),
    /// A stored value is not what its column holds.
    #[error("a stored value is damaged: {0}")]
    Corrupt(String),
    /// Stored content could not be compressed or decompressed.
    #[error("stored content could not be compressed or decompressed")]
    Compression(#[source] std::io::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// A stored value that is not what its column holds.
    pub fn corrupt(why: impl std::fmt::Display) -> Self {
        Self::Corrupt(why.to_string())
    }

    /// The name of the constraint that refused the row, if one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { constraint, .. } => Some(constraint),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Database(refusal) if refusal.constraint().is_some() => {
                let constraint = refusal.constraint().unwrap_or_default().to_owned();
                Self::Constraint { constraint, source }
            }
            sqlx::Error::Database(refusal) if refusal.code().is_some_and(|code| is_absence(&code)) => {
                Self::Unavailable(source)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_) => Self::Unavailable(source),
            _ => Self::Statement(source),
        }
    }
}

/// Whether an SQLSTATE says that the database is going, gone, coming up or full (class 08, 53300, class 57P).
fn is_absence(code: &str) -> bool {
    code.starts_with("08") || code == "53300" || matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
}

/// A write that must meet exactly one row did.
pub(crate) fn exactly_one(rows: u64) -> StoreResult<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::WrongRows { rows }) }
}

/// Reads a stored word.
pub(crate) fn word<T: std::str::FromStr<Err = UnknownWord>>(text: &str) -> StoreResult<T> {
    Ok(text.parse()?)
}
