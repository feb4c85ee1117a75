//! How mail is received, against what mailbox providers tolerate.

use super::view::{Cell, Figure, Section, Stat, Table, View, compared, share};
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::reports::messages::{self, BOUNCE_LIMIT_PERCENT, COMPLAINT_LIMIT_PERCENT, FEWEST_SENT, Ways};
use crate::domain::reports::percent;
use crate::domain::reports::period::{Period, Step};
use crate::web::chart::Columns;

fn add(sum: Ways, of: &Ways) -> Ways {
    Ways {
        sent: sum.sent + of.sent,
        delivered: sum.delivered + of.delivered,
        bounced: sum.bounced + of.bounced,
        complained: sum.complained + of.complained,
        ..sum
    }
}

/// Whether the rates are within what is tolerated, in words.
fn verdict(of: &Ways) -> String {
    let over = |part: i64, limit: f64| of.sent > 0 && part as f64 * 100.0 / of.sent as f64 >= limit;
    match (over(of.bounced, BOUNCE_LIMIT_PERCENT), over(of.complained, COMPLAINT_LIMIT_PERCENT)) {
        _ if of.sent == 0 => "nothing sent".to_owned(),
        _ if of.sent < FEWEST_SENT => format!("too few for a rate: under {FEWEST_SENT} sent"),
        (true, true) => "too many bounces and complaints".to_owned(),
        (true, false) => "too many bounces".to_owned(),
        (false, true) => "too many complaints".to_owned(),
        (false, false) => "within both limits".to_owned(),
    }
}

pub(super) fn view(conn: &mut Conn, actor: &Actor, period: Period, _: Time) -> Result<View> {
    let steps = period.steps();
    let all = messages::by_mailbox(conn, actor, period, &steps)?;
    let now = all.iter().fold(Ways::default(), |sum, flow| add(sum, &flow.now));
    let before = all.iter().fold(Ways::default(), |sum, flow| add(sum, &flow.before));
    if now.sent + before.sent == 0 {
        return Ok(View { empty: Some("No mail left in this period or the one before."), ..View::default() });
    }
    let rate = |name, part: i64, earlier: i64, state: &str| Stat {
        name,
        value: share(part, now.sent),
        note: format!(
            "{part} of {}; {} in the period before",
            now.sent,
            if before.sent == 0 { "nothing sent".to_owned() } else { share(earlier, before.sent) }
        ),
        link: (part > 0).then(|| format!("/messages?state={state}")),
    };
    let stats = vec![
        Stat { name: "Sent", value: now.sent.to_string(), note: compared(now.sent, before.sent), link: None },
        rate("Came back", now.bounced, before.bounced, "bounced"),
        rate("Complained", now.complained, before.complained, "complained"),
    ];
    let by_step: Vec<Ways> = (0..steps.len()).map(|at| all.iter().filter_map(|flow| flow.steps.get(at)).fold(Ways::default(), add)).collect();
    let mut sections = vec![
        rates("Bounces", "Share that came back, in percent", &steps, &by_step, |of| of.bounced, (BOUNCE_LIMIT_PERCENT, "limit 2 %")),
        rates(
            "Complaints",
            "Share that was complained about, in percent",
            &steps,
            &by_step,
            |of| of.complained,
            (COMPLAINT_LIMIT_PERCENT, "limit 0.1 %"),
        ),
    ];
    if now.sent < FEWEST_SENT {
        let said =
            format!("Only {} messages left in this period: one complaint more or less changes the rate by more than the limit of 0.1 %.", now.sent);
        sections[1].words.push(said);
    }
    let mut table = Table::new(["Mailbox", "Sent", "Delivered", "Bounced", "Share bounced", "Complained", "Share complained", "Verdict"]);
    for flow in &all {
        let (of, link) = (&flow.now, |state: &str| format!("/messages?mailbox={}&state={state}", flow.of.id));
        table.rows.push(vec![
            Cell::linked(&flow.of.address, format!("/mailboxes/{}/delivery", flow.of.id)),
            Cell::count(of.sent, format!("/messages?mailbox={}", flow.of.id)),
            Cell::count(of.delivered, link("delivered")),
            Cell::count(of.bounced, link("bounced")),
            share(of.bounced, of.sent).into(),
            Cell::count(of.complained, link("complained")),
            share(of.complained, of.sent).into(),
            verdict(of).into(),
        ]);
    }
    sections.push(Section { title: "By mailbox", table, ..Section::default() });
    Ok(View { stats, sections, empty: None })
}

fn rates(
    title: &'static str,
    caption: &'static str,
    steps: &[Step],
    by_step: &[Ways],
    part: fn(&Ways) -> i64,
    limit: (f64, &'static str),
) -> Section {
    let rate = |of: &Ways| if of.sent == 0 { 0.0 } else { part(of) as f64 * 100.0 / of.sent as f64 };
    let columns = Columns {
        labels: steps.iter().map(|step| step.label.clone()).collect(),
        parts: vec![(title, by_step.iter().map(rate).collect())],
        sums: by_step.iter().map(|of| percent(part(of), of.sent).map(|share| share.to_string()).unwrap_or_default()).collect(),
        limit: Some(limit),
    };
    let mut table = Table::new(["From", "Until", "Sent", title, "Share"]);
    for (step, of) in steps.iter().zip(by_step) {
        table.rows.push(vec![step.days.from.into(), step.days.until.into(), of.sent.into(), part(of).into(), share(part(of), of.sent).into()]);
    }
    Section { title, figure: Some(Figure::columns(caption, &columns)), table, ..Section::default() }
}
