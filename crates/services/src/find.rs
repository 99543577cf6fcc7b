//! Finding things by a few letters, from wherever somebody is: environments and incidents of the caller's organization.

use drift_domain::views::Found;
use drift_store::environments::{self, EnvironmentRecord};
use drift_store::incidents::{self, IncidentRecord, Which};
use drift_store::overrides;

use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};
use crate::incidents::row;
use crate::{Services, views};

/// Environments and incidents that are answered with, each.
const MOST: usize = 8;
/// Open incidents that are looked through.
const OPEN: i64 = 200;
/// Characters of a question that count.
const LONGEST: usize = 100;

impl Services {
    /// What is called by all the words that were typed, environments and incidents; an incident also by its number, closed ones
    /// too. Nothing typed finds the open incidents. Incidents only for whoever may read them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&self, permit: &Permit<cap::Visibility>, q: &str) -> ServiceResult<Found> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let asked = Asked::read(q);
        let incidents = match self.incidents_permit(permit.caller()).await {
            Ok(_) => self.found_incidents(permit, &asked).await?,
            Err(ServiceError::PlanRequired { .. } | ServiceError::RoleRequired { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        if asked.words.is_empty() {
            return Ok(Found { environments: Vec::new(), incidents: incidents.iter().map(row).collect() });
        }
        let mut db = self.tenant(organization).await?;
        let mut records = environments::list(&mut db, organization, None, i64::MAX).await?;
        records.retain(|record| asked.names(&record.connection.name));
        // By name already; what begins with what was typed comes first.
        records.sort_by_key(|record| !asked.begins(&record.connection.name));
        records.truncate(MOST);
        let overridden = overrides::counts(&mut db, organization, None, now).await?;
        let shown = |record: &EnvironmentRecord| {
            views::environment_row(record, overridden.get(&record.id).copied().unwrap_or_default(), now)
        };
        Ok(Found { environments: records.iter().map(shown).collect(), incidents: incidents.iter().map(row).collect() })
    }

    async fn found_incidents(
        &self,
        permit: &Permit<cap::Visibility>,
        asked: &Asked,
    ) -> ServiceResult<Vec<IncidentRecord>> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let mut found = Vec::new();
        if let Some(number) = asked.number() {
            let exact = Which { before: number.checked_add(1), ..Which::default() };
            found = incidents::list(&mut db, organization, exact, 1).await?;
            found.retain(|record| record.number == number);
        }
        let open = incidents::list(&mut db, organization, Which { open: true, ..Which::default() }, OPEN).await?;
        let wanted = |record: &IncidentRecord| {
            let known = found.iter().any(|known| known.id() == record.id());
            !known && asked.names(&format!("inc-{} {}", record.number, record.environment))
        };
        let more: Vec<IncidentRecord> = open.into_iter().filter(wanted).collect();
        found.extend(more);
        found.truncate(MOST);
        Ok(found)
    }
}

/// What somebody typed.
struct Asked {
    words: Vec<String>,
}

impl Asked {
    fn read(q: &str) -> Self {
        let text: String = q.chars().take(LONGEST).collect();
        Self { words: text.to_lowercase().split_whitespace().map(str::to_owned).collect() }
    }

    /// Whether a name has all the words.
    fn names(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.words.iter().all(|word| name.contains(word.as_str()))
    }

    fn begins(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| name.to_lowercase().starts_with(word.as_str()))
    }

    /// The number of an incident, where that is all that was typed: `12`, `#12`, `INC-12`.
    fn number(&self) -> Option<i64> {
        let [word] = self.words.as_slice() else { return None };
        let digits = word.strip_prefix("inc-").or_else(|| word.strip_prefix('#')).unwrap_or(word);
        digits.parse().ok().filter(|number| *number > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_looked_for_and_a_number_is_one_alone() {
        let asked = Asked::read("  Prod north ");
        assert!(asked.names("Northlight Production") && !asked.names("Northlight Staging"));
        assert!(Asked::read("NORTH").begins("Northlight") && !Asked::read("light").begins("Northlight"));
        assert!(Asked::read("").names("anything"));
        for (typed, number) in [("12", Some(12)), ("INC-12", Some(12)), ("#7", Some(7)), ("-3", None), ("12 x", None)] {
            assert_eq!(Asked::read(typed).number(), number, "{typed}");
        }
        assert_eq!(Asked::read(&"9".repeat(30)).number(), None, "no such number");
    }
}
