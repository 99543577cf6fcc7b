use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::change::{ChangeState, DecisionKind};
use crate::ids::{ChangeId, CheckId, EnvironmentId, IncidentId};
use crate::plan::Lifecycle;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

const fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn look(check: u128, begun: i64, differing: u32) -> GoodLook {
    GoodLook {
        environment: EnvironmentId(id(1)),
        check: CheckId(id(check)),
        begun_at: at(begun),
        ended_at: at(begun + 1),
        differing,
    }
}

fn standing(state: ChangeState, decision: Option<DecisionKind>, artifact: Option<ArtifactState>) -> Standing {
    let over = (state == ChangeState::Decided).then(|| (Some(CheckId(id(5))), at(5)));
    Standing { workflow: "Orders".to_owned(), state, decision, artifact, over }
}

fn settled() -> Settled {
    let decided = standing(ChangeState::Decided, Some(DecisionKind::Promote), Some(ArtifactState::Success));
    Settled::of(IncidentId(id(9)), &[decided]).unwrap()
}

fn detected(lifecycle: Lifecycle) -> Incident<step::Detected> {
    Incident::detected(IncidentId(id(9)), EnvironmentId(id(1)), lifecycle, at(0))
}

#[test]
fn nothing_is_settled_that_is_not_over_by_a_resolution() {
    let settle = |changes: &[Standing]| Settled::of(IncidentId(id(9)), changes);
    use ArtifactState::{Failed, Pending, Success};
    use ChangeState::{Decided, Open, Superseded, Vanished};
    let promote = Some(DecisionKind::Promote);
    let over = standing(Decided, promote, Some(Success));
    for (change, ok) in [
        (standing(Decided, promote, Some(Success)), true),
        (standing(Decided, Some(DecisionKind::Revert), None), true),
        (standing(Superseded, None, None), true),
        (standing(Open, None, None), false),
        (standing(Open, promote, Some(Pending)), false),
        (standing(Open, promote, Some(Failed)), false),
        (standing(Vanished, promote, Some(Failed)), false),
        (standing(Decided, promote, Some(Failed)), false),
        (standing(Decided, promote, Some(Pending)), false),
        (standing(Decided, Some(DecisionKind::Override), None), false),
    ] {
        assert_eq!(settle(&[over.clone(), change.clone()]).is_ok(), ok, "{change:?}");
    }
    assert_eq!(settle(&[]).unwrap_err(), [Unsettled::NothingDecided]);
    assert_eq!(settle(&[standing(Superseded, None, None)]).unwrap_err(), [Unsettled::NothingDecided]);
}

#[test]
fn a_difference_is_no_proof_and_an_early_look_is_none_either() {
    assert_eq!(InSync::of(look(5, 5, 1)).unwrap_err(), StillDifferent(1));
    let stabilized = detected(Lifecycle::Full).acknowledge(at(1)).stabilize(at(2)).unwrap();
    let early = InSync::of(look(4, 4, 0)).unwrap();
    assert_eq!(stabilized.clone().reconcile(&settled(), &early, at(7)).unwrap_err(), Refusal::LookedTooEarly);
    let elsewhere = InSync::of(GoodLook { environment: EnvironmentId(id(2)), ..look(6, 6, 0) }).unwrap();
    assert_eq!(stabilized.clone().reconcile(&settled(), &elsewhere, at(7)).unwrap_err(), Refusal::OtherIncident);
    let good = InSync::of(look(6, 6, 0)).unwrap();
    let reconciled = stabilized.reconcile(&settled(), &good, at(7)).unwrap();
    assert_eq!(reconciled.clone().close(settled(), good, at(8), at(9)).unwrap_err(), Refusal::NotFresh);
    let fresh = InSync::of(look(8, 8, 0)).unwrap();
    assert_eq!(reconciled.close(settled(), fresh, at(8), at(9)).unwrap().facts().times.closed_at, Some(at(9)));
}

#[test]
fn each_lifecycle_has_its_own_steps() {
    let good = InSync::of(look(6, 6, 0)).unwrap();
    let basic = detected(Lifecycle::Basic).acknowledge(at(1));
    assert_eq!(basic.clone().stabilize(at(2)).unwrap_err(), Refusal::NoSuchStep);
    assert!(basic.reconcile(&settled(), &good, at(7)).is_ok());
    let full = detected(Lifecycle::Full).acknowledge(at(1));
    assert_eq!(full.reconcile(&settled(), &good, at(7)).unwrap_err(), Refusal::StabilizeFirst);
}

/// Takes one step, where the status has it; anything else leaves the incident as it is.
fn walk(incident: &AnyIncident, action: u8, minute: i64) -> AnyIncident {
    let good = InSync::of(look(1000, minute, 0)).unwrap();
    let now = at(minute);
    let as_it_was = || incident.clone();
    match (incident.clone(), action) {
        (AnyIncident::Detected(i), 0) => i.acknowledge(now).into(),
        (AnyIncident::Acknowledged(i), 1) => i.stabilize(now).map_or_else(|_| as_it_was(), Into::into),
        (AnyIncident::Acknowledged(i), 2) => {
            i.reconcile(&settled(), &good, now).map_or_else(|_| as_it_was(), Into::into)
        }
        (AnyIncident::Stabilized(i), 2) => i.reconcile(&settled(), &good, now).map_or_else(|_| as_it_was(), Into::into),
        (AnyIncident::Reconciled(i), 3) => i.close(settled(), good, now, now).map_or_else(|_| as_it_was(), Into::into),
        (AnyIncident::Reconciled(i), 4) => i.regress(NewDrift::of(vec![ChangeId(id(3))]).unwrap()),
        (incident, _) => incident,
    }
}

proptest! {
    #[test]
    fn status_and_times_agree_whatever_is_done(
        full in any::<bool>(),
        actions in proptest::collection::vec((0_u8..5, -3_i64..5), 0..40),
    ) {
        let lifecycle = if full { Lifecycle::Full } else { Lifecycle::Basic };
        let mut incident = AnyIncident::from(detected(lifecycle));
        let mut minute = 0;
        for (action, passed) in actions {
            // The clock may go back.
            minute = (minute + passed).max(0);
            let next = walk(&incident, action, minute);
            prop_assert!(next.status() >= incident.status() || incident.status() == IncidentStatus::Reconciled);
            let times = next.facts().times;
            prop_assert_eq!(AnyIncident::load(next.status(), *next.facts()), Ok(next.clone()));
            let order: Vec<_> = IncidentStatus::ALL.iter().filter_map(|s| times.of(*s)).collect();
            prop_assert!(order.is_sorted(), "{:?}", times);
            incident = next;
        }
    }

    #[test]
    fn a_status_without_its_times_is_not_loaded(status in 0_usize..5, given in proptest::array::uniform4(any::<bool>())) {
        let [acknowledged, stabilized, reconciled, closed] = given.map(|given| given.then(|| at(1)));
        let times = Times {
            detected_at: at(0),
            acknowledged_at: acknowledged,
            stabilized_at: stabilized,
            reconciled_at: reconciled,
            closed_at: closed,
        };
        let facts = Facts { times, ..*detected(Lifecycle::Full).facts() };
        let expected = [1, 2, 3, 4].map(|step| step <= status);
        prop_assert_eq!(AnyIncident::load(IncidentStatus::ALL[status], facts).is_ok(), expected == given);
    }
}
