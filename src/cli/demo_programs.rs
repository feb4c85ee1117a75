//! Sample segments, a campaign, a migration, a sequence and referrals for the demo.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::campaigns::{self, Kind, NewCampaign};
use crate::domain::cohorts::plan::{Guide, Plan};
use crate::domain::contacts::Named;
use crate::domain::contacts::conditions::{Churn, Conditions};
use crate::domain::error::Result;
use crate::domain::mailboxes::{Mailbox, Mode};
use crate::domain::sequences::{self, NewSequence, Step};
use crate::domain::signals::{self, NewSignal};
use crate::domain::{cohorts, segments};

use super::demo::{Member, SETUP};
use super::demo_past;

/// Days until the deadline of the sample migration.
const DEADLINE_DAYS: i64 = 45;
/// Days since it began.
const BEGAN_DAYS: i64 = 40;
/// Days since the sample sequence was written.
const WRITTEN_DAYS: i64 = 46;
/// Where links of recommendations lead.
const TARGET: &str = "https://harbourline.test/start";

/// Fills in what a manager of campaigns would have.
pub(super) fn fill(conn: &mut Conn, boxes: &[Mailbox], members: &[Member], now: Time) -> Result<()> {
    let segment = |conn: &mut Conn, name: &str, tags: &str, conditions: Conditions| {
        let input = segments::Input { name: Some(name.into()), tags: Some(tags.into()), conditions: Some(conditions), ..segments::Input::default() };
        segments::create(conn, &SETUP, &input, now)
    };
    segment(conn, "On API v1, not started", "api-v1,-migration-started", Conditions::default())?;
    let gone = Conditions { churn: Some(Churn::Gone), left_to_days: Some(365), ..Conditions::default() };
    let gone = segment(conn, "Left within a year", "", gone)?;
    let sends = |mode: Mode| boxes.iter().find(|mailbox| mailbox.mode == mode).map(|mailbox| mailbox.id.to_string());
    let campaign = NewCampaign {
        name: "win-back".into(),
        kind: Kind::Winback,
        goal: Some("Bring back customers whose reason to leave no longer holds.".into()),
        segment_id: Some(gone.id),
        mailbox: sends(Mode::GatedSend),
        topic: None,
    };
    campaigns::create(conn, &SETUP, &campaign, now)?;
    let guide = |tag: &str, text: &str| Guide { tag: tag.into(), text: text.into() };
    let migration = cohorts::Input {
        name: Some("API v1 sunset".into()),
        tags: Some("api-v1".into()),
        deadline: Some(now.plus_days(DEADLINE_DAYS).date().to_string()),
        from_version: Some("API v1".into()),
        to_version: Some("API v2".into()),
        started_by_usage: Some("GET /v2/orders".into()),
        plan: Some(Plan {
            guides: vec![guide("webhooks", "Point your webhook endpoint at the new payload and answer 200 within ten seconds.")],
            ..Plan::default()
        }),
        ..cohorts::Input::default()
    };
    let migration = cohorts::create(conn, &SETUP, &migration, now.plus_days(-BEGAN_DAYS))?;
    demo_past::moves(conn, &migration.id, members, BEGAN_DAYS, now)?;
    let step = |subject: &str, body: &str, wait_days| Step { subject: subject.into(), body: body.into(), wait_days, ..Step::default() };
    let steps = vec![
        step("Welcome to the platform", "Hello,\n\ngood to have you. Answer this message whenever something is unclear: a person reads it.", 0),
        step("Your first integration guide", "Hello,\n\nthis is how others began: connect one shop, send one test order, and look at the log.", 3),
        step("Are you getting value?", "Hello,\n\nis there something you miss? One sentence is enough.", 7),
    ];
    let mailbox = sends(Mode::Monitored).or_else(|| sends(Mode::GatedSend));
    let sequence = NewSequence { name: "Welcome".into(), mailbox, campaign: None, steps, automatic: false, stop_tags: vec![] };
    let sequence = sequences::create(conn, &SETUP, &sequence, now.plus_days(-WRITTEN_DAYS))?;
    demo_past::welcomes(conn, boxes, &sequence.id, now)?;
    demo_past::recommendations(conn, boxes, TARGET, now)?;
    for (place, email) in ["amelia.ward@wardandwillow.test", "tobias.engel@engelsport.test"].into_iter().enumerate() {
        let who = Named::by(None, Some(email.to_owned()));
        let value = Some(if place == 0 { "10".to_owned() } else { "9".to_owned() });
        let signal = NewSignal { who, kind: "nps".into(), value, at: None, external_id: Some(format!("demo-nps-{place}")) };
        signals::record(conn, &SETUP, &signal, now)?;
    }
    Ok(())
}
