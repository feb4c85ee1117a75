//! The fact sheet of a churn event: what is on record, gathered for the drafter and for the reviewer.

use jiff::civil::Date;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::contacts::{self, Customer};
use crate::domain::drafting::{CompanyFacts, CustomerFacts, CustomerQuote, FactSheet, OfferFact, PlanFact, StoryFact, UpdateFact};
use crate::domain::error::Result;
use crate::domain::facts::{self, PlanPrice, ProductUpdate};
use crate::domain::ids::FactId;
use crate::domain::money::Money;

use super::ChurnEvent;
use super::answers::answers;

/// Gathers the sheet.
pub fn gather(conn: &mut Conn, event: &ChurnEvent, now: Time) -> Result<FactSheet> {
    let today = now.date();
    let left = event.churned_at.date();
    let answers = answers(conn, event, now)?;
    let other_updates = facts::updates(conn, 50)?
        .into_iter()
        .filter(|(_, update)| update.shipped_on > left && update.shipped_on <= today)
        .filter(|(id, _)| answers.iter().all(|answer| answer.id != *id))
        .map(|(id, update)| update_fact(&id, &update, &[]))
        .collect();
    let customer = match &event.contact_id {
        Some(contact) => contacts::customer(conn, contact)?,
        None => None,
    };
    let plans = facts::plans(conn)?;
    let spent = facts::spent_offers(conn)?;
    let open = facts::offers(conn)?.into_iter().filter(|(id, offer)| offer.is_open(event.reason, today) && !spent.contains(id));
    // The letters speak of percents; an offer of an amount is for drafts of another hand.
    let offer = open.filter_map(|(id, offer)| offer.percent.map(|percent| (id, offer, percent))).next();
    Ok(FactSheet {
        customer: customer_facts(event, customer.as_ref()),
        reason: event.reason,
        quotes: event
            .reason_quotes
            .iter()
            .filter(|quote| quote.source != "cancel code")
            .map(|quote| CustomerQuote { text: quote.text.clone(), source: quote.source.clone(), said_on: said_on(event, &quote.source) })
            .collect(),
        updates: answers.iter().map(|answer| update_fact(&answer.id, &answer.update, &answer.found.words)).collect(),
        other_updates,
        offer: offer.map(|(id, offer, percent)| OfferFact {
            id: id.as_str().to_owned(),
            code: offer.code,
            percent,
            months: offer.months,
            expires_on: offer.expires_on,
        }),
        plan_price: plan_price(event, &plans),
        cheaper_plans: cheaper_plans(event, &plans),
        stories: stories(conn)?,
        company: company(conn)?,
        today,
    })
}

fn update_fact(id: &FactId, update: &ProductUpdate, matched: &[String]) -> UpdateFact {
    UpdateFact {
        id: id.as_str().to_owned(),
        title: update.title.clone(),
        summary: update.summary.clone(),
        features: update.features.clone(),
        shipped_on: update.shipped_on,
        url: update.url.clone(),
        matched: matched.to_vec(),
    }
}

/// What they typed on leaving was said on the day they left; of a mail only the subject is known here.
fn said_on(event: &ChurnEvent, source: &str) -> Option<Date> {
    (source == "their words").then(|| event.churned_at.date())
}

fn customer_facts(event: &ChurnEvent, customer: Option<&Customer>) -> CustomerFacts {
    CustomerFacts {
        name: event.customer_name.clone(),
        company: customer.and_then(|customer| customer.company.clone()),
        plan: event.plan_name.clone(),
        mrr: event.mrr_minor.map(|minor| Money { minor, currency: event.currency.clone() }),
        tenure_days: event.tenure_days.and_then(|days| u32::try_from(days).ok()),
        features_used: customer.map_or_else(|| event.features.to_vec(), |customer| customer.features.to_vec()),
        usage: customer.map(|customer| customer.usage.to_vec()).unwrap_or_default(),
        last_active: event.last_active_at.map(|at| at.date()),
        left_on: Some(event.churned_at.date()),
    }
}

/// What their plan costs today, where it is listed in their currency.
fn plan_price(event: &ChurnEvent, plans: &[(FactId, PlanPrice)]) -> Option<Money> {
    let own = event.plan_name.as_deref()?;
    plans.iter().find(|(_, plan)| plan.name.eq_ignore_ascii_case(own) && plan.price.currency == event.currency).map(|(_, plan)| plan.price.clone())
}

/// The plans that cost less than what they paid, in the same currency.
fn cheaper_plans(event: &ChurnEvent, plans: &[(FactId, PlanPrice)]) -> Vec<PlanFact> {
    let Some(paid) = event.mrr_minor else { return vec![] };
    let own = event.plan_name.as_deref().unwrap_or_default();
    plans
        .iter()
        .filter(|(_, plan)| plan.price.currency == event.currency && plan.price.minor < paid && !plan.name.eq_ignore_ascii_case(own))
        .map(|(id, plan)| PlanFact {
            id: id.as_str().to_owned(),
            name: plan.name.clone(),
            price: plan.price.clone(),
            features: plan.features.clone(),
        })
        .collect()
}

fn stories(conn: &mut Conn) -> Result<Vec<StoryFact>> {
    let rows = facts::stories(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, story)| StoryFact {
            id: id.as_str().to_owned(),
            who: story.who,
            quote: story.quote,
            outcome: story.outcome,
            plan: story.plan,
            reason: story.reason,
        })
        .collect())
}

fn company(conn: &mut Conn) -> Result<CompanyFacts> {
    let mut facts = facts::company(conn)?;
    let mut take = |name: &str| facts.remove(name);
    Ok(CompanyFacts {
        product: take("product"),
        company: take("company"),
        founder_name: take("founder_name"),
        founder_title: take("founder_title"),
        sender_name: take("sender_name"),
        pause_months: take("pause_months").and_then(|months| months.parse().ok()),
        pause_keeps: take("pause_keeps"),
        feedback_incentive: take("feedback_incentive"),
        data_kept_months: take("data_kept_months").and_then(|months| months.parse().ok()),
        site_url: take("site_url"),
        restart_url: take("restart_url"),
    })
}
