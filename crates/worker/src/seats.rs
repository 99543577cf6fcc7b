//! Who works next: seats shared out so that nobody's slow server delays anybody else's checks.
//!
//! A replica has a number of seats. A check takes one, and an organization has no more than its share of them, a host no
//! more than [`Limits::per_host`] checks. Whoever waits and is urgent comes first, then whoever's organization sits on the
//! fewest seats, then whoever waited longest.
//!
//! A check that has waited on a server for long steps aside: it goes on, and somebody else takes its seat. So seats are
//! held by work, not by waiting, and a dead n8n costs the others a moment instead of minutes. How many may stand aside is
//! bounded, too, in all and by organization; an organization beyond that keeps its own seats busy and no others'.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift_domain::ids::OrganizationId;
use tokio::sync::oneshot;

/// How many checks of one replica may do what at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Checks at work.
    pub seats: usize,
    /// Of these, checks of one organization.
    pub seats_per_organization: usize,
    /// Checks that wait for somebody else's server for long.
    pub aside: usize,
    /// Of these, checks of one organization.
    pub aside_per_organization: usize,
    /// Checks of one n8n host, at work or aside. n8n works on one thread: more gain nothing (observed).
    pub per_host: usize,
    /// Checks of one organization that wait for a seat here. What is beyond goes back to the queue for a moment.
    pub waiting_per_organization: usize,
}

impl Limits {
    /// Limits that go with a number of seats: three quarters of them for one organization at most, and eight times as many
    /// places aside, half of them for one organization.
    #[must_use]
    pub fn for_seats(seats: usize) -> Self {
        let seats = seats.max(1);
        Self {
            seats,
            seats_per_organization: (seats * 3 / 4).max(1),
            aside: seats * 8,
            aside_per_organization: seats * 4,
            per_host: 2,
            waiting_per_organization: seats * 4,
        }
    }

    /// Jobs that one replica may hold at once, waiting ones of two organizations included.
    pub(crate) const fn jobs(&self) -> usize {
        self.seats + self.aside + 2 * self.waiting_per_organization
    }
}

/// Who wants a seat.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) organization: OrganizationId,
    pub(crate) host: String,
    /// Somebody waits for it: it was asked for.
    pub(crate) urgent: bool,
}

/// Too many checks of this organization wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The seats of one replica.
#[derive(Clone)]
pub(crate) struct Seats(Arc<Mutex<State>>);

struct State {
    limits: Limits,
    seated: usize,
    aside: usize,
    organizations: HashMap<OrganizationId, Counts>,
    hosts: HashMap<String, usize>,
    waiting: BTreeMap<u64, (Guest, oneshot::Sender<Seat>)>,
    arrivals: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    seated: usize,
    aside: usize,
    waiting: usize,
}

/// A seat, or a place aside, until it is dropped.
pub(crate) struct Seat {
    seats: Seats,
    guest: Guest,
    aside: bool,
    held: bool,
}

impl Seats {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State {
            limits,
            seated: 0,
            aside: 0,
            organizations: HashMap::new(),
            hosts: HashMap::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
        })))
    }

    /// Waits for a seat.
    ///
    /// # Errors
    /// [`Full`], at once.
    pub(crate) async fn take(&self, guest: Guest) -> Result<Seat, Full> {
        let (give, seat) = oneshot::channel();
        {
            let mut state = self.lock();
            let limit = state.limits.waiting_per_organization;
            let counts = state.organizations.entry(guest.organization).or_default();
            if counts.waiting >= limit {
                return Err(Full);
            }
            counts.waiting += 1;
            let arrival = state.arrivals;
            state.arrivals += 1;
            state.waiting.insert(arrival, (guest, give));
            self.fill(&mut state);
        }
        // The sender is dropped without a seat only with everything else.
        seat.await.map_err(|_| Full)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free seats to those who may have them.
    fn fill(&self, state: &mut State) {
        while let Some(arrival) = state.next() {
            let Some((guest, give)) = state.waiting.remove(&arrival) else { return };
            state.count(&guest, |counts| counts.waiting -= 1);
            if give.is_closed() {
                continue;
            }
            state.seated += 1;
            state.count(&guest, |counts| counts.seated += 1);
            *state.hosts.entry(guest.host.clone()).or_default() += 1;
            let seat = Seat { seats: self.clone(), guest, aside: false, held: true };
            // Whoever stopped waiting just now: the seat is free again. Its drop must not take the lock that is held.
            if let Err(mut seat) = give.send(seat) {
                seat.held = false;
                state.leave(&seat);
            }
        }
    }
}

impl State {
    /// Whose turn it is, if there is a seat for anybody.
    fn next(&self) -> Option<u64> {
        if self.seated >= self.limits.seats {
            return None;
        }
        let seated = |guest: &Guest| self.organizations.get(&guest.organization).map_or(0, |counts| counts.seated);
        let may = |guest: &Guest| {
            seated(guest) < self.limits.seats_per_organization
                && self.hosts.get(&guest.host).is_none_or(|checks| *checks < self.limits.per_host)
        };
        self.waiting
            .iter()
            .filter(|(_, (guest, give))| give.is_closed() || may(guest))
            .min_by_key(|(arrival, (guest, _))| (!guest.urgent, seated(guest), **arrival))
            .map(|(arrival, _)| *arrival)
    }

    fn count(&mut self, guest: &Guest, change: impl FnOnce(&mut Counts)) {
        let counts = self.organizations.entry(guest.organization).or_default();
        change(counts);
        if *counts == Counts::default() {
            self.organizations.remove(&guest.organization);
        }
    }

    fn leave(&mut self, seat: &Seat) {
        if seat.aside {
            self.aside -= 1;
            self.count(&seat.guest, |counts| counts.aside -= 1);
        } else {
            self.seated -= 1;
            self.count(&seat.guest, |counts| counts.seated -= 1);
        }
        if let Some(checks) = self.hosts.get_mut(&seat.guest.host) {
            *checks -= 1;
            if *checks == 0 {
                self.hosts.remove(&seat.guest.host);
            }
        }
    }
}

impl Seat {
    /// Leaves the seat to somebody else and goes on aside, where there is room. Answers whether it is aside now.
    pub(crate) fn step_aside(&mut self) -> bool {
        if self.aside {
            return true;
        }
        let mut state = self.seats.lock();
        let limits = state.limits;
        let of_its_own = state.organizations.get(&self.guest.organization).map_or(0, |counts| counts.aside);
        if state.aside >= limits.aside || of_its_own >= limits.aside_per_organization {
            return false;
        }
        state.aside += 1;
        state.seated -= 1;
        state.count(&self.guest, |counts| {
            counts.aside += 1;
            counts.seated -= 1;
        });
        self.aside = true;
        self.seats.fill(&mut state);
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.held {
            let seats = self.seats.clone();
            let mut state = seats.lock();
            state.leave(self);
            seats.fill(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn seats(limits: Limits) -> Seats {
        Seats::new(limits)
    }

    fn limits() -> Limits {
        Limits { per_host: 10, ..Limits::for_seats(4) }
    }

    fn of(organization: u128, host: &str) -> Guest {
        Guest { organization: OrganizationId(Uuid::from_u128(organization)), host: host.to_owned(), urgent: false }
    }

    fn now(seats: &Seats, guest: Guest) -> Option<Seat> {
        seats.take(guest).now_or_never().map(Result::unwrap)
    }

    #[test]
    fn an_organization_leaves_seats_to_others() {
        let seats = seats(limits());
        let large: Vec<_> = (0..4).map(|_| now(&seats, of(1, "a"))).collect();
        assert_eq!(large.iter().flatten().count(), 3, "three quarters");
        assert!(now(&seats, of(2, "b")).is_some());
    }

    #[test]
    fn a_host_is_asked_by_few_at_once_whoever_owns_the_checks() {
        let seats = seats(Limits { per_host: 1, ..limits() });
        let first = now(&seats, of(1, "n8n.example"));
        assert!(first.is_some() && now(&seats, of(2, "n8n.example")).is_none());
        assert!(now(&seats, of(2, "other.example")).is_some());
        drop(first);
        assert!(now(&seats, of(2, "n8n.example")).is_some());
    }

    #[tokio::test]
    async fn the_urgent_come_first_then_those_with_the_fewest_seats_then_the_first() {
        let seats = seats(Limits { seats: 2, seats_per_organization: 2, ..limits() });
        let (held, other) = (now(&seats, of(1, "a")).unwrap(), now(&seats, of(1, "a")).unwrap());
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |name: &'static str, guest: Guest| {
            let (seats, order) = (seats.clone(), order.clone());
            let mut waiting = Box::pin(async move {
                let seat = seats.take(guest).await.unwrap();
                order.lock().unwrap().push(name);
                drop(seat);
            });
            // It takes its number.
            assert!((&mut waiting).now_or_never().is_none());
            waiting
        };
        let waiting = [
            wait("second of the large", of(1, "a")),
            wait("third of the large", of(1, "a")),
            wait("of the small", of(2, "b")),
            wait("urgent", Guest { urgent: true, ..of(1, "a") }),
        ];
        drop(other);
        futures::future::join_all(waiting).await;
        assert_eq!(*order.lock().unwrap(), ["urgent", "of the small", "second of the large", "third of the large"]);
        drop(held);
    }

    #[test]
    fn who_waits_for_long_steps_aside_within_bounds() {
        let seats =
            seats(Limits { seats: 1, seats_per_organization: 1, aside: 2, aside_per_organization: 1, ..limits() });
        let mut slow = now(&seats, of(1, "a")).unwrap();
        assert!(now(&seats, of(2, "b")).is_none());
        assert!(slow.step_aside() && slow.step_aside(), "twice is once");
        let mut another = now(&seats, of(1, "c")).unwrap();
        assert!(!another.step_aside(), "its organization has one aside");
        assert!(now(&seats, of(2, "b")).is_none());
        drop(slow);
        assert!(another.step_aside());
        assert!(now(&seats, of(2, "b")).is_some());
    }

    #[test]
    fn who_stops_waiting_holds_nothing_up() {
        let seats = seats(Limits { seats: 1, ..limits() });
        let held = now(&seats, of(1, "a")).unwrap();
        let mut gone = Box::pin(seats.take(of(2, "b")));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(now(&seats, of(3, "c")).is_some());
        assert!(seats.lock().organizations.is_empty() && seats.lock().hosts.is_empty(), "nothing is left behind");
    }

    #[test]
    fn too_many_of_one_organization_are_sent_back() {
        let seats = seats(Limits { seats: 1, waiting_per_organization: 1, ..limits() });
        let _held = now(&seats, of(1, "a")).unwrap();
        let mut waits = Box::pin(seats.take(of(1, "a")));
        assert!((&mut waits).now_or_never().is_none());
        assert!(matches!(seats.take(of(1, "a")).now_or_never(), Some(Err(Full))));
    }
}
