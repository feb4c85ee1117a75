//! The fact sheet of a churn event: what is on record, gathered for the drafter and for the reviewer.

use jiff::civil::Date;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::catalogue::{self, Plan, ProductUpdate};
use crate::domain::contacts::{self, Customer};
use crate::domain::drafting::{CompanyFacts, CustomerFacts, CustomerQuote, FactSheet, OfferFact, PlanFact, StoryFact, UpdateFact};
use crate::domain::error::Result;
use crate::domain::matching::{self, Match, UpdateText};
use crate::domain::money::Money;
use crate::domain::threads;

use super::ChurnEvent;

/// An update that answers what the customer asked for.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The update.
    pub update: ProductUpdate,
    /// How well and by which words.
    pub found: Match,
}

/// The updates since departure that answer, best first.
pub fn answers(conn: &mut Conn, event: &ChurnEvent, now: Time) -> Result<Vec<Answer>> {
    let updates = catalogue::updates(conn, 500)?;
    let history = match &event.contact_id {
        Some(contact) => threads::history(conn, contact)?,
        None => vec![],
    };
    let own_key = event.customer_email.as_deref().unwrap_or_default().to_lowercase();
    let mut needs: Vec<&str> = event.cancel_reason_text.as_deref().into_iter().collect();
    needs.extend(event.reason_quotes.iter().filter(|quote| quote.source != "cancel code").map(|quote| quote.text.as_str()));
    needs.extend(history.iter().rev().filter(|mail| mail.from_key == own_key).map(|mail| mail.text_body.as_str()));
    needs.extend(event.notes.as_deref());
    let texts: Vec<UpdateText> = updates.iter().map(text_of).collect();
    let found = matching::rank(&needs, Some(event.churned_at.date()), now.date(), &texts);
    Ok(found
        .into_iter()
        .filter_map(|found| {
            let update = updates.iter().find(|update| update.id.as_str() == found.id)?.clone();
            Some(Answer { update, found })
        })
        .collect())
}

fn text_of(update: &ProductUpdate) -> UpdateText {
    UpdateText {
        id: update.id.as_str().to_owned(),
        title: update.title.clone(),
        summary: update.summary.clone(),
        features: update.features.clone().into_inner(),
        keywords: update.keywords.clone().into_inner(),
        shipped_on: update.shipped(),
    }
}

/// Gathers the sheet.
pub fn gather(conn: &mut Conn, event: &ChurnEvent, now: Time) -> Result<FactSheet> {
    let today = now.date();
    let left = event.churned_at.date();
    let answers = answers(conn, event, now)?;
    let other_updates = catalogue::updates(conn, 50)?
        .into_iter()
        .filter(|update| update.shipped() > left && update.shipped() <= today)
        .filter(|update| answers.iter().all(|answer| answer.update.id != update.id))
        .map(|update| update_fact(&update, &[]))
        .collect();
    let customer = match &event.contact_id {
        Some(contact) => contacts::customer(conn, contact)?,
        None => None,
    };
    let plans = catalogue::plans(conn)?;
    let offer = catalogue::offers(conn)?.into_iter().find(|offer| offer.is_open(event.reason, today));
    Ok(FactSheet {
        customer: customer_facts(event, customer.as_ref()),
        reason: event.reason,
        quotes: event
            .reason_quotes
            .iter()
            .filter(|quote| quote.source != "cancel code")
            .map(|quote| CustomerQuote { text: quote.text.clone(), source: quote.source.clone(), said_on: said_on(event, &quote.source) })
            .collect(),
        updates: answers.iter().map(|answer| update_fact(&answer.update, &answer.found.words)).collect(),
        other_updates,
        offer: offer.map(|offer| OfferFact {
            id: offer.id.as_str().to_owned(),
            code: offer.code.clone(),
            percent: u8::try_from(offer.percent).unwrap_or_default(),
            months: offer.months.and_then(|months| u8::try_from(months).ok()),
            expires_on: offer.expires(),
        }),
        plan_price: plan_price(event, &plans),
        cheaper_plans: cheaper_plans(event, &plans),
        stories: stories(conn)?,
        company: company(conn)?,
        today,
    })
}

fn update_fact(update: &ProductUpdate, matched: &[String]) -> UpdateFact {
    UpdateFact {
        id: update.id.as_str().to_owned(),
        title: update.title.clone(),
        summary: update.summary.clone(),
        features: update.features.to_vec(),
        shipped_on: update.shipped(),
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

fn price_of(plan: &Plan) -> Money {
    Money { minor: plan.price_minor, currency: plan.currency.clone() }
}

/// What their plan costs today, where it is listed in their currency.
fn plan_price(event: &ChurnEvent, plans: &[Plan]) -> Option<Money> {
    let own = event.plan_name.as_deref()?;
    plans.iter().find(|plan| plan.name.eq_ignore_ascii_case(own) && plan.currency == event.currency).map(price_of)
}

/// The plans that cost less than what they paid, in the same currency.
fn cheaper_plans(event: &ChurnEvent, plans: &[Plan]) -> Vec<PlanFact> {
    let Some(paid) = event.mrr_minor else { return vec![] };
    let own = event.plan_name.as_deref().unwrap_or_default();
    plans
        .iter()
        .filter(|plan| plan.currency == event.currency && plan.price_minor < paid && !plan.name.eq_ignore_ascii_case(own))
        .map(|plan| PlanFact { id: plan.id.as_str().to_owned(), name: plan.name.clone(), price: price_of(plan), features: plan.features.to_vec() })
        .collect()
}

fn stories(conn: &mut Conn) -> Result<Vec<StoryFact>> {
    let rows = catalogue::stories(conn)?;
    Ok(rows
        .into_iter()
        .map(|story| StoryFact {
            id: story.id.as_str().to_owned(),
            who: story.who,
            quote: story.quote,
            outcome: story.outcome,
            plan: story.plan_name,
            reason: story.reason.and_then(|reason| reason.parse().ok()),
        })
        .collect())
}

fn company(conn: &mut Conn) -> Result<CompanyFacts> {
    let mut facts = catalogue::company_facts(conn)?;
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
