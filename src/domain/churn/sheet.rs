//! The fact sheet of a churn event: what is on record, gathered for the drafter and for the reviewer.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::catalogue::{self, Plan, ProductUpdate};
use crate::domain::contacts::{self, Customer};
use crate::domain::drafting::{Company, CustomerFacts, FactSheet, OfferFact, PlanFact, QuoteFact, StoryFact, UpdateFact};
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
        .map(|update| update_fact(&update))
        .collect();
    let customer = match &event.contact_id {
        Some(contact) => contacts::customer(conn, contact)?,
        None => None,
    };
    let plans = catalogue::plans(conn)?;
    let offer = catalogue::offers(conn)?.into_iter().find(|offer| offer.is_open(event.reason, today));
    let story = story(conn, event)?;
    Ok(FactSheet {
        customer: customer_facts(event, customer.as_ref()),
        reason: event.reason,
        quotes: event
            .reason_quotes
            .iter()
            .filter(|quote| quote.source != "cancel code")
            .map(|quote| QuoteFact { source: quote.source.clone(), text: quote.text.clone() })
            .collect(),
        updates: answers.iter().map(|answer| update_fact(&answer.update)).collect(),
        other_updates,
        offer: offer.map(|offer| OfferFact {
            id: offer.id.as_str().to_owned(),
            code: offer.code.clone(),
            percent: offer.percent,
            months: offer.months,
            expires_on: offer.expires(),
        }),
        smaller_plan: smaller_plan(event, &plans),
        story,
        company: company(conn)?,
        today,
    })
}

fn update_fact(update: &ProductUpdate) -> UpdateFact {
    UpdateFact {
        id: update.id.as_str().to_owned(),
        title: update.title.clone(),
        summary: update.summary.clone(),
        feature: update.features.first().cloned(),
        shipped_on: update.shipped(),
        url: update.url.clone(),
    }
}

fn customer_facts(event: &ChurnEvent, customer: Option<&Customer>) -> CustomerFacts {
    let mrr = event.mrr_minor.map(|minor| Money { minor, currency: event.currency.clone() });
    CustomerFacts {
        name: event.customer_name.clone(),
        plan: event.plan_name.clone(),
        mrr,
        tenure_days: event.tenure_days,
        features: customer.map_or_else(|| event.features.clone(), |c| c.features.clone()).into_inner(),
        usage: customer.map(|c| c.usage.clone().into_inner()).unwrap_or_default(),
        left_on: Some(event.churned_at.date()),
    }
}

/// The dearest plan that costs less than what they paid, in the same currency.
fn smaller_plan(event: &ChurnEvent, plans: &[Plan]) -> Option<PlanFact> {
    let paid = event.mrr_minor?;
    let own = event.plan_name.as_deref().unwrap_or_default();
    plans
        .iter()
        .filter(|plan| plan.currency == event.currency && plan.price_minor < paid && !plan.name.eq_ignore_ascii_case(own))
        .max_by_key(|plan| plan.price_minor)
        .map(|plan| PlanFact {
            name: plan.name.clone(),
            price: Money { minor: plan.price_minor, currency: plan.currency.clone() },
            features: plan.features.clone().into_inner(),
        })
}

/// A story about the same reason, else about the same plan.
fn story(conn: &mut Conn, event: &ChurnEvent) -> Result<Option<StoryFact>> {
    let stories = catalogue::stories(conn)?;
    let fits = stories
        .iter()
        .find(|story| story.reason.as_deref() == Some(event.reason.as_str()))
        .or_else(|| stories.iter().find(|story| story.plan_name.is_some() && story.plan_name == event.plan_name))
        .or_else(|| stories.first());
    Ok(fits.map(|story| StoryFact {
        id: story.id.as_str().to_owned(),
        who: story.who.clone(),
        quote: story.quote.clone(),
        outcome: story.outcome.clone(),
    }))
}

fn company(conn: &mut Conn) -> Result<Company> {
    let mut facts = catalogue::company_facts(conn)?;
    let mut take = |name: &str| facts.remove(name);
    Ok(Company {
        product: take("product"),
        sender_name: take("sender_name"),
        founder_name: take("founder_name"),
        pause_months: take("pause_months"),
        pause_keeps: take("pause_keeps"),
        feedback_incentive: take("feedback_incentive"),
        restart_url: take("restart_url"),
    })
}
