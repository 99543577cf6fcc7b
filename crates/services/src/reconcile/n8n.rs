//! The steps in n8n. n8n has no lock and no condition: each step reads just before it writes, and reads back after.

use drift_domain::failure::Side;
use drift_domain::fingerprint::Fingerprint;
use drift_domain::reconciliation::{StepKind, StepState};
use drift_n8n::{Draft, How, Left, Marker, Reason, Retired, WriteError, Written};
use drift_store::reconciliations::StepRecord;
use serde_json::Value;

use super::craft;
use super::run::{Hand, Taken, after, internal};
use super::steps::{self, N8nLeft, OnWorkflow};
use crate::Services;
use crate::error::ServiceResult;

/// The workflow is not what somebody looked at.
const MOVED: &str = "Changed since you looked: somebody changed this workflow in n8n after the plan was made, so nothing was \
    written over it. Recheck, then decide about what is there now.";

impl Services {
    pub(super) async fn take_in_n8n(&self, hand: &Hand, all: &[StepRecord], at: usize) -> ServiceResult<Taken> {
        let step = &all[at];
        let on: OnWorkflow = steps::read(&step.request)?;
        if step.kind == StepKind::N8nCreate {
            return self.create_workflow(hand, step).await;
        }
        let Some(id) = id_of(step, &on, all)? else {
            return Ok(Taken::Failed("The workflow that this is about was not created.".to_owned()));
        };
        // Once a step was begun, n8n may hold what it writes: then the step itself tells.
        if step.state == StepState::Waiting
            && let Some(expected) = &on.expects
        {
            match hand.n8n.get(&id).await {
                Ok(answer) if answer.as_deref().and_then(steps::standing) == expected.standing => {}
                Ok(_) => return Ok(Taken::Failed(MOVED.to_owned())),
                Err(failure) => return Ok(after(failure)),
            }
        }
        let resumed = step.state == StepState::Begun;
        match step.kind {
            StepKind::N8nWrite => self.write_workflow(hand, step, &id, on.content, resumed).await,
            StepKind::N8nVerify => self.verify_workflow(hand, step, &id, &on).await,
            StepKind::N8nTags => Ok(tags(hand, &id, &on.tags.unwrap_or_default()).await),
            StepKind::N8nPublish => Ok(publish(hand, &id, on.active == Some(true)).await),
            StepKind::N8nRetire => Ok(match hand.n8n.retire(&id).await {
                Ok(Retired::Archived) => done("Archived."),
                Ok(Retired::Deactivated) => done("Out of service. This n8n has no archive: delete it by hand."),
                Err(error) => refused(error),
            }),
            StepKind::N8nUnarchive => Ok(match hand.n8n.unarchive(&id).await {
                Ok(()) => done("Back from the archive."),
                Err(error) => refused(error),
            }),
            kind => Err(internal(format!("{kind} is no step of n8n"))),
        }
    }

    async fn content_of_step(&self, hand: &Hand, step: &StepRecord) -> ServiceResult<Vec<u8>> {
        let hash = step.content.ok_or_else(|| internal(format!("step {} has no content", step.position)))?;
        self.kept(hand.record.organization, hash).await
    }

    async fn draft_of_step(&self, hand: &Hand, step: &StepRecord) -> ServiceResult<Result<Draft, Taken>> {
        let body: Value = serde_json::from_slice(&self.content_of_step(hand, step).await?).map_err(internal)?;
        Ok(Draft::of(&body).map_err(after))
    }

    /// Creates the workflow, once: it carries a mark by which it is found again.
    async fn create_workflow(&self, hand: &Hand, step: &StepRecord) -> ServiceResult<Taken> {
        let draft = match self.draft_of_step(hand, step).await? {
            Ok(draft) => draft,
            Err(taken) => return Ok(taken),
        };
        let marker = Marker(format!("{}/{}", hand.record.id, step.position));
        if step.state == StepState::Begun {
            match hand.n8n.find_created(&marker).await {
                Ok(found) => match found.as_slice() {
                    [] => {}
                    [id] => return Ok(created(id)),
                    many => {
                        return Ok(Taken::Failed(format!(
                            "n8n has {} copies of this workflow ({}), since an answer was lost on the way. Archive all but \
                             one in n8n, then try again.",
                            many.len(),
                            many.join(", ")
                        )));
                    }
                },
                Err(failure) => return Ok(after(failure)),
            }
        }
        Ok(match hand.n8n.create(&draft, &marker).await {
            Ok(written) => created(&written.id),
            Err(error) => refused(error),
        })
    }

    /// Writes over the workflow, if its content is what somebody looked at.
    async fn write_workflow(
        &self,
        hand: &Hand,
        step: &StepRecord,
        id: &str,
        expected: Option<Fingerprint>,
        resumed: bool,
    ) -> ServiceResult<Taken> {
        let draft = match self.draft_of_step(hand, step).await? {
            Ok(draft) => draft,
            Err(taken) => return Ok(taken),
        };
        if resumed {
            match hand.n8n.compare(id, &draft).await {
                Ok(Some(written)) if holds(&written) => return Ok(done("Written.")),
                Ok(_) => {}
                Err(failure) => return Ok(after(failure)),
            }
        }
        let still = move |answer: &[u8]| expected.is_none_or(|expected| steps::content_of(answer) == Some(expected));
        Ok(match hand.n8n.put(id, &draft, &still).await {
            Ok(written) => done(&said(&written)),
            Err(WriteError::Moved) => Taken::Failed(MOVED.to_owned()),
            Err(error) => refused(error),
        })
    }

    /// Reads the workflow back: what n8n answered with 200 and did not keep is found here.
    async fn verify_workflow(&self, hand: &Hand, step: &StepRecord, id: &str, on: &OnWorkflow) -> ServiceResult<Taken> {
        let desired = self.content_of_step(hand, step).await?;
        let answer = match hand.n8n.get(id).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(Taken::Failed(format!("The workflow {id} is not in n8n any more. Recheck."))),
            Err(failure) => return Ok(after(failure)),
        };
        Ok(match craft::departs(&answer, &desired, &on.ids) {
            Ok(None) => done("n8n holds what it should."),
            Ok(Some(how)) => Taken::Failed(format!(
                "n8n took what was sent, and does not hold it: {how}. Set that in n8n by hand, then recheck."
            )),
            Err(why) => Taken::Failed(why),
        })
    }
}

/// Which workflow a step is about: the one that was there, or the one that an earlier step of the same change created.
fn id_of(step: &StepRecord, on: &OnWorkflow, all: &[StepRecord]) -> ServiceResult<Option<String>> {
    if on.id.is_some() {
        return Ok(on.id.clone());
    }
    let made = all.iter().find(|s| s.kind == StepKind::N8nCreate && s.change == step.change);
    match made.and_then(|made| made.result.as_ref()) {
        Some(left) => Ok(steps::read::<N8nLeft>(left)?.id),
        None => Ok(None),
    }
}

async fn tags(hand: &Hand, id: &str, wanted: &[String]) -> Taken {
    match hand.n8n.set_tags(id, wanted).await {
        Ok(mut there) => {
            let mut wanted = wanted.to_vec();
            wanted.sort_unstable();
            there.sort_unstable();
            if wanted == there {
                done("The tags are set.")
            } else {
                Taken::Failed(format!(
                    "n8n has the tags {} now. Set them in n8n by hand, then recheck.",
                    there.join(", ")
                ))
            }
        }
        Err(error) => refused(error),
    }
}

async fn publish(hand: &Hand, id: &str, active: bool) -> Taken {
    match hand.n8n.set_active(id, active).await {
        Ok(publication) if publication.active == active => match (active, publication.triggers) {
            (true, 0) => done("In service. n8n counts no trigger for it yet."),
            (true, _) => done("In service."),
            (false, _) => done("Out of service."),
        },
        Ok(_) if active => Taken::Failed(
            "n8n was asked to put the workflow into service and did not. Open it in n8n, which says why, then try again."
                .to_owned(),
        ),
        Ok(_) => Taken::Failed("n8n was asked to take the workflow out of service and did not. Try again.".to_owned()),
        Err(error) => refused(error),
    }
}

/// Whether n8n holds what was sent; that it put in another id for a credential of the same name is expected.
fn holds(written: &Written) -> bool {
    written.departures.iter().all(|departure| departure.how == How::CredentialFound)
}

fn said(written: &Written) -> String {
    let other: Vec<String> = written
        .departures
        .iter()
        .filter(|departure| departure.how != How::CredentialFound)
        .map(ToString::to_string)
        .collect();
    if other.is_empty() { "Written.".to_owned() } else { format!("Written, but for: {}.", other.join("; ")) }
}

fn created(id: &str) -> Taken {
    Taken::Done(steps::write(&N8nLeft { said: format!("Created as {id}."), id: Some(id.to_owned()) }))
}

fn done(said: &str) -> Taken {
    Taken::Done(steps::write(&N8nLeft { said: said.to_owned(), id: None }))
}

/// What a write that did not go well means.
fn refused(error: WriteError) -> Taken {
    let (text, retry_after) = (error.to_string(), error.retry_after());
    match error {
        WriteError::Moved => Taken::Failed(MOVED.to_owned()),
        // What is unknown is asked about the next time.
        WriteError::Unknown(_) | WriteError::Unread(_) => Taken::PutOff { what: text, retry_after },
        WriteError::NotSent(failure) => {
            debug_assert_eq!(failure.side, Side::Live);
            after(failure)
        }
        WriteError::Refused(refused) => match refused.reason {
            Reason::Busy | Reason::RateLimited => Taken::PutOff { what: text, retry_after },
            _ => Taken::Failed(match refused.left {
                Left::Untouched => text,
                Left::SavedNotPublished => {
                    format!("{text} What was sent is saved as a draft; what ran goes on running.")
                }
                Left::SavedAndStopped => format!("{text} What was sent is saved, and nothing of it runs."),
                Left::Unknown => format!("{text} What n8n holds now could not be read."),
            }),
        },
    }
}
