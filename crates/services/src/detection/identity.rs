//! Which live workflow and which file are one workflow (product, Detection 7).
//!
//! In this order: the n8n id in the file, else an existing link, else the same name where it is unique on both sides.
//! What is ambiguous is listed for a person to link, never guessed.

use std::collections::{BTreeMap, HashMap, HashSet};

use drift_domain::views::AmbiguityView;
use drift_store::workflows::WorkflowRecord;

/// A workflow on the live side, as far as identity goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKey {
    /// n8n's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A workflow that Git declares, as far as identity goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredKey {
    /// Its file, from the root of the repository.
    pub path: String,
    /// The n8n id in the file, if it has one.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
}

/// One workflow of an environment: positions of its sides in what was read, and its record if it was seen before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// Position among the live workflows.
    pub live: Option<usize>,
    /// Position among the desired workflows.
    pub desired: Option<usize>,
    /// Position among the records.
    pub record: Option<usize>,
}

/// What identity made of the two sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Every workflow of either side, and every record that neither side has any more, each once.
    pub pairs: Vec<Pair>,
    /// Records whose file belongs to another record's workflow by now, with the position of that pair: the two are one.
    pub absorbed: Vec<(usize, usize)>,
    /// Names for which nobody may guess.
    pub ambiguities: Vec<AmbiguityView>,
}

/// Pairs the two sides.
#[must_use]
pub fn pair(live: &[LiveKey], desired: &[DesiredKey], records: &[WorkflowRecord]) -> Pairing {
    let live_by_id: HashMap<&str, usize> = live.iter().enumerate().map(|(i, l)| (l.id.as_str(), i)).collect();
    let partners = partners(live, desired, records, &live_by_id);
    let ambiguities = ambiguities(live, desired, &partners);
    let (pairs, absorbed) = with_records(live, desired, records, &partners);
    Pairing { pairs, absorbed, ambiguities }
}

/// For each desired workflow the live one that it is, if any.
fn partners(
    live: &[LiveKey],
    desired: &[DesiredKey],
    records: &[WorkflowRecord],
    live_by_id: &HashMap<&str, usize>,
) -> Vec<Option<usize>> {
    let mut partners: Vec<Option<usize>> = vec![None; desired.len()];
    let mut taken: HashSet<usize> = HashSet::new();

    // Two files with the same id cannot both be that workflow: neither is taken for it here.
    let mut files_by_id: HashMap<&str, usize> = HashMap::new();
    for id in desired.iter().filter_map(|d| d.id.as_deref()) {
        *files_by_id.entry(id).or_default() += 1;
    }
    for (i, file) in desired.iter().enumerate() {
        let by_id = file.id.as_deref().filter(|id| files_by_id[id] == 1).and_then(|id| live_by_id.get(id));
        if let Some(&at) = by_id {
            partners[i] = Some(at);
            taken.insert(at);
        }
    }

    let links: HashMap<&str, &str> =
        records.iter().filter_map(|r| r.path.as_deref().zip(r.live_id.as_deref())).collect();
    for (i, file) in desired.iter().enumerate() {
        if partners[i].is_none()
            && let Some(&at) = links.get(file.path.as_str()).and_then(|id| live_by_id.get(id))
            && taken.insert(at)
        {
            partners[i] = Some(at);
        }
    }

    let (free_live, free_desired) = by_name(live, desired, &partners);
    for (name, files) in &free_desired {
        if let ([file], Some([at])) = (files.as_slice(), free_live.get(name).map(Vec::as_slice)) {
            partners[*file] = Some(*at);
        }
    }
    partners
}

type ByName<'a> = BTreeMap<&'a str, Vec<usize>>;

/// What has no partner yet, by name.
fn by_name<'a>(live: &'a [LiveKey], desired: &'a [DesiredKey], partners: &[Option<usize>]) -> (ByName<'a>, ByName<'a>) {
    let taken: HashSet<usize> = partners.iter().flatten().copied().collect();
    let mut free_live = ByName::new();
    for (i, workflow) in live.iter().enumerate().filter(|(i, _)| !taken.contains(i)) {
        free_live.entry(&workflow.name).or_default().push(i);
    }
    let mut free_desired = ByName::new();
    for (i, workflow) in desired.iter().enumerate().filter(|(i, _)| partners[*i].is_none()) {
        free_desired.entry(&workflow.name).or_default().push(i);
    }
    (free_live, free_desired)
}

fn ambiguities(live: &[LiveKey], desired: &[DesiredKey], partners: &[Option<usize>]) -> Vec<AmbiguityView> {
    let (free_live, free_desired) = by_name(live, desired, partners);
    free_desired
        .into_iter()
        .filter_map(|(name, files)| {
            let candidates = free_live.get(name)?;
            Some(AmbiguityView {
                name: name.to_owned(),
                live_ids: candidates.iter().map(|&i| live[i].id.clone()).collect(),
                paths: files.iter().map(|&i| desired[i].path.clone()).collect(),
            })
        })
        .collect()
}

/// Gives each workflow its record: that of its live side first, since a file may be moved, and n8n's ids stay.
fn with_records(
    live: &[LiveKey],
    desired: &[DesiredKey],
    records: &[WorkflowRecord],
    partners: &[Option<usize>],
) -> (Vec<Pair>, Vec<(usize, usize)>) {
    let by_live: HashMap<&str, usize> =
        records.iter().enumerate().filter_map(|(i, r)| Some((r.live_id.as_deref()?, i))).collect();
    let by_path: HashMap<&str, usize> =
        records.iter().enumerate().filter_map(|(i, r)| Some((r.path.as_deref()?, i))).collect();
    let mut used = HashSet::new();
    let mut claim =
        |candidates: [Option<&usize>; 2]| candidates.into_iter().flatten().copied().find(|record| used.insert(*record));
    let mut desired_of: Vec<Option<usize>> = vec![None; live.len()];
    for (file, partner) in partners.iter().enumerate() {
        if let Some(at) = partner {
            desired_of[*at] = Some(file);
        }
    }
    // Every live workflow that was seen before takes its own record first, whatever the order of the list.
    let own: Vec<Option<usize>> =
        live.iter().map(|workflow| claim([by_live.get(workflow.id.as_str()), None])).collect();
    let mut pairs: Vec<Pair> = Vec::with_capacity(live.len() + desired.len());
    for (i, own) in own.into_iter().enumerate() {
        let file = desired_of[i];
        let record = own.or_else(|| claim([file.and_then(|f| by_path.get(desired[f].path.as_str())), None]));
        pairs.push(Pair { live: Some(i), desired: file, record });
    }
    for (i, file) in desired.iter().enumerate().filter(|(i, _)| partners[*i].is_none()) {
        // A file that moved keeps its record when it names the id that the record has.
        let by_id = file.id.as_deref().and_then(|id| by_live.get(id));
        let record = claim([by_path.get(file.path.as_str()), by_id]);
        pairs.push(Pair { live: None, desired: Some(i), record });
    }
    let holder: HashMap<&str, usize> = pairs
        .iter()
        .enumerate()
        .filter_map(|(at, pair)| pair.desired.map(|file| (desired[file].path.as_str(), at)))
        .collect();
    let mut absorbed = Vec::new();
    for (record, left) in records.iter().enumerate().filter(|(record, _)| !used.contains(record)) {
        match left.path.as_deref().and_then(|path| holder.get(path)) {
            Some(&pair) => absorbed.push((record, pair)),
            None => pairs.push(Pair { live: None, desired: None, record: Some(record) }),
        }
    }
    (pairs, absorbed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(id: &str, name: &str) -> LiveKey {
        LiveKey { id: id.to_owned(), name: name.to_owned() }
    }

    fn file(path: &str, id: Option<&str>, name: &str) -> DesiredKey {
        DesiredKey { path: path.to_owned(), id: id.map(str::to_owned), name: name.to_owned() }
    }

    fn record(live_id: Option<&str>, path: Option<&str>) -> WorkflowRecord {
        WorkflowRecord {
            id: uuid::Uuid::nil(),
            name: String::new(),
            live_id: live_id.map(str::to_owned),
            path: path.map(str::to_owned),
            baseline: None,
            agreed_at: None,
        }
    }

    fn sides(pairing: &Pairing) -> Vec<(Option<usize>, Option<usize>)> {
        pairing.pairs.iter().map(|p| (p.live, p.desired)).collect()
    }

    #[test]
    fn the_id_in_the_file_comes_before_a_link_and_a_link_before_the_name() {
        let lives = [live("1", "Orders"), live("2", "Orders (old)")];
        let files = [file("orders.json", Some("2"), "Orders")];
        assert_eq!(sides(&pair(&lives, &files, &[])), [(Some(0), None), (Some(1), Some(0))]);

        let files = [file("orders.json", None, "Orders")];
        let linked = [record(Some("2"), Some("orders.json"))];
        assert_eq!(sides(&pair(&lives, &files, &linked)), [(Some(0), None), (Some(1), Some(0))]);
        assert_eq!(sides(&pair(&lives, &files, &[])), [(Some(0), Some(0)), (Some(1), None)]);
    }

    #[test]
    fn a_name_that_is_not_unique_is_listed_and_not_guessed() {
        let lives = [live("1", "Sync"), live("2", "Sync"), live("3", "Other")];
        let files = [file("sync.json", None, "Sync"), file("lone.json", None, "Lone")];
        let found = pair(&lives, &files, &[]);
        assert!(found.pairs.iter().all(|p| p.live.is_none() || p.desired.is_none()));
        assert_eq!(
            found.ambiguities,
            [AmbiguityView {
                name: "Sync".to_owned(),
                live_ids: vec!["1".to_owned(), "2".to_owned()],
                paths: vec!["sync.json".to_owned()]
            }]
        );
    }

    #[test]
    fn two_files_with_one_id_are_not_both_that_workflow() {
        let lives = [live("1", "Orders")];
        let files = [file("a.json", Some("1"), "Orders"), file("copy of a.json", Some("1"), "Orders")];
        let found = pair(&lives, &files, &[]);
        assert_eq!(found.ambiguities.len(), 1);
        assert!(found.pairs.iter().all(|p| p.live.is_none() || p.desired.is_none()));
    }

    #[test]
    fn a_workflow_keeps_its_record_through_renames_and_moves() {
        let records = [record(Some("1"), Some("old/path.json"))];
        let moved = pair(&[live("1", "New name")], &[file("new/path.json", Some("1"), "New name")], &records);
        assert_eq!(moved.pairs, [Pair { live: Some(0), desired: Some(0), record: Some(0) }]);
        let gone = pair(&[], &[], &records);
        assert_eq!(gone.pairs, [Pair { live: None, desired: None, record: Some(0) }]);
    }

    #[test]
    fn a_new_workflow_does_not_take_the_record_of_one_that_is_still_there() {
        let records = [record(Some("old"), Some("a.json"))];
        let lives = [live("new", "A"), live("old", "Renamed")];
        let found = pair(&lives, &[file("a.json", Some("new"), "A")], &records);
        let of_old = found.pairs.iter().find(|p| p.live == Some(1)).unwrap();
        assert_eq!(of_old.record, Some(0));
    }

    #[test]
    fn a_pair_that_was_two_records_keeps_the_live_one_and_absorbs_the_other() {
        let records = [record(Some("1"), None), record(None, Some("a.json"))];
        let found = pair(&[live("1", "A")], &[file("a.json", None, "A")], &records);
        assert_eq!(found.pairs, [Pair { live: Some(0), desired: Some(0), record: Some(0) }]);
        assert_eq!(found.absorbed, [(1, 0)]);
    }
}
