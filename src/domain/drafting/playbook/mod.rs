//! The nine letters, and what they have in common.

mod people;
mod price;
mod product;

use crate::domain::money::grouped;
use crate::domain::reason::{Reason, Strategy};

use super::Draft;
use super::facts::{FactSheet, UpdateFact};
use super::html::{Letter, Said, say};
use super::words::{day, first_name, list, number, quotable, quoted, seed, tenure, upper_first};

/// All nine, one for each strategy, in the order of [`Strategy::ALL`].
pub fn draft_all(sheet: &FactSheet) -> Vec<Draft> {
    let writer = Writer::new(sheet);
    Strategy::ALL
        .iter()
        .map(|strategy| match strategy {
            Strategy::Discount => writer.discount(),
            Strategy::UnusedFeature => writer.unused_feature(),
            Strategy::ValueRecap => writer.value_recap(),
            Strategy::SocialProof => writer.social_proof(),
            Strategy::PainPointFix => writer.pain_point_fix(),
            Strategy::FounderEmail => writer.founder_email(),
            Strategy::PauseOption => writer.pause_option(),
            Strategy::FeedbackRequest => writer.feedback_request(),
            Strategy::DowngradeOffer => writer.downgrade_offer(),
        })
        .collect()
}

/// The one to choose: what the reason calls for, unless it calls for a discount that nobody can give.
/// A matched update is the centrepiece of `unused_feature` and `pain_point_fix`, which their reasons call for.
pub fn recommended(sheet: &FactSheet) -> Strategy {
    let sheet = sheet.cleaned();
    match Strategy::for_reason(sheet.reason) {
        Strategy::Discount if sheet.offer.is_some() => Strategy::Discount,
        Strategy::Discount if !sheet.cheaper_plans.is_empty() => Strategy::DowngradeOffer,
        Strategy::Discount => Strategy::FeedbackRequest,
        strategy => strategy,
    }
}

struct Writer {
    sheet: FactSheet,
    name: Option<String>,
    seed: u64,
}

/// What to do next, where there is no address to go to.
const REPLY: &str = "just reply to this email";

impl Writer {
    fn new(sheet: &FactSheet) -> Self {
        let sheet = sheet.cleaned();
        let name = first_name(sheet.customer.name.as_deref());
        let c = &sheet.customer;
        let seed = seed(&format!("{:?}|{:?}|{:?}|{:?}", c.name, c.company, c.plan, c.tenure_days));
        Writer { sheet, name, seed }
    }

    /// One of several phrasings; the same customer gets the same one, `slot` by slot.
    fn pick<'a>(&self, slot: u64, phrasings: &[&'a str]) -> &'a str {
        let mixed = (self.seed ^ slot.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 33;
        let at = usize::try_from(mixed).unwrap_or(0) % phrasings.len().max(1);
        phrasings.get(at).copied().unwrap_or_default()
    }

    /// The product in a sentence, or what stands for it where it has no name.
    fn product<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.sheet.company.product.as_deref().unwrap_or(otherwise)
    }

    fn because(&self, reason: Reason) -> bool {
        self.sheet.reason == reason
    }

    /// A subject that calls the customer by name, or another where there is none.
    fn named(&self, with: &str, without: &str) -> Said {
        match &self.name {
            Some(name) => Said::new(with.replace("{name}", name)).on("contact", None, format!("First name: {name}"), name),
            None => Said::new(without),
        }
    }

    fn letter(&self, subject: Said) -> Letter {
        let mut letter = Letter::new(subject);
        letter.paragraph([Some(match &self.name {
            Some(name) => Said::new(format!("Hi {name},")).on("contact", None, format!("First name: {name}"), name),
            None => Said::new("Hello,"),
        })]);
        letter
    }

    fn sign(&self, letter: &mut Letter, as_founder: bool) {
        let company = &self.sheet.company;
        let founder = company.founder_name.as_ref().filter(|_| as_founder);
        let house = company.product.as_ref().or(company.company.as_ref());
        let wish = self.pick(90, &["Best wishes,", "All the best,", "Kind regards,"]);
        let (who, below) = match (founder, &company.sender_name) {
            (Some(founder), _) => (founder.clone(), company.founder_title.as_ref().or(house)),
            (None, Some(sender)) => (sender.clone(), house),
            (None, None) => match house {
                Some(house) => (format!("The {house} team"), None),
                None => return,
            },
        };
        let name = Said::new("").on("company", None, format!("Signed by {who}"), who.clone());
        let below = below.map(|below| format!("\n{}", upper_first(below))).unwrap_or_default();
        letter.paragraph([Some(name.reworded(format!("{wish}\n{who}{below}")))]);
    }

    /// The one thing to do: a button where there is an address, an answer otherwise.
    fn act(&self, letter: &mut Letter, button: Said, otherwise: Said) {
        match &self.sheet.company.restart_url {
            Some(url) => letter.link(button, url),
            None => letter.paragraph([Some(otherwise)]),
        }
    }

    fn tenure(&self) -> Option<(String, String)> {
        let days = self.sheet.customer.tenure_days?;
        Some((tenure(days)?, format!("Tenure: {days} days")))
    }

    fn plan(&self) -> Option<String> {
        let plan = self.sheet.customer.plan.as_deref()?;
        Some(plan_name(plan))
    }

    /// "You were with Harbourline for six months, on the Pro plan."
    fn history(&self) -> Option<Said> {
        let us = self.product("us");
        let plan_fact = |said: Said, plan: &str| said.on("contact", None, format!("Plan: {plan}"), plan);
        match (self.tenure(), self.plan()) {
            (Some((stay, fact)), Some(plan)) => {
                let words = self.pick(
                    1,
                    &[
                        "You were with {us} for {stay}, on the {plan}.",
                        "You spent {stay} with {us}, on the {plan}.",
                        "Thank you for {stay} with {us}, on the {plan}.",
                    ],
                );
                let words = fill(words, &[("us", us), ("stay", &stay), ("plan", &plan)]);
                Some(plan_fact(Said::new(words).on("contact", None, fact, stay), &plan))
            }
            (Some((stay, fact)), None) => {
                let words = self.pick(1, &["You were with {us} for {stay}.", "You spent {stay} with {us}."]);
                Some(Said::new(fill(words, &[("us", us), ("stay", &stay)])).on("contact", None, fact, stay))
            }
            (None, Some(plan)) => Some(plan_fact(Said::new(format!("You were on the {plan} with {us}.")), &plan)),
            (None, None) => None,
        }
    }

    fn history_or(&self, otherwise: &str) -> Option<Said> {
        self.history().or_else(|| say(otherwise))
    }

    /// "webhooks and reports", with the fact.
    fn features_used(&self, with: impl Fn(&str) -> String) -> Option<Said> {
        let used: Vec<String> = self.sheet.customer.features_used.iter().take(3).cloned().collect();
        if used.is_empty() {
            return None;
        }
        let words = list(&used);
        Some(Said::new(with(&words)).on("contact", None, format!("Features used: {}", used.join(", ")), words))
    }

    /// Their own words, the first that can stand in a letter.
    fn their_words(&self) -> Option<Said> {
        let (quote, words) = self.sheet.quotes.iter().find_map(|quote| Some((quote, quotable(&quote.text)?)))?;
        let lead = match quote.said_on.filter(|day| *day <= self.sheet.today) {
            Some(date) => format!("On {} you wrote:", day(date, self.sheet.today)),
            None => self.pick(2, &["You wrote to us:", "In your own words:", "This is what you told us:"]).to_owned(),
        };
        let label = format!("Their words, {}: {lead} {words}", quote.source);
        Some(Said::new(format!("{lead} {}", quoted(&words))).on("quote", None, label, words))
    }

    /// A sentence about the reason, with the fact.
    fn reason_said(&self, words: &str, span: &str) -> Option<Said> {
        Some(Said::new(words).on("reason", None, format!("Reason: {}", self.sheet.reason.label()), span))
    }

    fn days_gone(&self) -> Option<i32> {
        let left = self.sheet.customer.left_on?;
        let days = left.until(self.sheet.today).ok()?.get_days();
        (days > 0).then_some(days)
    }

    /// "It's been 12 days since your subscription ended." Nothing where the day is not known.
    fn time_gone(&self) -> Option<Said> {
        let days = self.days_gone()?;
        let left = self.sheet.customer.left_on?;
        let span = match days {
            1 => "It's been a day".to_owned(),
            2..30 => format!("It's been {days} days"),
            _ => "It's been a while".to_owned(),
        };
        Some(Said::new(format!("{span} since your subscription ended.")).on("contact", None, format!("Left on {left}, {days} days ago"), span))
    }

    /// The name an update goes by: its main feature, or its title.
    fn update_name<'a>(&self, update: &'a UpdateFact) -> &'a str {
        let short = |name: &&String| name.chars().count() <= 60;
        update.features.first().filter(short).unwrap_or(&update.title)
    }

    fn on_update(&self, said: Said, update: &UpdateFact, span: impl Into<String>) -> Said {
        let label = format!("{}, shipped on {}. {}", update.title, day(update.shipped_on, self.sheet.today), update.summary);
        said.on("update", Some(&update.id), label, span)
    }

    /// "Since you left we have also shipped bulk export and dark mode."
    fn also_shipped(&self, lead: &str, skip: usize) -> Option<Said> {
        let since: Vec<&UpdateFact> = self.sheet.updates.iter().chain(&self.sheet.other_updates).skip(skip).take(2).collect();
        if since.is_empty() {
            return None;
        }
        let names: Vec<String> = since.iter().map(|update| self.update_name(update).to_owned()).collect();
        let said = Said::new(format!("{lead} {}.", list(&names)));
        Some(since.iter().zip(&names).fold(said, |said, (update, name)| self.on_update(said, update, name.clone())))
    }

    /// "We keep data for 12 months after a subscription ends, so yours is still here."
    fn data_kept(&self) -> Option<Said> {
        let months = self.sheet.company.data_kept_months?;
        let left = self.sheet.customer.left_on?;
        // A month counts as its shortest, so that the sentence is never true of deleted data.
        let gone = self.days_gone().unwrap_or(0);
        if gone > i32::from(months) * 28 {
            return None;
        }
        let span = if months == 1 { "a month".to_owned() } else { format!("{} months", number(u32::from(months))) };
        let label = format!("Data is kept for {months} months; left on {left}");
        Some(Said::new(format!("We keep data for {span} after a subscription ends, so yours is still here.")).on("company", None, label, span))
    }
}

/// "Pro plan" for "Pro", without saying plan twice.
fn plan_name(plan: &str) -> String {
    if plan.to_lowercase().split(' ').any(|word| word == "plan") { plan.to_owned() } else { format!("{plan} plan") }
}

/// Puts facts into a phrasing. Marks inside a fact are left alone.
fn fill(phrasing: &str, facts: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(phrasing.len() + 32);
    let mut rest = phrasing;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((mark, tail)) = after.split_once('}') else { break };
        out.push_str(facts.iter().find(|(name, _)| *name == mark).map_or("", |(_, fact)| fact));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// "48,210 orders synced".
fn figure(value: i64, label: &str) -> String {
    format!("{} {label}", grouped(value.unsigned_abs()))
}
