//! How mail is received, against what mailbox providers tolerate.

use super::Asked;
use super::view::{Cell, Figure, Section, Stat, Table, View, compared, share};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::mailboxes::Mailbox;
use crate::domain::reports::messages::{self, BOUNCE_LIMIT_PERCENT, COMPLAINT_LIMIT_PERCENT, FEWEST_SENT, Ways};
use crate::domain::reports::percent;
use crate::domain::reports::period::{Period, Step};
use crate::web::chart::Columns;

/// Where the messages of a mailbox, or of all, that went a way in a period are listed.
fn list(mailbox: Option<&Mailbox>, way: &str, period: Period) -> String {
    let mailbox = mailbox.map(|mailbox| format!("mailbox={}&", mailbox.id)).unwrap_or_default();
    format!("/messages?{mailbox}way={way}&{}", super::days(period))
}

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

pub(super) fn view(conn: &mut Conn, actor: &Actor, asked: &Asked) -> Result<View> {
    let period = asked.period;
    let steps = period.steps();
    let all = messages::by_mailbox(conn, actor, period)?;
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
        link: (part > 0).then(|| list(None, state, period)),
    };
    let stats = vec![
        Stat { name: "Sent", value: now.sent.to_string(), note: compared(now.sent, before.sent), link: Some(list(None, "sent", period)) },
        rate("Came back", now.bounced, before.bounced, "bounced"),
        rate("Complained", now.complained, before.complained, "complained"),
    ];
    let by_step = messages::over_time(conn, actor, period, &steps, false)?;
    let mut sections = vec![
        rates("Bounces", "bounced", "Share that came back, in percent", &steps, &by_step, |of| of.bounced, (BOUNCE_LIMIT_PERCENT, "limit 2 %")),
        rates(
            "Complaints",
            "complained",
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
    let names = [
        "Mailbox",
        "Sent",
        "Delivered",
        "Bounced",
        "Share bounced",
        "Share bounced before",
        "Complained",
        "Share complained",
        "Share complained before",
        "Verdict",
    ];
    let mut table = Table::new(names);
    for flow in &all {
        let of = &flow.now;
        let count = |number: i64, way: &str| Cell::count(number, list(Some(&flow.of), way, period));
        table.rows.push(vec![
            Cell::linked(&flow.of.address, format!("/mailboxes/{}/delivery", flow.of.id)),
            count(of.sent, "sent"),
            count(of.delivered, "delivered"),
            count(of.bounced, "bounced"),
            Cell::share(of.bounced, of.sent),
            Cell::share(flow.before.bounced, flow.before.sent),
            count(of.complained, "complained"),
            Cell::share(of.complained, of.sent),
            Cell::share(flow.before.complained, flow.before.sent),
            verdict(of).into(),
        ]);
    }
    sections.push(Section { title: "By mailbox", table, ..Section::default() });
    Ok(View { stats, sections, ..View::default() })
}

fn rates(
    title: &'static str,
    way: &str,
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
        let (sent, mine) = (Cell::count(of.sent, list(None, "sent", step.days)), Cell::count(part(of), list(None, way, step.days)));
        table.rows.push(vec![step.days.from.into(), step.days.until.into(), sent, mine, Cell::share(part(of), of.sent)]);
    }
    Section { title, figure: Some(Figure::columns(caption, &columns)), table, ..Section::default() }
}
